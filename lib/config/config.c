/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/config.h"

#include <stdlib.h>

static void free_tunnel(struct kg_tunnel_config *tunnel)
{
	free(tunnel->name);
	free(tunnel->listen_on);
	free(tunnel->listen_ports);
	free(tunnel->destinations);
	free(tunnel->destination_ports);
	free(tunnel->encryption_algorithm);
	free(tunnel->encryption_password);
	free(tunnel->kcp_preset);
}

static void free_port(struct kg_port_config *port)
{
	free(port->name);
	free(port->device);
	free(port->tap);
}

void kg_config_free(struct kg_config *config)
{
	for (unsigned int i = 0; i < config->tunnel_count; i++)
		free_tunnel(&config->tunnels[i]);
	for (unsigned int i = 0; i < config->port_count; i++)
		free_port(&config->ports[i]);
	for (unsigned int i = 0; i < config->eal_count; i++)
		free(config->eal[i]);
	free(config->tunnels);
	free(config->name);
	*config = (struct kg_config){ 0 };
}

bool kg_port_ranges_contain(const struct kg_port_range *ranges, unsigned int count, uint16_t port)
{
	unsigned int low = 0;

	while (count > 0) {
		unsigned int half = count / 2;
		const struct kg_port_range *range = &ranges[low + half];

		if (port < range->first) {
			count = half;
		} else if (port > range->last) {
			low += half + 1;
			count -= half + 1;
		} else {
			return true;
		}
	}
	return false;
}
