/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Says what a tunnel's two ends are. Which of them a list of the settings describes depends on the
 * mode: a client listens for applications and its destinations are on the wire, a server listens on
 * the wire and its destination is an application.
 */
#include "config/load.h"

#include "wire/profile.h"

#include <stdlib.h>
#include <string.h>

/* ---- on the wire ---- */

static void ask(struct kg_wire_end *wire, const struct kg_config *config,
		const struct kg_tunnel_config *t)
{
	wire->role = KG_ROLE_CLIENT;
	wire->ports = config->local_ports;
	wire->port_count = config->local_port_count;
	wire->peers = t->destinations;
	wire->peer_count = t->destination_count;
	wire->peer_ports = t->destination_ports;
	wire->peer_port_count = t->destination_port_count;
	wire->peer_record = t->destination_dnstxt;
}

static void answer(struct kg_wire_end *wire, const struct kg_tunnel_config *t)
{
	wire->role = KG_ROLE_SERVER;
	wire->addresses = t->listen_on;
	wire->address_count = t->listen_on_count;
	wire->ports = t->listen_ports;
	wire->port_count = t->listen_port_count;
}

bool kg_wire_has_port_shares(const struct kg_wire_end *wire, unsigned int workers)
{
	return wire->role == KG_ROLE_SERVER && workers > 1 && wire->port_count == 1 &&
	       wire->ports->last - wire->ports->first + 1u >= workers;
}

/* ---- at applications ---- */

/* On each of its addresses, or on any. */
static void listen_plainly(struct kg_app_end *app, const struct kg_tunnel_config *t)
{
	app->listener_count = t->listen_port_count > 0 ? KG_MAX(t->listen_on_count, 1u) : 0;
	app->listeners = kg_config_alloc(app->listener_count, sizeof(*app->listeners));
	for (unsigned int i = 0; i < app->listener_count; i++) {
		app->listeners[i] = (struct kg_app_listener){
			.at.port = t->listen_ports[0].first,
			.tcp = !t->wire.profile->bare,
			.udp = true,
		};
		if (t->listen_on_count > 0)
			app->listeners[i].at.ip = t->listen_on[i];
	}
}

static void listen_to_mappings(struct kg_app_end *app, const struct kg_tunnel_config *t)
{
	app->listener_count = t->mapping_count;
	app->listeners = kg_config_alloc(app->listener_count, sizeof(*app->listeners));
	for (unsigned int i = 0; i < app->listener_count; i++) {
		const struct kg_mapping_config *mapping = &t->mappings[i];

		app->listeners[i] = (struct kg_app_listener){
			.at = mapping->local,
			.tcp = (mapping->protocol & KG_MAPPED_TCP) != 0,
			.udp = (mapping->protocol & KG_MAPPED_UDP) != 0,
			.target = &mapping->remote,
		};
	}
}

static void dial(struct kg_app_end *app, const struct kg_tunnel_config *t)
{
	char text[KG_IP_TEXT_BYTES];
	const struct kg_host *host = t->destinations;

	app->kind = KG_APP_DIALS;
	if (t->custom_destination || t->destination_count == 0 || t->destination_port_count == 0)
		return;
	app->target = (struct kg_target){
		.port = t->destination_ports[0].first,
		.address = kg_config_strdup(host->ip.version != 0 ? kg_ip_text(&host->ip, text)
								  : host->name),
	};
}

/* ---- both ---- */

void kg_tunnel_derive_ends(const struct kg_config *config, struct kg_tunnel_config *t)
{
	if (t->mode == KG_MODE_SERVER || t->mode == KG_MODE_LISTENER)
		answer(&t->wire, t);
	else
		ask(&t->wire, config, t);
	if (kg_mode_is_leg(t->mode)) {
		t->app.kind = KG_APP_RELAYS;
		return;
	}
	if (t->app.vrf_ingress != NULL || t->app.vrf_egress != NULL)
		t->app.fast_path = false;
	if (t->mode == KG_MODE_SERVER) {
		dial(&t->app, t);
		return;
	}
	t->app.kind = KG_APP_LISTENS;
	if (t->custom_listen)
		listen_to_mappings(&t->app, t);
	else
		listen_plainly(&t->app, t);
}

void kg_tunnel_free_ends(struct kg_tunnel_config *t)
{
	free(t->app.listeners);
	free((char *)(uintptr_t)t->app.target.address);
}
