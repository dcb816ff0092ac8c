/* SPDX-License-Identifier: BSD-3-Clause */
/* Says what was given in the documents, and where it stands, or would. */
#include "config/load.h"

const json_t *kg_load_given(const json_t *object, const struct kg_key *key)
{
	const json_t *value = json_object_get(object, key->name);

	if (key->scope == KG_SCOPE_TUNNEL && json_is_string(value) && !json_string_length(value))
		return NULL;
	return value;
}

bool kg_tunnel_given(const struct kg_load *load, unsigned int tunnel, const char *key)
{
	return kg_load_given(load->tunnels[tunnel].json, kg_schema_find(KG_SCOPE_TUNNEL, key));
}

struct kg_place kg_tunnel_place(const struct kg_load *load, unsigned int tunnel, const char *key)
{
	const struct kg_written *written = &load->tunnels[tunnel];
	bool inherited = json_object_get(written->inherited, key) != NULL;

	return kg_place_member(inherited ? &written->relay : &written->place, key);
}

struct kg_place kg_port_place(const struct kg_load *load, unsigned int port, const char *key)
{
	return kg_place_member(&load->ports[port].place, key);
}

struct kg_place kg_root_place(const struct kg_load *load, const char *key)
{
	struct kg_place root = { .file = load->documents[0].file };

	for (size_t i = load->document_count; i-- > 0;) {
		if (json_object_get(load->documents[i].root, key))
			root.file = load->documents[i].file;
	}
	return kg_place_member(&root, key);
}
