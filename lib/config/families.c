/* SPDX-License-Identifier: BSD-3-Clause */
/* Says which addresses ports and tunnels can have: their IP versions, and whether two tunnels meet.
 */
#include "config/load.h"

#include <string.h>

unsigned int kg_ip_family(const struct kg_ip *ip)
{
	return ip->version == 6 ? KG_FAMILY_IPV6 : KG_FAMILY_IPV4;
}

unsigned int kg_tunnel_families(const struct kg_tunnel_config *tunnel)
{
	return (tunnel->ipv6_only ? 0 : KG_FAMILY_IPV4) | (tunnel->ipv4_only ? 0 : KG_FAMILY_IPV6);
}

unsigned int kg_port_families(const struct kg_config *config)
{
	unsigned int families = 0;

	for (unsigned int i = 0; i < config->port_count; i++) {
		const struct kg_port_config *port = &config->ports[i];

		if (port->take_over) /* whatever Linux has there */
			families |= KG_FAMILY_IPV4 | KG_FAMILY_IPV6;
		for (unsigned int j = 0; j < port->address_count; j++)
			families |= kg_ip_family(&port->addresses[j].ip);
	}
	return families;
}

/* Sockets of different VRFs have an address each; one without is in the way of all. */
static bool are_apart(const char *vrf, const char *other)
{
	return vrf != NULL && other != NULL && strcmp(vrf, other) != 0;
}

bool kg_tunnels_share_address(const struct kg_tunnel_config *a, const struct kg_tunnel_config *b)
{
	if (are_apart(a->app.vrf_ingress, b->app.vrf_ingress))
		return false;
	if (b->listen_on_count == 0 && a->listen_on_count > 0)
		return kg_tunnels_share_address(b, a);
	if (b->listen_on_count == 0)
		return kg_tunnel_families(a) & kg_tunnel_families(b);
	for (unsigned int i = 0; i < b->listen_on_count; i++) {
		if (a->listen_on_count == 0 &&
		    (kg_ip_family(&b->listen_on[i]) & kg_tunnel_families(a)))
			return true;
		for (unsigned int j = 0; j < a->listen_on_count; j++) {
			if (kg_ip_accepts(&b->listen_on[i], &a->listen_on[j]) ||
			    kg_ip_accepts(&a->listen_on[j], &b->listen_on[i]))
				return true;
		}
	}
	return false;
}

uint16_t kg_tunnels_common_port(const struct kg_tunnel_config *a, const struct kg_tunnel_config *b)
{
	unsigned int i = 0, j = 0;

	while (i < a->listen_port_count && j < b->listen_port_count) {
		struct kg_port_range x = a->listen_ports[i], y = b->listen_ports[j];
		uint16_t low = KG_MAX(x.first, y.first);

		if (low <= KG_MIN(x.last, y.last))
			return low;
		if (x.last < y.last)
			i++;
		else
			j++;
	}
	return 0;
}
