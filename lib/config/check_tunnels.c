/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks what must agree within a tunnel, with the ports, and between tunnels. */
#include "config/load.h"

#include "aead/aead.h"
#include "config/kinds.h"
#include "config/values.h"
#include "wire/profile.h"

#include <stdlib.h>
#include <string.h>

/* ---- one tunnel ---- */

static unsigned int port_count(const struct kg_port_range *ranges, unsigned int count)
{
	unsigned int ports = 0;

	for (unsigned int i = 0; i < count; i++)
		ports += ranges[i].last - ranges[i].first + 1u;
	return ports;
}

static void check_one(struct kg_load *load, unsigned int i, const char *key, unsigned int found,
		      const char *who)
{
	struct kg_place at = kg_tunnel_place(load, i, key);

	if (found > 1)
		kg_mistakes_error(load->mistakes, &at, "found %u; allowed one on a %s", found, who);
}

static void check_counts(struct kg_load *load, unsigned int i)
{
	const struct kg_tunnel_config *t = &load->config->tunnels[i];
	struct kg_place mux = kg_tunnel_place(load, i, "mux_tunnels");

	if (!kg_tunnel_given(load, i, "mode"))
		return;
	if (kg_mode_is_leg(t->mode))
		return;
	if (t->mode == KG_MODE_CLIENT) {
		check_one(load, i, "listen_port", port_count(t->listen_ports, t->listen_port_count),
			  "client");
		return;
	}
	if (t->wire.mux_tunnels > 0)
		kg_mistakes_error(load->mistakes, &mux,
				  "found %u; allowed 0 on a server, which takes "
				  "what its clients open",
				  t->wire.mux_tunnels);
	check_one(load, i, "destination_port",
		  port_count(t->destination_ports, t->destination_port_count), "server");
	check_one(load, i, "destination_address", t->destination_count, "server");
}

/* Of a wire that has no KCP, and whose datagrams say nothing of where they go. */
static void check_bare(struct kg_load *load, unsigned int i)
{
	static const char *const customs[] = { "listen_port", "listen_on", "destination_port",
					       "destination_address" };
	const struct kg_tunnel_config *t = &load->config->tunnels[i];

	if (!t->wire.profile->bare)
		return;
	for (const struct kg_key *key = kg_schema; key < kg_schema + kg_schema_count; key++) {
		struct kg_place at = kg_tunnel_place(load, i, key->name);

		if (key->needs_kcp && kg_tunnel_given(load, i, key->name))
			kg_mistakes_error(load->mistakes, &at,
					  "allowed with protocol \"kcptube\"; UDP Hop has no such "
					  "thing");
	}
	for (size_t k = 0; k < KG_ARRAY_SIZE(customs); k++) {
		const struct kg_key *key = kg_schema_find(KG_SCOPE_TUNNEL, customs[k]);
		struct kg_place at = kg_tunnel_place(load, i, customs[k]);

		if (kg_tunnel_given(load, i, customs[k]) && kg_key_is_custom(key, t))
			kg_mistakes_error(load->mistakes, &at,
					  "found \"{}\"; allowed with protocol \"kcptube\"");
	}
}

/* A client's paths share the rate that is found out. */
static void check_spread(struct kg_load *load, unsigned int i)
{
	const struct kg_wire_end *wire = &load->config->tunnels[i].wire;
	struct kg_place at = kg_tunnel_place(load, i, "spread");

	if (wire->spread == 0 || wire->profile->bare)
		return;
	if (wire->role == KG_ROLE_SERVER)
		kg_mistakes_error(load->mistakes, &at,
				  "found %u; allowed 0 on a server, which answers on what its "
				  "clients use",
				  wire->spread);
	else if (!wire->kcp.rate_auto)
		kg_mistakes_error(load->mistakes, &at,
				  "found %u; allowed with rate \"auto\" and kcp_nc", wire->spread);
}

/* A TXT record says both, of a client's server. */
static void check_dnstxt(struct kg_load *load, unsigned int i)
{
	static const char *const others[] = { "destination_address", "destination_port" };
	struct kg_place at = kg_tunnel_place(load, i, "destination_dnstxt");

	if (!load->config->tunnels[i].destination_dnstxt)
		return;
	if (load->config->tunnels[i].mode == KG_MODE_SERVER)
		kg_mistakes_error(load->mistakes, &at, "allowed on a client");
	for (size_t k = 0; k < KG_ARRAY_SIZE(others); k++) {
		if (kg_tunnel_given(load, i, others[k]))
			kg_mistakes_error(load->mistakes, &at, "found beside %s; allowed one",
					  others[k]);
	}
}

/* Asked from the one port that it listens on. */
static void check_stun(struct kg_load *load, unsigned int i)
{
	const struct kg_tunnel_config *t = &load->config->tunnels[i];
	struct kg_place at = kg_tunnel_place(load, i, "stun_server");

	if (t->stun_server_count == 0)
		return;
	if (t->mode == KG_MODE_CLIENT)
		kg_mistakes_warning(load->mistakes, &at, "without effect on a client");
	else if (port_count(t->listen_ports, t->listen_port_count) > 1 || t->listen_on_count > 1)
		kg_mistakes_error(load->mistakes, &at,
				  "allowed with one listen_port and one listen_on at most");
}

