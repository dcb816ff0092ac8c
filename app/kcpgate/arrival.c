/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Answers the question at which worker an answer to a local port would arrive, from the next hop
 * and the NIC's RSS.
 */
#include "arrival.h"

#include "box.h"
#include "worker.h"

bool kg_arrival_init(struct kg_arrival *arrival, const struct kg_worker *w,
		     const struct kg_endpoint *remote)
{
	const struct kg_nexthop *hop;

	if (w->box->worker_count == 1)
		return false;
	hop = kg_nexthops_lookup(w->nexthops, &remote->ip);
	if (hop == NULL || hop->source.version == 0)
		return false;
	arrival->rss = &w->box->ports[hop->port].nic.rss;
	arrival->remote = *remote;
	arrival->local = (struct kg_endpoint){ .ip = hop->source };
	arrival->queue = (uint16_t)w->index;
	return kg_rss_covers_ports(arrival->rss, remote->ip.version);
}

bool kg_arrival_suits(void *ctx, uint16_t port)
{
	struct kg_arrival *arrival = ctx;
	uint16_t queue;

	arrival->local.port = port;
	return kg_rss_queue_of(arrival->rss, &arrival->remote, &arrival->local, &queue) &&
	       queue == arrival->queue;
}
