/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checks what must agree when clients say where to: "{}" on a client goes with custom_input and
 * takes the place of what it listens on; on a server it goes with custom_allow and takes the place
 * of a destination.
 */
#include "config/kinds.h"
#include "config/load.h"

#include <string.h>

/* ---- "{}" ---- */

/* The two keys of which one "{}" stands for both. */
static const char *const listen_keys[] = { "listen_port", "listen_on" };
static const char *const destination_keys[] = { "destination_port", "destination_address" };

static const json_t *given(const struct kg_load *load, unsigned int i, const char *key)
{
	return kg_load_given(load->tunnels[i].json, kg_schema_find(KG_SCOPE_TUNNEL, key));
}

static bool is_braces(const json_t *value)
{
	return json_is_string(value) && !strcmp(json_string_value(value), KG_CUSTOM_TEXT);
}

/* "{}" on the wrong side. */
static void refuse_braces(struct kg_load *load, unsigned int i, const char *const keys[2],
			  const char *where)
{
	for (int k = 0; k < 2; k++) {
		struct kg_place at = kg_tunnel_place(load, i, keys[k]);

		if (is_braces(given(load, i, keys[k])))
			kg_mistakes_error(load->mistakes, &at, "found \"{}\"; allowed on a %s",
					  where);
	}
}

/* What stands beside "{}" would have no effect. */
static void refuse_beside(struct kg_load *load, unsigned int i, const char *const keys[2])
{
	for (int k = 0; k < 2; k++) {
		struct kg_place at = kg_tunnel_place(load, i, keys[k]);
		const json_t *value = given(load, i, keys[k]);
		char found[KG_FOUND_BYTES];

		if (value && !is_braces(value) && json_array_size(value) + !json_is_array(value))
			kg_mistakes_error(load->mistakes, &at,
					  "found %s beside %s \"{}\"; allowed one",
					  kg_found(value, found), keys[!k]);
	}
}

static void refuse_key(struct kg_load *load, unsigned int i, const char *key, const char *text)
{
	struct kg_place at = kg_tunnel_place(load, i, key);

	if (kg_tunnel_given(load, i, key))
		kg_mistakes_error(load->mistakes, &at, "%s", text);
}

/* ---- mappings ---- */

/* The mapping as a tunnel that listens there. */
static struct kg_tunnel_config as_tunnel(const struct kg_tunnel_config *t,
					 const struct kg_mapping_config *mapping)
{
	return (struct kg_tunnel_config){
		.listen_on = (struct kg_ip *)(uintptr_t)&mapping->local.ip,
		.listen_on_count = mapping->local.ip.version != 0,
		.ipv4_only = t->ipv4_only,
		.ipv6_only = t->ipv6_only,
		.app.vrf_ingress = t->app.vrf_ingress,
	};
}

static bool mappings_clash(const struct kg_tunnel_config *a, const struct kg_mapping_config *m,
			   const struct kg_tunnel_config *b, const struct kg_mapping_config *n)
{
	struct kg_tunnel_config at_m = as_tunnel(a, m), at_n = as_tunnel(b, n);

	return m->local.port == n->local.port && (m->protocol & n->protocol) != 0 &&
	       kg_tunnels_share_address(&at_m, &at_n);
}

/* A server listens to UDP, a client to both. */
static bool tunnel_clashes(const struct kg_tunnel_config *a, const struct kg_mapping_config *m,
			   const struct kg_tunnel_config *b)
{
	struct kg_tunnel_config at_m = as_tunnel(a, m);

	return ((m->protocol & KG_MAPPED_UDP) != 0 || b->app.kind == KG_APP_LISTENS) &&
	       kg_port_ranges_contain(b->listen_ports, b->listen_port_count, m->local.port) &&
	       kg_tunnels_share_address(&at_m, b);
}

/* Where a key of one mapping is, or would be, written. */
static struct kg_place mapping_place(const struct kg_load *load, unsigned int i, unsigned int k,
				     const char *key)
{
	struct kg_place list = kg_tunnel_place(load, i, "custom_input");
	struct kg_place item = kg_place_item(&list, k);

	return kg_place_member(&item, key);
}

static void report_clash(struct kg_load *load, unsigned int i, unsigned int k,
			 const struct kg_place *other)
{
	struct kg_place at = mapping_place(load, i, k, "local");

	kg_mistakes_error(load->mistakes, &at,
			  "found port %u, where %s in %s listens already on the same address",
			  load->config->tunnels[i].mappings[k].local.port, other->path,
			  other->file);
}

