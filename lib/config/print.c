/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes JSON of the effective configuration. */
#include "config/kinds.h"
#include "config/load.h"
#include "wire/profile.h"

#include <string.h>

struct print {
	const struct kg_config *config;
	bool secrets;
};

static json_t *dump_object(const struct print *print, enum kg_scope scope, const void *object);
static json_t *dump_keys(const struct print *print, enum kg_scope scope, const void *object,
			 enum kg_relay_object leg);

static json_t *dump_list(const struct print *print, enum kg_scope scope, const void *objects,
			 unsigned int count, size_t bytes)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < count; i++)
		json_array_append_new(list,
				      dump_object(print, scope, (const char *)objects + i * bytes));
	return list;
}

/* Everything stands in the legs, whatever the relay's own object had. */
static json_t *dump_relay(const struct print *print, const struct kg_tunnel_config *listener)
{
	return json_pack("{s:s,s:s,s:s,s:o,s:o}", "name", listener->relay, "mode", KG_RELAY_WORD,
			 "protocol", listener->wire.profile->name, kg_leg_name(KG_IN_LISTENER),
			 dump_keys(print, KG_SCOPE_TUNNEL, listener, KG_IN_LISTENER),
			 kg_leg_name(KG_IN_FORWARDER),
			 dump_keys(print, KG_SCOPE_TUNNEL, listener->other_leg, KG_IN_FORWARDER));
}

static json_t *dump_tunnels(const struct print *print)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < print->config->tunnel_count; i++) {
		const struct kg_tunnel_config *t = &print->config->tunnels[i];

		if (t->mode == KG_MODE_LISTENER)
			json_array_append_new(list, dump_relay(print, t));
		else if (t->mode != KG_MODE_FORWARDER)
			json_array_append_new(list, dump_object(print, KG_SCOPE_TUNNEL, t));
	}
	return list;
}

json_t *kg_tunnel_dump(const struct kg_config *config, const struct kg_tunnel_config *tunnel)
{
	const struct print print = { config, .secrets = true };

	if (tunnel->mode == KG_MODE_FORWARDER)
		tunnel = tunnel->other_leg;
	return tunnel->mode == KG_MODE_LISTENER ? dump_relay(&print, tunnel)
						: dump_object(&print, KG_SCOPE_TUNNEL, tunnel);
}

json_t *kg_root_dump(const struct kg_config *config, bool secrets)
{
	const struct print print = { config, secrets };

	return dump_object(&print, KG_SCOPE_ROOT, config);
}

/* The list that stands in `owner`; NULL when there is nothing to show. */
static json_t *dump_objects(const struct print *print, enum kg_scope scope, const void *owner)
{
	const struct kg_config *config = print->config;
	const struct kg_tunnel_config *tunnel = owner;

	switch (scope) {
	case KG_SCOPE_PORT:
		return dump_list(print, scope, config->ports, config->port_count,
				 sizeof(config->ports[0]));
	case KG_SCOPE_MAPPING:
		if (tunnel->mapping_count == 0)
			return NULL;
		return dump_list(print, scope, tunnel->mappings, tunnel->mapping_count,
				 sizeof(tunnel->mappings[0]));
	default:
		return dump_tunnels(print);
	}
}

/* A kcp_mtu of its own would have no effect beside mtu: then mtu is left out. And a window that
 * nobody has written, which sets itself, would be one that is written. */
static bool is_hidden(const struct kg_config *config, const struct kg_key *key, const void *object)
{
	const struct kg_tunnel_config *tunnel = object;

	if (key->scope != KG_SCOPE_TUNNEL)
		return false;
	if (key->needs_kcp && tunnel->wire.profile->bare)
		return true;
	if (!strcmp(key->name, "kcp_sndwnd"))
		return tunnel->wire.kcp.snd_spread;
	if (!strcmp(key->name, "kcp_rcvwnd"))
		return tunnel->wire.kcp.rcv_grows;
	return !strcmp(key->name, "mtu") &&
	       kg_tunnel_kcp_mtu(config, tunnel, tunnel->wire.mtu) != tunnel->wire.kcp.mtu;
}

static json_t *dump_value(const struct print *print, const struct kg_key *key, const void *object)
{
	if (key->kind == &kg_kind_object)
		return dump_object(print, key->inner, object);
	if (key->kind == &kg_kind_objects)
		return dump_objects(print, key->inner, object);

	json_t *value = key->kind->dump(key, object);

	if (!value || !key->secret || print->secrets)
		return value;
	json_decref(value);
	return json_null();
}

static json_t *dump_object(const struct print *print, enum kg_scope scope, const void *object)
{
	return dump_keys(print, scope, object, 0);
}

/* `leg`: those that it takes; 0: all. */
static json_t *dump_keys(const struct print *print, enum kg_scope scope, const void *object,
			 enum kg_relay_object leg)
{
	json_t *json = json_object();

	for (const struct kg_key *key = kg_schema; key < kg_schema + kg_schema_count; key++) {
		if (key->scope != scope || !key->kind || is_hidden(print->config, key, object) ||
		    key->kind == &kg_kind_leg || (key->relay & leg) != leg)
			continue;
		json_t *value = dump_value(print, key, object);

		if (value)
			json_object_set_new(json, key->name, value);
	}
	return json;
}

void kg_config_print(const struct kg_config *config, FILE *to, bool secrets)
{
	json_t *json = kg_root_dump(config, secrets);

	json_dumpf(json, to, JSON_INDENT(2));
	fputc('\n', to);
	json_decref(json);
}
