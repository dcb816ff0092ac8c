/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Gives channels local ports, and answers from the next hop and the NIC's RSS at which worker an
 * answer to a port would arrive.
 */
#include "udp_ports/arrival.h"

#include "box.h"
#include "udp_ports/listen_ports.h"
#include "worker.h"

/* A worker's wish for answers from one peer. */
struct arrival {
	const struct kg_rss *rss;
	struct kg_endpoint remote, local;
	uint16_t queue;
};

/* False when nothing is gained by choosing, or what has to be known is not (yet). */
static bool can_choose(struct arrival *arrival, struct kg_worker *w,
		       const struct kg_endpoint *remote)
{
	const struct kg_nexthop *nexthop;

	if (w->box->worker_count == 1)
		return false;
	nexthop = kg_nexthops_lookup(w->nexthops, &remote->ip);
	if (nexthop == NULL || nexthop->source.version == 0)
		return false;
	*arrival = (struct arrival){
		.rss = &w->box->ports[nexthop->port].nic.rss,
		.remote = *remote,
		.local.ip = nexthop->source,
		.queue = (uint16_t)w->index,
	};
	return kg_rss_covers_ports(arrival->rss, remote->ip.version);
}

/* Do answers to this port arrive as wished? */
static bool suits(void *ctx, uint16_t port)
{
	struct arrival *arrival = ctx;
	uint16_t queue;

	arrival->local.port = port;
	return kg_rss_queue_of(arrival->rss, &arrival->remote, &arrival->local, &queue) &&
	       queue == arrival->queue;
}

uint16_t kg_arrival_acquire(struct kg_worker *w, uint16_t tunnel, const struct kg_endpoint *remote,
			    bool alone)
{
	struct arrival arrival;
	struct kg_port_wish wish = { suits, &arrival };
	bool choosy = can_choose(&arrival, w, remote);
	uint16_t port =
		kg_local_ports_acquire(&w->local_ports, tunnel, alone, choosy ? &wish : NULL);

	if (port != 0)
		kg_port_table_set(&w->box->udp_ports, port, tunnel);
	return port;
}

void kg_arrival_release(struct kg_worker *w, uint16_t port)
{
	if (!kg_local_ports_release(&w->local_ports, port))
		return;
	if (kg_local_ports_is_withdrawn(&w->local_ports, port))
		kg_listen_ports_settle(w, port);
	else
		kg_port_table_set(&w->box->udp_ports, port, KG_PORT_TABLE_NONE);
}

void kg_arrival_leave(struct kg_worker *w, uint16_t port)
{
	const struct kg_side *side = kg_worker_side(w, kg_port_table_get(&w->box->udp_ports, port));

	if (side != NULL)
		kg_session_leave_port(side->session, port, w->now_us);
}
