/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes the headers towards the next hop; without one a datagram leaves through Linux. */
#include "box.h"
#include "complain.h"
#include "departure.h"
#include "net/frame.h"
#include "stage/stage.h"

#define WHOLE_ONE_IN 4 /* of what is too long for its path */

static const struct kg_l2 no_l2; /* for the kernel, which adds its own */

static enum kg_frame_csum request_checksum(const struct kg_nic *nic, struct rte_mbuf *m,
					   const struct kg_l2 *l2, uint8_t version)
{
	if (!nic->tx_checksum)
		return KG_FRAME_CSUM_SOFTWARE;
	m->l2_len = l2->len;
	m->l3_len = kg_ip_header_bytes(version);
	m->ol_flags |= RTE_MBUF_F_TX_UDP_CKSUM;
	m->ol_flags |=
		version == 4 ? RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM : RTE_MBUF_F_TX_IPV6;
	return KG_FRAME_CSUM_OFFLOAD;
}

static void send_by_kernel(struct kg_worker *w, struct rte_mbuf *m)
{
	const struct kg_pkt *pkt = kg_pkt(m);
	const struct kg_tuple tuple = { pkt->local, pkt->remote };

	if (kg_box_shared_ports(w->box).last != 0)
		kg_recent_note(&w->box->tunnel_flows, &tuple, w->now_us);
	kg_stage_put_headers(m, &no_l2, 0, KG_FRAME_CSUM_SOFTWARE);
	kg_stage_route_by_kernel(w, m);
}

void kg_stage_route_to(struct kg_worker *w, const struct kg_nexthop *nexthop, struct rte_mbuf *m)
{
	const struct kg_nic *nic = &w->box->ports[nexthop->port].nic;

	kg_stage_put_headers(m, &nexthop->l2, 0,
			     request_checksum(nic, m, &nexthop->l2, nexthop->peer.version));
	kg_stage_tx_frame(w, nexthop->port, m);
}

/* Routers may cut what is as short as it can be, or of which nobody wants to know whether it
 * passes. They shall tell of the rest. */
static uint16_t ip_id(struct kg_worker *w, const struct kg_pkt *pkt)
{
	return pkt->mtu <= KG_PATH_MTU_MIN4 ? (uint16_t)(kg_rng_next(&w->rng) | 1) : 0;
}

static void send_ready(struct kg_worker *w, const struct kg_nexthop *nexthop, struct rte_mbuf *m)
{
	const struct kg_nic *nic = &w->box->ports[nexthop->port].nic;

	kg_stage_put_headers(m, &nexthop->l2, ip_id(w, kg_pkt(m)),
			     request_checksum(nic, m, &nexthop->l2, nexthop->peer.version));
	kg_stage_tx_frame(w, nexthop->port, m);
}

/* ---- what is too long for the path ---- */

static uint16_t at_most(uint16_t mtu, uint16_t limit)
{
	return limit != 0 && limit < mtu ? limit : mtu;
}

/* By which way it will leave is not known before the next hop is. */
static uint16_t link_mtu(const struct kg_worker *w, const struct kg_nexthop *nexthop)
{
	return at_most(w->box->ports[nexthop->port].config->mtu, nexthop->mtu);
}

static uint16_t path_mtu(const struct kg_worker *w, const struct kg_nexthop *nexthop,
			 const struct kg_pkt *pkt)
{
	if (pkt->mtu == KG_DATAGRAM_WHOLE)
		return pkt->mtu;
	return KG_MAX(at_most(link_mtu(w, nexthop), pkt->mtu),
		      kg_path_mtu_min(nexthop->peer.version));
}

static bool is_too_long(const struct rte_mbuf *m, uint8_t ip_version, uint16_t mtu)
{
	return rte_pktmbuf_data_len(m) + kg_frame_header_bytes(&no_l2, ip_version) > mtu;
}

/* What is known of a path may be wrong, and pieces may be what does not pass: one in four goes
 * whole, for a router to cut. */
static bool goes_whole(struct kg_worker *w, const struct kg_nexthop *nexthop,
		       const struct rte_mbuf *m)
{
	return !is_too_long(m, nexthop->peer.version, link_mtu(w, nexthop)) &&
	       kg_rng_next(&w->rng) % WHOLE_ONE_IN == 0;
}

/* ---- what has a way ---- */

static void send_on(struct kg_worker *w, const struct kg_nexthop *nexthop, struct rte_mbuf *m)
{
	uint16_t mtu = path_mtu(w, nexthop, kg_pkt(m));
	bool too_long = is_too_long(m, nexthop->peer.version, mtu);

	kg_worker_count(w, KG_COUNTER_SENT, 1);
	if (too_long && goes_whole(w, nexthop, m)) {
		kg_pkt(m)->mtu = KG_PATH_MTU_MIN4;
		too_long = false;
	}
	if (too_long)
		kg_stage_route_in_pieces(w, nexthop, m, mtu);
	else if (nexthop->state == KG_NEXTHOP_READY)
		send_ready(w, nexthop, m);
	else
		send_by_kernel(w, m);
}

/* Of channels that are open the wish to send stays: the route may come back. */
static void no_route(struct kg_worker *w, const struct kg_pkt *pkt)
{
	const struct kg_side *side = kg_worker_side(w, pkt->tunnel);

	if (side != NULL && side->tunnel->config->wire.role == KG_ROLE_CLIENT)
		kg_session_no_route_from(side->session, pkt->local.port, w->now_us);
	kg_complain_no_route(w, pkt->tunnel, &pkt->remote);
}

static void route_one(struct kg_worker *w, struct rte_mbuf *m)
{
	struct kg_pkt *pkt = kg_pkt(m);
	const struct kg_nexthop *nexthop = kg_departure_nexthop(w, &pkt->remote.ip);

	if (pkt->local.ip.version == 0)
		pkt->local.ip = kg_departure_source(w->box, &pkt->remote.ip, nexthop);
	if (pkt->local.ip.version == 0 || nexthop->state == KG_NEXTHOP_NO_ROUTE) {
		no_route(w, pkt);
		kg_stage_drop_datagram(w, m, KG_DROP_TX_NO_ROUTE, KG_STAGE_ROUTE);
		return;
	}
	send_on(w, nexthop, m);
}

void kg_stage_route(struct kg_worker *w, struct rte_mbuf **v, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		route_one(w, v[i]);
}
