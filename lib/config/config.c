/* SPDX-License-Identifier: BSD-3-Clause */
/* Frees a configuration, and wipes what it had of secrets. */
#include "config/load.h"

#include <stdlib.h>
#include <string.h>

static void forget_password(struct kg_tunnel_config *tunnel)
{
	char *password = tunnel->wire.encryption_password;

	if (password)
		explicit_bzero(password, strlen(password));
	free(password);
	tunnel->wire.encryption_password = NULL;
}

void kg_config_forget_secrets(struct kg_config *config)
{
	for (unsigned int i = 0; i < config->tunnel_count; i++)
		forget_password(&config->tunnels[i]);
}

static void free_tunnel(struct kg_tunnel_config *tunnel)
{
	forget_password(tunnel);
	kg_tunnel_free_ends(tunnel);
	for (unsigned int i = 0; i < tunnel->mapping_count; i++)
		free((char *)(uintptr_t)tunnel->mappings[i].remote.address);
	free(tunnel->mappings);
	free(tunnel->app.allowed);
	free(tunnel->app.vrf_ingress);
	free(tunnel->app.vrf_egress);
	free(tunnel->name);
	free(tunnel->relay);
	free(tunnel->listen_on);
	free(tunnel->listen_ports);
	free(tunnel->destinations);
	free(tunnel->destination_ports);
	free(tunnel->destination_dnstxt);
	free(tunnel->stun_servers);
	free(tunnel->update_ipv4);
	free(tunnel->update_ipv6);
	free(tunnel->log_path);
	free(tunnel->wire.encryption_algorithm);
	free(tunnel->wire.kcp_preset);
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
	free(config->metrics);
	free(config->tunnels);
	free(config->name);
	*config = (struct kg_config){ 0 };
}
