/* SPDX-License-Identifier: BSD-3-Clause */
/* The payload threads, told what they need of the tunnels. */
#include "box/parts.h"

#include "worker.h"

#include <stdlib.h>

/* Where a client tunnel's applications come in; kg_box_fini frees the list. */
static struct kg_endpoint *listen_endpoints(const struct kg_tunnel_config *config,
					    unsigned int *count)
{
	struct kg_endpoint *list;

	*count = KG_MAX(config->listen_on_count, 1u);
	list = calloc(*count, sizeof(*list));
	for (unsigned int i = 0; list != NULL && i < *count; i++) {
		if (config->listen_on_count > 0)
			list[i].ip = config->listen_on[i];
		list[i].port = config->listen_ports[0].first;
	}
	return list;
}

static bool is_loopback(const struct kg_ip *ip)
{
	static const struct kg_ip loopback6 = { .version = 6, .bytes = { [15] = 1 } };

	return (ip->version == 4 && ip->bytes[0] == 127) || kg_ip_equal(ip, &loopback6);
}

static bool fill_payload_tunnel(const struct kg_box *box, unsigned int index,
				struct kg_payload_tunnel *tunnel)
{
	const struct kg_tunnel_config *config = box->tunnels[index].config;
	const struct kg_streams *streams = box->workers[0]->sides[index].streams;

	*tunnel = (struct kg_payload_tunnel){
		.name = config->name,
		.role = config->role,
		.ipv4_only = config->ipv4_only,
		.ipv6_only = config->ipv6_only,
		.fast_path = config->fast_path,
		.first_bytes = kg_streams_first_bytes(streams),
		.rest_bytes = kg_streams_rest_bytes(streams),
	};
	if (config->role == KG_ROLE_SERVER) {
		tunnel->destination.ip = config->destinations[0];
		tunnel->destination.port = config->destination_ports[0].first;
		tunnel->fast_path &= !is_loopback(&tunnel->destination.ip);
		return true;
	}
	tunnel->listen = listen_endpoints(config, &tunnel->listen_count);
	return tunnel->listen != NULL;
}

/* The TAPs are the first thread's. */
static bool create_payload(struct kg_box *box, unsigned int index, char *error, size_t error_bytes)
{
	struct kg_box_payload *payload = &box->payloads[index];
	const struct kg_payload_config config = {
		.tunnels = box->payload_tunnels,
		.tunnel_count = box->tunnel_count,
		.index = index,
		.count = box->payload_count,
		.links = payload->links,
		.link_count = box->worker_count,
		.waker = &payload->waker,
		.taps = box->taps,
		.tap_count = index == 0 ? box->port_count : 0,
		.pool = kg_buf_mempool_pool(box->bufs),
		.busy = box->config->poll == KG_POLL_BUSY,
	};

	payload->payload = kg_payload_create(&config, error, error_bytes);
	return payload->payload != NULL;
}

bool kg_box_init_payload(struct kg_box *box, char *error, size_t error_bytes)
{
	box->payload_tunnels = calloc(box->tunnel_count, sizeof(box->payload_tunnels[0]));
	for (unsigned int i = 0; i < box->tunnel_count; i++) {
		if (box->payload_tunnels == NULL ||
		    !fill_payload_tunnel(box, i, &box->payload_tunnels[i]))
			FAIL("out of memory");
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
	for (unsigned int i = 0; box->payload_tunnels != NULL && i < box->tunnel_count; i++)
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
