/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads lists of values. In JSON a single value stands for a list of one. */
#include "config/kinds.h"
#include "config/values.h"
#include "net/stun.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* What a list is made of. */
struct element {
	size_t bytes;
	bool commas; /* a text may hold several, separated by commas */
	bool heap;   /* the member points to them; otherwise it is an array of them */
	bool (*load)(const struct kg_field *field, const struct kg_place *at, const json_t *value,
		     void *to);
	json_t *(*dump)(const void *from);
};

static unsigned int *count_member(const struct kg_field *field)
{
	return (unsigned int *)((char *)field->object + field->key->count_offset);
}

static json_t *split_commas(const char *text)
{
	struct kg_slice rest = kg_slice_of(text);
	json_t *items = json_array();

	while (rest.at < rest.end) {
		struct kg_slice item = kg_slice_cut(&rest, ',');

		json_array_append_new(items, json_stringn(item.at, (size_t)(item.end - item.at)));
	}
	return items;
}

/* The value as an array: a new one, or a reference to its own. */
static json_t *items_of(const json_t *value, bool commas)
{
	if (json_is_array(value))
		return json_incref((json_t *)value);
	if (json_is_string(value) && commas)
		return split_commas(json_string_value(value));
	return json_pack("[O]", value);
}

/* An empty list is allowed where it is what one has without the key. */
static bool may_be_empty(const struct kg_key *key)
{
	return key->fallback && !strcmp(key->fallback, "[]");
}

static void load_items(const struct kg_field *field, const struct kg_place *at, const json_t *items,
		       const struct element *element, bool numbered)
{
	unsigned int *count = count_member(field);
	char *to = kg_field_member(field);
	const json_t *item;
	size_t i;

	if (element->heap) {
		to = kg_config_alloc(json_array_size(items), element->bytes);
		*(void **)kg_field_member(field) = to;
	}
	json_array_foreach (items, i, item) {
		struct kg_place here = numbered ? kg_place_item(at, i) : *at;

		if (element->load(field, &here, item, to + *count * element->bytes))
			(*count)++;
	}
}

static void list_load(const struct kg_field *field, const struct kg_place *at, const json_t *value,
		      const struct element *element)
{
	if (kg_field_is_custom(field, value))
		return;

	json_t *items = items_of(value, element->commas);
	size_t room = field->key->bytes / element->bytes;

	if (json_array_size(items) == 0 && !may_be_empty(field->key))
		kg_field_refuse(field, at, value, "at least one");
	else if (!element->heap && json_array_size(items) > room)
		kg_mistakes_error(field->mistakes, at, "found %zu entries; allowed at most %zu",
				  json_array_size(items), room);
	else
		load_items(field, at, items, element, json_is_array(value));
	json_decref(items);
}

static json_t *list_dump(const struct kg_key *key, const void *object,
			 const struct element *element)
{
	unsigned int count = *(const unsigned int *)((const char *)object + key->count_offset);
	const char *from = kg_key_member(key, object);

	if (kg_key_is_custom(key, object))
		return json_string(KG_CUSTOM_TEXT);
	if (count == 0 && !may_be_empty(key))
		return NULL;

	json_t *items = json_array();

	if (element->heap)
		from = *(const char *const *)from;
	for (unsigned int i = 0; i < count; i++)
		json_array_append_new(items, element->dump(from + i * element->bytes));
	return items;
}

