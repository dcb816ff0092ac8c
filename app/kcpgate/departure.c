/* SPDX-License-Identifier: BSD-3-Clause */
/* Looks up a peer's next hop, asks for the one that is missing, and chooses our address. */
#include "departure.h"

#include "box.h"
#include "worker.h"

/* The port's own address that stands for us towards `peer`: on the peer's subnet if there is one.
 */
static const struct kg_ip *own_address(const struct kg_port_config *port, const struct kg_ip *peer)
{
	const struct kg_ip *any = NULL;

	for (unsigned int i = 0; i < port->address_count; i++) {
		const struct kg_prefix *own = &port->addresses[i];

		if (kg_prefix_contains(own, peer))
			return &own->ip;
		if (any == NULL && own->ip.version == peer->version)
			any = &own->ip;
	}
	return any;
}

struct kg_ip kg_departure_source(const struct kg_box *box, const struct kg_ip *peer,
				 const struct kg_nexthop *nexthop)
{
	const struct kg_ip *own = NULL;

	if (nexthop->source.version != 0)
		return nexthop->source;
	if (nexthop->state == KG_NEXTHOP_READY)
		own = own_address(box->ports[nexthop->port].config, peer);
	for (unsigned int i = 0; own == NULL && i < box->port_count; i++)
		own = own_address(box->ports[i].config, peer);
	return own != NULL ? *own : (struct kg_ip){ 0 };
}

const struct kg_nexthop *kg_departure_nexthop(struct kg_worker *w, const struct kg_ip *peer)
{
	bool ask;
	const struct kg_nexthop *nexthop = kg_nexthops_want(w->nexthops, peer, w->now_us, &ask);

	if (!ask)
		return nexthop;
	kg_worker_count(w, KG_COUNTER_NEXTHOPS_GAVE_WAY, kg_nexthops_take_gave_way(w->nexthops));
	kg_worker_report(w, &(struct kg_report){ .type = KG_REPORT_RESOLVE, .remote.ip = *peer });
	return nexthop;
}
