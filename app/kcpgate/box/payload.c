/* SPDX-License-Identifier: BSD-3-Clause */
/* Starts the payload threads, and tells them what they need of the tunnels. */
#include "box/internal.h"

#include "worker.h"

#include <stdlib.h>

struct kg_payload_tunnel kg_box_payload_tunnel(const struct kg_box_tunnel *of)
{
	const struct kg_tunnel_config *config = of->config;
	const struct kg_streams *streams = of->sides[0]->streams;

	return (struct kg_payload_tunnel){
		.name = config->name,
		.id = of->id,
		.app = &config->app,
		.ipv4_only = config->ipv4_only,
		.ipv6_only = config->ipv6_only,
		/* At a relay nobody is let in. */
		.first_bytes = streams != NULL ? kg_streams_first_bytes(streams) : 0,
		.rest_bytes = streams != NULL ? kg_streams_rest_bytes(streams) : 0,
	};
}

static bool create_payload(struct kg_box *box, unsigned int index,
			   const struct kg_payload_tunnel *tunnels, char *error, size_t error_bytes)
{
	struct kg_box_payload *payload = &box->payloads[index];
	const struct kg_payload_config config = {
		.tunnels = tunnels,
		.tunnel_count = box->tunnels.count,
		.index = index,
		.count = box->payload_count,
		.links = payload->links,
		.link_count = box->worker_count,
		.waker = &payload->waker,
		.enquiries = &payload->enquiries,
		.pool = kg_buf_mempool_pool(box->bufs),
		.busy = box->config->poll == KG_POLL_BUSY,
		.shared = box->config->shared_memory,
		.sockets_max = kg_payload_sockets_max() / box->payload_count,
	};

	payload->payload = kg_payload_create(&config, error, error_bytes);
	return payload->payload != NULL;
}

bool kg_box_init_payload(struct kg_box *box, char *error, size_t error_bytes)
{
	struct kg_payload_tunnel *tunnels = calloc(box->tunnels.count + 1, sizeof(*tunnels));
	bool good = true;

	if (tunnels == NULL)
		FAIL("out of memory");
	for (unsigned int i = 0; i < box->tunnels.count; i++)
		tunnels[i] = kg_box_payload_tunnel(box->tunnels.all[i]);
	for (unsigned int t = 0; good && t < box->payload_count; t++)
		good = create_payload(box, t, tunnels, error, error_bytes);
	free(tunnels);
	return good;
}

void kg_box_fini_payload(struct kg_box *box)
{
	for (unsigned int t = 0; t < box->payload_count; t++)
		kg_payload_destroy(box->payloads[t].payload);
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
