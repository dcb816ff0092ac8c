/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds what a configuration changes of the one that a box runs with. */
#include "config/load.h"

#include <stdlib.h>
#include <string.h>

static uint64_t digest(const json_t *json, const struct kg_siphash_key *key)
{
	const size_t flags = JSON_COMPACT | JSON_SORT_KEYS;
	size_t len = json_dumpb(json, NULL, 0, flags);
	char *text = kg_config_alloc(len, 1);
	uint64_t hash;

	json_dumpb(json, text, len, flags);
	hash = kg_siphash(key, text, len);
	explicit_bzero(text, len);
	free(text);
	return hash;
}

void kg_config_digest(struct kg_config *config, const struct kg_siphash_key *key)
{
	for (unsigned int i = 0; i < config->tunnel_count; i++) {
		json_t *json = kg_tunnel_dump(config, &config->tunnels[i]);

		config->tunnels[i].digest = digest(json, key);
		json_decref(json);
	}
}

/* Legs and tunnels are compared one by one. */
static bool differs(const struct kg_key *key, const json_t *a, const json_t *b)
{
	const json_t *one = json_object_get(a, key->name), *other = json_object_get(b, key->name);

	if (key->scope != KG_SCOPE_ROOT || !strcmp(key->name, "tunnels"))
		return false;
	return one == NULL || other == NULL ? one != other : !json_equal(one, other);
}

const char *kg_config_difference(const struct kg_config *a, const struct kg_config *b)
{
	json_t *one = kg_root_dump(a, false), *other = kg_root_dump(b, false);
	const char *name = NULL;

	for (size_t i = 0; i < kg_schema_count && name == NULL; i++) {
		if (differs(&kg_schema[i], one, other))
			name = kg_schema[i].name;
	}
	json_decref(one);
	json_decref(other);
	return name;
}

static bool have_one_body(const struct kg_wire_end *a, const struct kg_wire_end *b)
{
	return a->protocol == b->protocol && a->fec.data == b->fec.data &&
	       a->fec.parity == b->fec.parity;
}

bool kg_tunnels_mingle(const struct kg_tunnel_config *a, const struct kg_tunnel_config *b)
{
	return a->wire.role == KG_ROLE_SERVER && b->wire.role == KG_ROLE_SERVER &&
	       kg_tunnels_common_port(a, b) != 0 && kg_tunnels_share_address(a, b) &&
	       !have_one_body(&a->wire, &b->wire);
}
