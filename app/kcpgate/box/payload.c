/* SPDX-License-Identifier: BSD-3-Clause */
/* The payload threads, told what they need of the tunnels. */
#include "box/parts.h"

#include "log.h"
#include "worker.h"

#include <stdlib.h>

/* On each of its addresses, or on any. */
static void listen_plainly(const struct kg_tunnel_config *config, struct kg_payload_listen *list,
			   unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		list[i] = (struct kg_payload_listen){ .tcp = true, .udp = true };
		list[i].at.port = config->listen_ports[0].first;
		if (config->listen_on_count > 0)
			list[i].at.ip = config->listen_on[i];
	}
}

static void listen_to_mappings(const struct kg_tunnel_config *config,
			       struct kg_payload_listen *list)
{
	for (unsigned int i = 0; i < config->mapping_count; i++) {
		const struct kg_mapping_config *mapping = &config->mappings[i];

		list[i] = (struct kg_payload_listen){
			.at = mapping->local,
			.tcp = (mapping->protocol & KG_MAPPED_TCP) != 0,
			.udp = (mapping->protocol & KG_MAPPED_UDP) != 0,
			.target = &mapping->remote,
		};
	}
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
static void warn_of_open_entries(const struct kg_box *box, const struct kg_tunnel_config *config,
				 const struct kg_payload_tunnel *tunnel)
{
	const struct kg_ip *ip = address_on_wire(box, config);
	char text[KG_ENDPOINT_TEXT_BYTES];

	for (unsigned int i = 0; ip != NULL && i < tunnel->listen_count; i++) {
		struct kg_endpoint at = { *ip, tunnel->listen[i].at.port };

		if (tunnel->listen[i].at.ip.version == 0)
			KG_LOG(WARNING,
			       "tunnel %s: applications come in on any address, so hosts on the "
			       "wire do, too, by %s; an address in %s narrows it\n",
			       tunnel->name, kg_endpoint_text(&at, text),
			       tunnel->listen[i].target != NULL ? "the mapping" : "listen_on");
	}
}

/* Where a client tunnel's applications come in; kg_box_fini frees the list. False without memory.
 */
static bool fill_listen(const struct kg_tunnel_config *config, struct kg_payload_tunnel *tunnel)
{
	unsigned int count =
		config->custom_listen ? config->mapping_count : KG_MAX(config->listen_on_count, 1u);
	struct kg_payload_listen *list = calloc(count, sizeof(*list));

	if (list == NULL)
		return false;
	if (config->custom_listen)
		listen_to_mappings(config, list);
	else
		listen_plainly(config, list, count);
	tunnel->listen = list;
	tunnel->listen_count = count;
	return true;
}

static bool fill_payload_tunnel(const struct kg_box_tunnel *of, struct kg_payload_tunnel *tunnel)
{
	const struct kg_tunnel_config *config = of->config;
	const struct kg_streams *streams = of->sides[0]->streams;

	*tunnel = (struct kg_payload_tunnel){
		.name = config->name,
		.role = config->wire.role,
		.ipv4_only = config->ipv4_only,
		.ipv6_only = config->ipv6_only,
		.fast_path = config->app.fast_path,
		.allowed = config->app.allowed,
		.allowed_count = config->app.allowed_count,
		.first_bytes = kg_streams_first_bytes(streams),
		.rest_bytes = kg_streams_rest_bytes(streams),
	};
	if (config->wire.role == KG_ROLE_CLIENT)
		return fill_listen(config, tunnel);
	if (config->custom_destination)
		return true;
	tunnel->destination = (struct kg_endpoint){ config->destinations[0].ip,
						    config->destination_ports[0].first };
	tunnel->name_destination = (struct kg_target){ config->destination_ports[0].first,
						       config->destinations[0].name };
	tunnel->fast_path &= !kg_ip_is_loopback(&tunnel->destination.ip);
	return true;
}

static bool create_payload(struct kg_box *box, unsigned int index, char *error, size_t error_bytes)
{
	struct kg_box_payload *payload = &box->payloads[index];
	const struct kg_payload_config config = {
		.tunnels = box->payload_tunnels,
		.tunnel_count = box->tunnels.count,
		.index = index,
		.count = box->payload_count,
		.links = payload->links,
		.link_count = box->worker_count,
		.waker = &payload->waker,
		.enquiries = &payload->enquiries,
		.pool = kg_buf_mempool_pool(box->bufs),
		.busy = box->config->poll == KG_POLL_BUSY,
		.sockets_max = kg_payload_sockets_max() / box->payload_count,
	};

	payload->payload = kg_payload_create(&config, error, error_bytes);
	return payload->payload != NULL;
}

bool kg_box_init_payload(struct kg_box *box, char *error, size_t error_bytes)
{
	box->payload_tunnels = calloc(box->tunnels.count, sizeof(box->payload_tunnels[0]));
	for (unsigned int i = 0; i < box->tunnels.count; i++) {
		const struct kg_box_tunnel *tunnel = box->tunnels.all[i];

		if (box->payload_tunnels == NULL ||
		    !fill_payload_tunnel(tunnel, &box->payload_tunnels[i]))
			FAIL("out of memory");
		warn_of_open_entries(box, tunnel->config, &box->payload_tunnels[i]);
	}
	for (unsigned int t = 0; t < box->payload_count; t++) {
		if (!create_payload(box, t, error, error_bytes))
			return false;
	}
	return true;
}

void kg_box_fini_payload(struct kg_box *box)
{
	for (unsigned int t = 0; t < box->payload_count; t++)
		kg_payload_destroy(box->payloads[t].payload);
	for (unsigned int i = 0; box->payload_tunnels != NULL && i < box->tunnels.count; i++)
		free((void *)(uintptr_t)box->payload_tunnels[i].listen);
	free(box->payload_tunnels);
}

/* ---- running ---- */

static void *run(void *payload)
{
	kg_payload_run(payload);
	return NULL;
}

int kg_box_start_payloads(struct kg_box *box)
{
	for (unsigned int t = 0; t < box->payload_count; t++) {
		struct kg_box_payload *payload = &box->payloads[t];
		int rc = pthread_create(&payload->thread, NULL, run, payload->payload);
		char name[16]; /* what a thread's name may have */

		if (rc != 0)
			return -rc;
		payload->started = true;
		snprintf(name, sizeof(name), "kg-payload%u", t);
		pthread_setname_np(payload->thread, name);
	}
	return 0;
}

void kg_box_stop_payloads(struct kg_box *box)
{
	for (unsigned int t = 0; t < box->payload_count; t++)
		kg_payload_stop(box->payloads[t].payload);
	for (unsigned int t = 0; t < box->payload_count; t++) {
		if (box->payloads[t].started)
			pthread_join(box->payloads[t].thread, NULL);
		box->payloads[t].started = false;
	}
}

struct kg_payload_stats kg_box_payload_stats(const struct kg_box *box)
{
	struct kg_payload_stats sum = { 0 };

	for (unsigned int t = 0; t < box->payload_count; t++)
		kg_payload_add_stats(&sum, box->payloads[t].payload);
	return sum;
}