/* With mappings before it, and with tunnels that have none. */
static void check_clashes(struct kg_load *load, unsigned int i, unsigned int k)
{
	const struct kg_tunnel_config *tunnels = load->config->tunnels, *t = &tunnels[i];
	const struct kg_mapping_config *m = &t->mappings[k];

	for (unsigned int j = 0; j < load->config->tunnel_count; j++) {
		unsigned int until = j < i ? tunnels[j].mapping_count : j == i ? k : 0;

		for (unsigned int l = 0; l < until; l++) {
			struct kg_place list = kg_tunnel_place(load, j, "custom_input");
			struct kg_place other = kg_place_item(&list, l);

			if (mappings_clash(t, m, &tunnels[j], &tunnels[j].mappings[l]))
				report_clash(load, i, k, &other);
		}
		if (j != i && tunnel_clashes(t, m, &tunnels[j]))
			report_clash(load, i, k, &load->tunnels[j].place);
	}
}

static void check_mapping(struct kg_load *load, unsigned int i, unsigned int k)
{
	const struct kg_tunnel_config *t = &load->config->tunnels[i];
	const struct kg_mapping_config *m = &t->mappings[k];
	struct kg_place local = mapping_place(load, i, k, "local");
	struct kg_place remote = mapping_place(load, i, k, "remote");
	char text[KG_IP_TEXT_BYTES];

	if (m->local.ip.version && !(kg_ip_family(&m->local.ip) & kg_tunnel_families(t)))
		kg_mistakes_error(load->mistakes, &local, "found %s; allowed IPv%c addresses (%s)",
				  kg_ip_text(&m->local.ip, text), t->ipv4_only ? '4' : '6',
				  t->ipv4_only ? "ipv4_only" : "ipv6_only");
	if (m->remote.address && strlen(m->remote.address) > kg_tunnel_target_bytes(t))
		kg_mistakes_error(load->mistakes, &remote,
				  "found %zu characters; allowed %zu with kcp_mtu %u",
				  strlen(m->remote.address), kg_tunnel_target_bytes(t),
				  t->wire.kcp.mtu);
	if (m->local.port)
		check_clashes(load, i, k);
}

/* ---- both sides ---- */

static void check_client(struct kg_load *load, unsigned int i)
{
	const struct kg_tunnel_config *t = &load->config->tunnels[i];
	struct kg_place at = kg_tunnel_place(load, i, "custom_input");

	refuse_braces(load, i, destination_keys, "server");
	refuse_key(load, i, "custom_allow", "found on a client; allowed on a server");
	if (!t->custom_listen) {
		refuse_key(load, i, "custom_input", "without effect; requires listen_port \"{}\"");
		return;
	}
	refuse_beside(load, i, listen_keys);
	if (!kg_tunnel_given(load, i, "custom_input"))
		kg_mistakes_error(load->mistakes, &at, "missing; listen_port \"{}\" requires it");
	else if (json_is_array(given(load, i, "custom_input")) && t->mapping_count == 0)
		kg_mistakes_error(load->mistakes, &at, "found []; allowed at least one");
	for (unsigned int k = 0; k < t->mapping_count; k++)
		check_mapping(load, i, k);
}

static void check_server(struct kg_load *load, unsigned int i)
{
	refuse_braces(load, i, listen_keys, "client");
	refuse_key(load, i, "custom_input", "found on a server; allowed on a client");
	if (load->config->tunnels[i].custom_destination)
		refuse_beside(load, i, destination_keys);
	else
		refuse_key(load, i, "custom_allow",
			   "without effect; requires destination_port \"{}\"");
}

/* What clients name passes, whatever it is. */
static void check_leg(struct kg_load *load, unsigned int i)
{
	refuse_braces(load, i, listen_keys, "client");
	refuse_braces(load, i, destination_keys, "server");
}

void kg_load_check_custom(struct kg_load *load, unsigned int i)
{
	if (!kg_tunnel_given(load, i, "mode"))
		return;
	if (kg_mode_is_leg(load->config->tunnels[i].mode)) {
		check_leg(load, i);
		return;
	}
	if (load->config->tunnels[i].mode == KG_MODE_CLIENT)
		check_client(load, i);
	else
		check_server(load, i);
}
