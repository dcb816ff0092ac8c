/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keeps answers to made-up sources from the room that all flows of a listening socket share. Where
 * nobody answers ARP, Linux holds them there for seconds, so sources that may be made up have half
 * of it. Past that only such answers go as leave at once: to a neighbour that is known, as who has
 * asked for our address is, or to this host.
 */
#include "payload/internal.h"

#include "netlink/lookup.h"

#include <stdlib.h>

#define KNOWN_FOR_US (100ull * KG_US_PER_MS)
#define PLACES       256u /* of addresses that were asked for last */

struct kg_udp_doubt {
	struct kg_nl nl;
	struct place {
		struct kg_ip ip;
		bool leaves;
		uint64_t until_us;
	} places[PLACES];
};

struct kg_udp_doubt *kg_udp_doubt_create(void)
{
	struct kg_udp_doubt *doubt = calloc(1, sizeof(*doubt));

	if (doubt != NULL)
		(void)kg_nl_open(&doubt->nl);
	return doubt;
}

void kg_udp_doubt_destroy(struct kg_udp_doubt *doubt)
{
	if (doubt != NULL)
		kg_nl_close(&doubt->nl);
	free(doubt);
}

static struct place *place_of(struct kg_udp_doubt *doubt, const struct kg_ip *ip)
{
	const struct kg_endpoint end = { .ip = *ip };

	return &doubt->places[kg_endpoint_hash(&end, 0) % PLACES];
}

static bool leaves_at_once(struct kg_payload *p, const struct kg_ip *ip)
{
	struct kg_udp_doubt *doubt = p->udp_doubt;
	struct place *place = place_of(doubt, ip);

	if (doubt->nl.socket == NULL)
		return false;
	if (p->now_us >= place->until_us || !kg_ip_equal(&place->ip, ip)) {
		*place = (struct place){
			.ip = *ip,
			.leaves = kg_way_is_known(&doubt->nl, ip),
			.until_us = p->now_us + KNOWN_FOR_US,
		};
	}
	return place->leaves;
}

/* Who says nothing more after an answer may be nobody. A VRF has routes of its own, which are not
 * asked for. */
bool kg_udp_doubt_lets(struct kg_payload *p, const struct kg_flow *flow)
{
	struct kg_endpoint to;

	if (flow->listener == NULL || flow->conversed ||
	    !kg_socket_is_half_full(flow->listener->source.fd))
		return true;
	to = kg_sockaddr_endpoint(&flow->peer.remote);
	return flow->tunnel->app->vrf_ingress == NULL && leaves_at_once(p, &to.ip);
}
