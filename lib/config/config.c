/* SPDX-License-Identifier: BSD-3-Clause */
/* Frees a configuration, and wipes what it had of secrets. */
#include "config/config.h"

#include <stdlib.h>
#include <string.h>

static void forget_password(struct kg_tunnel_config *tunnel)
{
	if (tunnel->encryption_password)
		explicit_bzero(tunnel->encryption_password, strlen(tunnel->encryption_password));
	free(tunnel->encryption_password);
	tunnel->encryption_password = NULL;
}

void kg_config_forget_secrets(struct kg_config *config)
{
	for (unsigned int i = 0; i < config->tunnel_count; i++)
		forget_password(&config->tunnels[i]);
}

static void free_tunnel(struct kg_tunnel_config *tunnel)
{
	forget_password(tunnel);
	for (unsigned int i = 0; i < tunnel->mapping_count; i++)
		free((char *)(uintptr_t)tunnel->mappings[i].remote.address);
	free(tunnel->mappings);
	free(tunnel->allowed);
	free(tunnel->name);
	free(tunnel->listen_on);
	free(tunnel->listen_ports);
	free(tunnel->destinations);
	free(tunnel->destination_ports);
	free(tunnel->destination_dnstxt);
	free(tunnel->stun_servers);
	free(tunnel->update_ipv4);
	free(tunnel->update_ipv6);
	free(tunnel->log_path);
	free(tunnel->encryption_algorithm);
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
	free(config->local_ports);
	free(config->tunnels);
	free(config->name);
	*config = (struct kg_config){ 0 };
}

bool kg_tunnel_has_port_shares(const struct kg_tunnel_config *tunnel, unsigned int workers)
{
	const struct kg_port_range *range = tunnel->listen_ports;

	return tunnel->role == KG_ROLE_SERVER && workers > 1 && tunnel->listen_port_count == 1 &&
	       range->last - range->first + 1u >= workers;
}
