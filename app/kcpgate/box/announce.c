/* SPDX-License-Identifier: BSD-3-Clause */
/* Says in the log what a tunnel is, and what it opens to whom. */
#include "box/internal.h"

#include "log/journal.h"
#include "wire/profile.h"

static void announce_custom(const struct kg_box_tunnel *tunnel)
{
	const struct kg_tunnel_config *config = tunnel->config;
	const struct kg_app_end *app = &config->app;

	if (!kg_app_is_told(app))
		return;
	if (app->allowed_count > 0)
		KG_JOURNAL(INFO, config,
			   "tunnel %s: clients say where to, within %u entries of custom_allow\n",
			   config->name, app->allowed_count);
	else
		KG_JOURNAL(WARNING, config,
			   "tunnel %s: clients say where to, and there is no custom_allow: %s can "
			   "reach "
			   "anything that this box can\n",
			   config->name,
			   tunnel->aead->spec->keyed ? "whoever has the password"
						     : "anybody, for there is no password,");
}

/* The address by which hosts on the wire may come in; NULL: there is none. */
static const struct kg_ip *address_on_wire(const struct kg_box *box,
					   const struct kg_tunnel_config *config)
{
	for (unsigned int p = 0; p < box->port_count; p++) {
		const struct kg_port_config *port = box->ports[p].config;

		for (unsigned int i = 0; i < port->address_count; i++) {
			const struct kg_ip *ip = &port->addresses[i].ip;

			if (ip->version == 4 ? !config->ipv6_only : !config->ipv4_only)
				return ip;
		}
	}
	return NULL;
}

/* A client's entry on any address is open to the wire too, which few have in mind. */
static void warn_of_open_entries(const struct kg_box *box, const struct kg_tunnel_config *config)
{
	const struct kg_app_end *app = &config->app;
	const struct kg_ip *ip = address_on_wire(box, config);
	char text[KG_ENDPOINT_TEXT_BYTES];

	/* Who comes in is for the VRF to say. */
	for (unsigned int i = 0; ip != NULL && app->vrf_ingress == NULL && i < app->listener_count;
	     i++) {
		struct kg_endpoint at = { *ip, app->listeners[i].at.port };

		if (app->listeners[i].at.ip.version == 0)
			KG_JOURNAL(
				WARNING, config,
				"tunnel %s: applications come in on any address, so hosts on the "
				"wire do, too, by %s; an address in %s narrows it\n",
				config->name, kg_endpoint_text(&at, text),
				app->listeners[i].target != NULL ? "the mapping" : "listen_on");
	}
}

void kg_box_announce_tunnel(const struct kg_box *box, const struct kg_box_tunnel *tunnel)
{
	const struct kg_tunnel_config *config = tunnel->config;
	const struct kg_wire_end *wire = &config->wire;
	char fec[16] = "", kind[24] = "UDP Hop";

	if (wire->fec.parity > 0)
		snprintf(fec, sizeof(fec), ", fec %u:%u", wire->fec.data, wire->fec.parity);
	if (!wire->profile->bare)
		snprintf(kind, sizeof(kind), "kcp_mtu %u", wire->kcp.mtu);
	KG_JOURNAL(INFO, config, "tunnel %s: %s, %s%s, %s. %s\n", config->name,
		   kg_mode_name(config->mode), tunnel->aead->spec->name, fec, kind,
		   tunnel->aead->spec->promise);
	announce_custom(tunnel);
	warn_of_open_entries(box, config);
}