/* A client's sockets listen, a server's dial; what goes between the boxes has none. */
static void check_vrfs(struct kg_load *load, unsigned int i)
{
	bool client = load->config->tunnels[i].mode == KG_MODE_CLIENT;
	const char *other = client ? "vrf_egress" : "vrf_ingress";
	struct kg_place at = kg_tunnel_place(load, i, other);

	if (kg_tunnel_given(load, i, other))
		kg_mistakes_error(load->mistakes, &at, "allowed on a %s",
				  client ? "server" : "client");
}

static void check_password(struct kg_load *load, unsigned int i)
{
	const struct kg_tunnel_config *t = &load->config->tunnels[i];
	struct kg_place at = kg_tunnel_place(load, i, "encryption_password");
	bool own = kg_tunnel_given(load, i, "encryption_password");
	bool given = own || kg_tunnel_given(load, i, "encryption_password_file");

	if (own && kg_tunnel_given(load, i, "encryption_password_file"))
		kg_mistakes_error(load->mistakes, &at,
				  "allowed without encryption_password_file, which says it, too");
	if (!t->wire.encryption_algorithm)
		return;
	if (kg_aead_spec_lookup(t->wire.encryption_algorithm)->keyed) {
		if (!given)
			kg_mistakes_error(load->mistakes, &at, "missing; %s requires it",
					  t->wire.encryption_algorithm);
	} else if (given && !kg_tunnel_given(load, i, "encryption_algorithm")) {
		kg_mistakes_warning(load->mistakes, &at,
				    "nothing is encrypted without encryption_algorithm");
	}
}

static void check_families(struct kg_load *load, unsigned int i, const char *key,
			   const struct kg_ip *ips, unsigned int count)
{
	const struct kg_tunnel_config *t = &load->config->tunnels[i];
	struct kg_place at = kg_tunnel_place(load, i, key);
	char text[KG_IP_TEXT_BYTES];

	for (unsigned int k = 0; k < count; k++) {
		if (!(kg_ip_family(&ips[k]) & kg_tunnel_families(t)))
			kg_mistakes_error(load->mistakes, &at,
					  "found %s; allowed IPv%c addresses (%s)",
					  kg_ip_text(&ips[k], text), t->ipv4_only ? '4' : '6',
					  t->ipv4_only ? "ipv4_only" : "ipv6_only");
	}
}

static void check_only(struct kg_load *load, unsigned int i)
{
	const struct kg_tunnel_config *t = &load->config->tunnels[i];
	struct kg_place at = kg_tunnel_place(load, i, "ipv6_only");

	if (t->ipv4_only && t->ipv6_only) {
		kg_mistakes_error(load->mistakes, &at,
				  "found beside ipv4_only; allowed one of them");
		return;
	}
	check_families(load, i, "listen_on", t->listen_on, t->listen_on_count);
	for (unsigned int k = 0; k < t->destination_count; k++) {
		if (t->destinations[k].ip.version != 0)
			check_families(load, i, "destination_address", &t->destinations[k].ip, 1);
	}
}

/* ---- a tunnel and the ports ---- */

static bool is_port_address(const struct kg_config *config, const struct kg_ip *ip)
{
	for (unsigned int i = 0; i < config->port_count; i++) {
		for (unsigned int j = 0; j < config->ports[i].address_count; j++) {
			if (kg_ip_equal(&config->ports[i].addresses[j].ip, ip))
				return true;
		}
	}
	return false;
}

/* Some are Linux's, and not in the configuration. */
static bool takes_over(const struct kg_config *config)
{
	for (unsigned int i = 0; i < config->port_count; i++) {
		if (config->ports[i].take_over)
			return true;
	}
	return false;
}

static void check_own_address(struct kg_load *load, unsigned int i, const char *key,
			      const struct kg_ip *ip)
{
	struct kg_place at = kg_tunnel_place(load, i, key);
	char text[KG_IP_TEXT_BYTES];

	if (!(kg_ip_family(ip) & kg_port_families(load->config)))
		kg_mistakes_error(load->mistakes, &at, "found %s, but no port has an IPv%u address",
				  kg_ip_text(ip, text), ip->version);
	else if (load->config->tunnels[i].wire.role == KG_ROLE_SERVER &&
		 !kg_ip_is_unspecified(ip) && !takes_over(load->config) &&
		 !is_port_address(load->config, ip))
		kg_mistakes_warning(load->mistakes, &at, "%s is no address of a port",
				    kg_ip_text(ip, text));
}

/* What leaves for the box itself never reaches a server. */
static void check_destination(struct kg_load *load, unsigned int i, const struct kg_ip *ip)
{
	struct kg_place at = kg_tunnel_place(load, i, "destination_address");
	char text[KG_IP_TEXT_BYTES];

	if (kg_ip_is_loopback(ip) || is_port_address(load->config, ip))
		kg_mistakes_error(
			load->mistakes, &at,
			"found %s, which is this box itself; allowed the server's address",
			kg_ip_text(ip, text));
	else
		check_own_address(load, i, "destination_address", ip);
}

