/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads custom mappings: lines "local -> remote" of a client. */
#include "config/kinds.h"
#include "import/tunnel.h"

#include <inttypes.h>
#include <string.h>

#define KEY "custom_input"

static void say_rest(const struct kg_import_tunnel *t, unsigned int line)
{
	struct kg_place at = kg_import_line_place(t, line, KEY);

	kg_mistakes_warning(t->mistakes, &at,
			    "what stands behind a port is left out, as KCPTube does");
}

/* KCPTube's documents want brackets; without them it takes the address for a name. */
static bool needs_brackets(const struct kg_import_tunnel *t, unsigned int line,
			   struct kg_slice address)
{
	struct kg_place at = kg_import_line_place(t, line, KEY);
	char text[KG_IP_TEXT_BYTES] = "";
	struct kg_ip ip;

	if ((size_t)(address.end - address.at) >= sizeof(text))
		return false;
	memcpy(text, address.at, (size_t)(address.end - address.at));
	if (!kg_ip_parse(&ip, text) || ip.version != 6)
		return false;
	kg_mistakes_warning(t->mistakes, &at, "brackets are put around an IPv6 address");
	return true;
}

/* "address:port"; whatever else it may be stays as it is, for the check of the whole to refuse. */
static json_t *side_json(const struct kg_import_tunnel *t, unsigned int line, struct kg_slice side)
{
	const char *colon = memrchr(side.at, ':', (size_t)(side.end - side.at));
	struct kg_slice address, rest;
	int64_t port;

	if (colon == NULL)
		return kg_import_text(side);
	rest = (struct kg_slice){ colon + 1, side.end };
	if (!kg_import_number(&rest, &port) || port < 1 || port > UINT16_MAX)
		return kg_import_text(side);
	if (!kg_slice_is_empty(rest))
		say_rest(t, line);
	address = kg_slice_trim((struct kg_slice){ side.at, colon });
	return json_sprintf(needs_brackets(t, line, address) ? "[%.*s]:%d" : "%.*s:%d",
			    (int)(address.end - address.at), address.at, (int)port);
}

/* A later mapping takes the place of earlier ones that listen there. */
static void replace_earlier(struct kg_import_tunnel *t, const struct kg_import_mapping *mapping)
{
	struct kg_place at = kg_import_line_place(t, mapping->line, KEY);

	for (unsigned int i = 0; i < t->mapping_count; i++) {
		struct kg_import_mapping *earlier = &t->mappings[i];

		if ((earlier->protocol & mapping->protocol) == 0 ||
		    !json_equal(earlier->local, mapping->local))
			continue;
		earlier->protocol &= ~mapping->protocol;
		kg_mistakes_warning(t->mistakes, &at,
				    "takes the place of line %u, which listens there, too",
				    earlier->line);
	}
}

static bool has_room(const struct kg_import_tunnel *t, const struct kg_import_mapping *mapping)
{
	struct kg_place at = kg_import_line_place(t, mapping->line, KEY);
	bool utf8 = mapping->local != NULL && mapping->remote != NULL;

	if (!utf8)
		kg_mistakes_error(t->mistakes, &at,
				  "found bytes that are no UTF-8, which JSON cannot have");
	else if (t->mapping_count == KG_CONFIG_MAPPINGS_MAX)
		kg_mistakes_error(t->mistakes, &at, "one too many; allowed %u in all",
				  KG_CONFIG_MAPPINGS_MAX);
	return utf8 && t->mapping_count < KG_CONFIG_MAPPINGS_MAX;
}

void kg_import_mapping_add(struct kg_import_tunnel *t, const struct kg_conf_line *line,
			   unsigned int protocol)
{
	struct kg_import_mapping mapping = { .protocol = protocol, .line = line->number };
	struct kg_slice local, remote;

	if (!kg_conf_split_mapping(line->whole, &local, &remote))
		return;
	mapping.local = side_json(t, line->number, local);
	mapping.remote = side_json(t, line->number, remote);
	if (!has_room(t, &mapping)) {
		json_decref(mapping.local);
		json_decref(mapping.remote);
		return;
	}
	replace_earlier(t, &mapping);
	t->mappings[t->mapping_count++] = mapping;
}

static const char *protocol_word(unsigned int protocol)
{
	return protocol == KG_MAPPED_TCP ? "tcp" : "udp";
}

static json_t *mapping_json(const struct kg_import_mapping *mapping)
{
	json_t *json = json_pack("{s:O,s:O}", "local", mapping->local, "remote", mapping->remote);

	if (mapping->protocol != KG_MAPPED_BOTH)
		json_object_set_new(json, "protocol",
				    json_string(protocol_word(mapping->protocol)));
	return json;
}

/* Does the client listen where its mappings say? */
static bool is_custom(const struct kg_import_tunnel *t)
{
	const struct kg_import_object *own = &t->parts[KG_IMPORT_OWN];

	return kg_import_is_braces(kg_import_get(own, kg_import_key_index("listen_port"))) ||
	       kg_import_is_braces(kg_import_get(own, kg_import_key_index("listen_on")));
}

void kg_import_mappings_settle(struct kg_import_tunnel *t)
{
	struct kg_place at;
	json_t *list;

	if (t->mapping_count == 0)
		return;
	if (!is_custom(t)) {
		at = kg_import_line_place(t, t->mappings[0].line, KEY);
		kg_mistakes_warning(t->mistakes, &at,
				    "mappings are without effect unless listen_port is {}; left "
				    "out");
		return;
	}
	list = json_array();
	for (unsigned int i = 0; i < t->mapping_count; i++) {
		if (t->mappings[i].protocol != 0)
			json_array_append_new(list, mapping_json(&t->mappings[i]));
	}
	json_object_set_new(t->parts[KG_IMPORT_OWN].json, KEY, list);
}

unsigned int kg_import_mapping_line(const struct kg_import_tunnel *t, unsigned int index)
{
	for (unsigned int i = 0; i < t->mapping_count; i++) {
		if (t->mappings[i].protocol != 0 && index-- == 0)
			return t->mappings[i].line;
	}
	return 0;
}
