/* SPDX-License-Identifier: BSD-3-Clause */
/* The payload threads, told what they need of the tunnels. */
#include "box/parts.h"

#include "log.h"
#include "worker.h"

#include <stdlib.h>

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

	for (unsigned int i = 0; ip != NULL && i < app->listener_count; i++) {
		struct kg_endpoint at = { *ip, app->listeners[i].at.port };

		if (app->listeners[i].at.ip.version == 0)
			KG_LOG(WARNING,
			       "tunnel %s: applications come in on any address, so hosts on the "
			       "wire do, too, by %s; an address in %s narrows it\n",
			       config->name, kg_endpoint_text(&at, text),
			       app->listeners[i].target != NULL ? "the mapping" : "listen_on");
	}
}

static struct kg_payload_tunnel payload_tunnel(const struct kg_box_tunnel *of)
{
	const struct kg_tunnel_config *config = of->config;
	const struct kg_streams *streams = of->sides[0]->streams;

	return (struct kg_payload_tunnel){
		.name = config->name,
		.app = &config->app,
		.ipv4_only = config->ipv4_only,
		.ipv6_only = config->ipv6_only,
		.first_bytes = kg_streams_first_bytes(streams),
		.rest_bytes = kg_streams_rest_bytes(streams),
	};
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
	if (box->payload_tunnels == NULL)
		FAIL("out of memory");
	for (unsigned int i = 0; i < box->tunnels.count; i++) {
		const struct kg_box_tunnel *tunnel = box->tunnels.all[i];

		box->payload_tunnels[i] = payload_tunnel(tunnel);
		warn_of_open_entries(box, tunnel->config);
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