/* Ties a kind to what its list is made of. */
#define LIST_KIND(name, words)                                                           \
	static void name##_load(const struct kg_field *field, const struct kg_place *at, \
				const json_t *value)                                     \
	{                                                                                \
		list_load(field, at, value, &name##_element);                            \
	}                                                                                \
	static json_t *name##_dump(const struct kg_key *key, const void *object)         \
	{                                                                                \
		return list_dump(key, object, &name##_element);                          \
	}                                                                                \
	const struct kg_kind kg_kind_##name = { words, name##_load, name##_dump }

/* ---- addresses ---- */

static bool address_load(const struct kg_field *field, const struct kg_place *at,
			 const json_t *value, void *to)
{
	const char *text = json_is_string(value) ? json_string_value(value) : "";
	struct kg_ip *ip = to;

	if (!kg_parse_address(text, ip)) {
		kg_field_refuse(field, at, value, "an IPv4 or IPv6 address");
		return false;
	}
	if (!kg_is_one_host(ip) && !(field->key->any && kg_ip_is_unspecified(ip))) {
		kg_field_refuse(field, at, value, "the address of one host");
		return false;
	}
	return true;
}

static json_t *address_dump(const void *from)
{
	char text[KG_IP_TEXT_BYTES];

	return json_string(kg_ip_text(from, text));
}

static const struct element addresses_element = {
	sizeof(struct kg_ip), .commas = true, .heap = true, address_load, address_dump,
};
LIST_KIND(addresses, "IP address, or list");

static bool host_load(const struct kg_field *field, const struct kg_place *at, const json_t *value,
		      void *to)
{
	const char *text = json_is_string(value) ? json_string_value(value) : "";
	struct kg_host *host = to;

	if (kg_is_host_name(text)) {
		strcpy(host->name, text);
		return true;
	}
	if (kg_parse_address(text, &host->ip))
		return address_load(field, at, value, &host->ip);
	kg_field_refuse(field, at, value, "an IPv4 or IPv6 address, or a host name");
	return false;
}

static json_t *host_dump(const void *from)
{
	const struct kg_host *host = from;

	return host->ip.version != 0 ? address_dump(&host->ip) : json_string(host->name);
}

static const struct element hosts_element = {
	sizeof(struct kg_host), .commas = true, .heap = true, host_load, host_dump,
};
LIST_KIND(hosts, "IP address or host name, or list");

/* host, host:port, [address]:port */
static bool stun_server_load(const struct kg_field *field, const struct kg_place *at,
			     const json_t *value, void *to)
{
	const char *text = json_is_string(value) ? json_string_value(value) : "";
	struct kg_server_config *server = to;
	struct kg_target target;

	*server = (struct kg_server_config){ .port = KG_STUN_PORT };
	if (kg_parse_address(text, &server->host.ip) && kg_is_one_host(&server->host.ip))
		return true;
	server->host.ip = (struct kg_ip){ 0 };
	if (kg_is_host_name(text)) {
		strcpy(server->host.name, text);
		return true;
	}
	if (!kg_parse_target(text, &target)) {
		kg_field_refuse(field, at, value,
				"a host name or an address, and a port if it is not 3478");
		return false;
	}
	server->port = target.port;
	if (!kg_ip_parse(&server->host.ip, target.address))
		strcpy(server->host.name, target.address);
	free((char *)(uintptr_t)target.address);
	return true;
}

static json_t *stun_server_dump(const void *from)
{
	const struct kg_server_config *server = from;
	struct kg_endpoint at = { server->host.ip, server->port };
	char text[KG_ENDPOINT_TEXT_BYTES];

	if (at.ip.version != 0)
		return json_string(kg_endpoint_text(&at, text));
	return json_sprintf("%s:%u", server->host.name, server->port);
}

static const struct element stun_servers_element = {
	sizeof(struct kg_server_config),
	.commas = true,
	.heap = true,
	stun_server_load,
	stun_server_dump,
};
LIST_KIND(stun_servers, "host, host:port, or list");

static const struct element gateways_element = {
	sizeof(struct kg_ip), .commas = true, .heap = false, address_load, address_dump,
};
LIST_KIND(gateways, "IP address, or list");

static bool prefix_load(const struct kg_field *field, const struct kg_place *at,
			const json_t *value, void *to)
{
	const char *text = json_is_string(value) ? json_string_value(value) : "";
	struct kg_prefix *prefix = to;

	if (kg_parse_prefix(text, prefix) && kg_is_one_host(&prefix->ip))
		return true;
	kg_field_refuse(field, at, value, "an address with its prefix length, as 198.18.0.2/24");
	return false;
}

static json_t *prefix_dump(const void *from)
{
	const struct kg_prefix *prefix = from;
	char text[KG_IP_TEXT_BYTES];

	return json_sprintf("%s/%u", kg_ip_text(&prefix->ip, text), prefix->length);
}

static const struct element prefixes_element = {
	sizeof(struct kg_prefix), .commas = true, .heap = false, prefix_load, prefix_dump,
};
LIST_KIND(prefixes, "address/length, or list");

/* ---- what may be connected to ---- */

static bool allow_load(const struct kg_field *field, const struct kg_place *at, const json_t *value,
		       void *to)
{
	if (json_is_string(value) && kg_allow_parse(to, json_string_value(value)))
		return true;
	kg_field_refuse(field, at, value,
			"ADDRESS:PORTS, as \"10.0.0.0/8:1-65535\", \"127.0.0.1:8000\" or "
			"\"[fd00:18::/32]:*\"; no names");
	return false;
}

static json_t *allow_dump(const void *from)
{
	char text[KG_ALLOW_TEXT_BYTES];

	return json_string(kg_allow_text(from, text));
}

static const struct element allows_element = {
	sizeof(struct kg_allow), .commas = true, .heap = true, allow_load, allow_dump,
};
LIST_KIND(allows, "address:ports, or list");

/* ---- numbers and texts ---- */

static bool number_load(const struct kg_field *field, const struct kg_place *at,
			const json_t *value, void *to)
{
	int64_t number;

	if (!kg_field_number(field, at, value, &number))
		return false;
	*(unsigned int *)to = (unsigned int)number;
	return true;
}

static json_t *number_dump(const void *from)
{
	return json_integer(*(const unsigned int *)from);
}

static const struct element numbers_element = {
	sizeof(unsigned int), .commas = true, .heap = false, number_load, number_dump,
};
LIST_KIND(numbers, "whole number, or list");

static bool text_load(const struct kg_field *field, const struct kg_place *at, const json_t *value,
		      void *to)
{
	if (!json_is_string(value) || !*json_string_value(value)) {
		kg_field_refuse(field, at, value, "a text that is not empty");
		return false;
	}
	*(char **)to = kg_config_strdup(json_string_value(value));
	return true;
}

static json_t *text_dump(const void *from)
{
	return json_string(*(const char *const *)from);
}

static const struct element texts_element = {
	sizeof(char *), .commas = false, .heap = false, text_load, text_dump,
};
LIST_KIND(texts, "text, or list");

/* ---- ports: an entry may hold many, and all are joined ---- */

static const char ports_allowed[] = "ports 1 to 65535, ranges as \"3000-3010\", or a list of them";

static bool add_ports(const json_t *value, struct kg_port_list *list)
{
	json_int_t port = json_integer_value(value);

	if (json_is_string(value))
		return kg_parse_ports(json_string_value(value), list);
	if (port < 1 || port > UINT16_MAX)
		return false;
	kg_port_list_add(list, (uint16_t)port, (uint16_t)port);
	return true;
}

static void ports_load(const struct kg_field *field, const struct kg_place *at, const json_t *value)
{
	struct kg_port_list list = { 0 };
	const json_t *item;
	size_t i;

	if (kg_field_is_custom(field, value))
		return;

	json_t *items = items_of(value, false);

	if (json_array_size(items) == 0)
		kg_field_refuse(field, at, value, ports_allowed);
	json_array_foreach (items, i, item) {
		struct kg_place here = json_is_array(value) ? kg_place_item(at, i) : *at;

		if (!add_ports(item, &list))
			kg_field_refuse(field, &here, item, ports_allowed);
	}
	kg_port_list_merge(&list);
	*(struct kg_port_range **)kg_field_member(field) = list.ranges;
	*count_member(field) = list.count;
	json_decref(items);
}

static json_t *ports_dump(const struct kg_key *key, const void *object)
{
	unsigned int count = *(const unsigned int *)((const char *)object + key->count_offset);
	const struct kg_port_range *range =
		*(struct kg_port_range *const *)kg_key_member(key, object);

	if (kg_key_is_custom(key, object))
		return json_string(KG_CUSTOM_TEXT);

	json_t *items = json_array();

	for (; count; count--, range++) {
		if (range->first == range->last)
			json_array_append_new(items, json_integer(range->first));
		else
			json_array_append_new(items,
					      json_sprintf("%u-%u", range->first, range->last));
	}
	return items;
}

const struct kg_kind kg_kind_ports = { "port, range, or list", ports_load, ports_dump };
