/* SPDX-License-Identifier: BSD-3-Clause */
/* The payload thread, told what it needs of the tunnels. */
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

static bool fill_payload_tunnel(const struct kg_box *box, unsigned int index,
				struct kg_payload_tunnel *tunnel)
{
	const struct kg_tunnel_config *config = box->tunnels[index].config;
	const struct kg_session *session = box->workers[0]->sides[index].session;

	*tunnel = (struct kg_payload_tunnel){
		.name = config->name,
		.role = config->role,
		.ipv4_only = config->ipv4_only,
		.ipv6_only = config->ipv6_only,
		.first_bytes = kg_session_first_bytes(session),
		.rest_bytes = kg_session_rest_bytes(session),
	};
	if (config->role == KG_ROLE_SERVER) {
		tunnel->destination.ip = config->destinations[0];
		tunnel->destination.port = config->destination_ports[0].first;
		return true;
	}
	tunnel->listen = listen_endpoints(config, &tunnel->listen_count);
	return tunnel->listen != NULL;
}

bool kg_box_init_payload(struct kg_box *box, char *error, size_t error_bytes)
{
	struct kg_payload_config config = {
		.tunnel_count = box->tunnel_count,
		.links = box->links,
		.link_count = box->worker_count,
		.waker = &box->payload_waker,
		.taps = box->taps,
		.tap_count = box->port_count,
		.pool = kg_buf_mempool_pool(box->bufs),
		.busy = box->config->poll == KG_POLL_BUSY,
	};

	box->payload_tunnels = calloc(box->tunnel_count, sizeof(box->payload_tunnels[0]));
	config.tunnels = box->payload_tunnels;
	for (unsigned int i = 0; i < box->tunnel_count; i++) {
		if (box->payload_tunnels == NULL ||
		    !fill_payload_tunnel(box, i, &box->payload_tunnels[i]))
			FAIL("out of memory");
	}
	box->payload = kg_payload_create(&config, error, error_bytes);
	return box->payload != NULL;
}

void kg_box_fini_payload(struct kg_box *box)
{
	kg_payload_destroy(box->payload);
	for (unsigned int i = 0; box->payload_tunnels != NULL && i < box->tunnel_count; i++)
		free((void *)(uintptr_t)box->payload_tunnels[i].listen);
	free(box->payload_tunnels);
}