/* The tunnel's datagrams leave from, and arrive at, addresses of the ports. */
static void check_path(struct kg_load *load, unsigned int i)
{
	const struct kg_tunnel_config *t = &load->config->tunnels[i];
	const struct kg_wire_end *wire = &t->wire;
	struct kg_place at = kg_tunnel_place(load, i, "listen_on");

	if (load->ports_broken || !kg_tunnel_given(load, i, "mode"))
		return;
	for (unsigned int k = 0; k < wire->peer_count; k++) {
		if (wire->peers[k].ip.version != 0)
			check_destination(load, i, &wire->peers[k].ip);
	}
	for (unsigned int k = 0; k < wire->address_count; k++)
		check_own_address(load, i, "listen_on", &wire->addresses[k]);
	if (wire->role == KG_ROLE_SERVER && !kg_tunnel_given(load, i, "listen_on") &&
	    !(t->ipv4_only && t->ipv6_only) &&
	    !(kg_port_families(load->config) & kg_tunnel_families(t)))
		kg_mistakes_error(load->mistakes, &at,
				  "missing, and no port has an address to listen on");
}

/* ---- a tunnel and its file ---- */

static void check_exposed(struct kg_load *load)
{
	for (size_t d = 0; d < load->document_count; d++) {
		const struct kg_document *document = &load->documents[d];
		const struct kg_place at = { .file = document->file };
		bool secret = false;

		for (unsigned int i = 0; i < load->config->tunnel_count; i++)
			secret |= load->tunnels[i].place.file == document->file &&
				  kg_tunnel_given(load, i, "encryption_password");
		if (document->exposed && secret)
			kg_mistakes_warning(load->mistakes, &at,
					    "every user can read it, and it has a password; chmod "
					    "o-r would do");
	}
}

/* ---- pairs ---- */

static void check_pair(struct kg_load *load, unsigned int i, unsigned int j)
{
	const struct kg_tunnel_config *a = &load->config->tunnels[i];
	const struct kg_tunnel_config *b = &load->config->tunnels[j];
	const struct kg_place *other = &load->tunnels[j].place;
	struct kg_place name = kg_tunnel_place(load, i, "name");
	struct kg_place ports = kg_tunnel_place(load, i, "listen_port");
	uint16_t port = kg_tunnels_common_port(a, b);

	if (!strcmp(a->name, b->name))
		kg_mistakes_error(load->mistakes, &name, "found \"%s\", which %s in %s is already",
				  a->name, other->path, other->file);
	if (port && kg_tunnels_share_address(a, b))
		kg_mistakes_error(load->mistakes, &ports,
				  "found %u, where %s in %s listens already on the same address",
				  port, other->path, other->file);
}

/* What servers listen on is not there for clients. */
static void check_local_ports_left(struct kg_load *load)
{
	const struct kg_config *config = load->config;
	const struct kg_port_range *own = config->local_ports;
	struct kg_place at = kg_root_place(load, "local_ports");
	struct kg_port_list listened = { 0 };
	bool client = false;

	for (unsigned int i = 0; i < config->tunnel_count; i++) {
		const struct kg_wire_end *wire = &config->tunnels[i].wire;

		client |= kg_tunnel_given(load, i, "mode") && wire->role == KG_ROLE_CLIENT;
		for (unsigned int r = 0; wire->role == KG_ROLE_SERVER && r < wire->port_count; r++)
			kg_port_list_add(&listened, wire->ports[r].first, wire->ports[r].last);
	}
	kg_port_list_merge(&listened);
	if (client && config->local_port_count == 1 &&
	    own->last - own->first + 1u - kg_port_list_count_in(&listened, own) <
		    KG_CONFIG_LOCAL_PORTS_MIN)
		kg_mistakes_error(load->mistakes, &at,
				  "servers' listen_port leaves fewer than %u of %u-%u to clients; "
				  "take ports out of it, or another range",
				  KG_CONFIG_LOCAL_PORTS_MIN, own->first, own->last);
	free(listened.ranges);
}

void kg_load_check_tunnels(struct kg_load *load)
{
	struct kg_place tunnels = kg_root_place(load, "tunnels");

	if (load->config->tunnel_count == 0)
		kg_mistakes_warning(load->mistakes, &tunnels, "none: the ports only serve Linux");
	check_exposed(load);
	check_local_ports_left(load);
	for (unsigned int i = 0; i < load->config->tunnel_count; i++) {
		check_counts(load, i);
		check_bare(load, i);
		check_dnstxt(load, i);
		check_spread(load, i);
		check_stun(load, i);
		check_vrfs(load, i);
		check_password(load, i);
		check_only(load, i);
		check_path(load, i);
		kg_load_check_custom(load, i);
		for (unsigned int j = 0; j < i; j++)
			check_pair(load, i, j);
	}
}
