/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes the headers towards the next hop; without one a datagram leaves through Linux. */
#include "box.h"
#include "complain.h"
#include "departure.h"
#include "net/frame.h"
#include "stage/stage.h"

static enum kg_frame_csum request_checksum(const struct kg_nic *nic, struct rte_mbuf *m,
					   const struct kg_l2 *l2, uint8_t version)
{
	if (!nic->tx_checksum)
		return KG_FRAME_CSUM_SOFTWARE;
	m->l2_len = l2->len;
	m->l3_len = version == 4 ? KG_IPV4_BYTES : KG_IPV6_BYTES;
	m->ol_flags |= RTE_MBUF_F_TX_UDP_CKSUM;
	m->ol_flags |=
		version == 4 ? RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM : RTE_MBUF_F_TX_IPV6;
	return KG_FRAME_CSUM_OFFLOAD;
}

/* UDP payload becomes a frame; the mbuf's headroom has room for every header. */
static void prepend_headers(struct rte_mbuf *m, const struct kg_l2 *l2, enum kg_frame_csum csum)
{
	struct kg_pkt *pkt = kg_pkt(m);
	uint16_t payload_bytes = rte_pktmbuf_data_len(m);
	uint16_t header_bytes = kg_frame_header_bytes(l2, pkt->remote.ip.version);
	uint8_t *out = (uint8_t *)rte_pktmbuf_prepend(m, header_bytes);

	kg_frame_build(out, l2, &pkt->local, &pkt->remote, payload_bytes, 0, csum);
}

static void send_by_kernel(struct kg_worker *w, struct rte_mbuf *m)
{
	static const struct kg_l2 none; /* no L2: the kernel adds its own */
	const struct kg_pkt *pkt = kg_pkt(m);
	const struct kg_tuple tuple = { pkt->local, pkt->remote };

	if (w->box->shared_ports.last != 0)
		kg_recent_note(&w->box->tunnel_flows, &tuple, w->now_us);
	prepend_headers(m, &none, KG_FRAME_CSUM_SOFTWARE);
	kg_stage_route_by_kernel(w, m);
}

void kg_stage_route_to(struct kg_worker *w, const struct kg_nexthop *hop, struct rte_mbuf *m)
{
	const struct kg_nic *nic = &w->box->ports[hop->port].nic;

	prepend_headers(m, &hop->l2, request_checksum(nic, m, &hop->l2, hop->peer.version));
	kg_stage_tx_frame(w, hop->port, m);
}

/* Of channels that are open the wish to send stays: the route may come back. */
static void no_route(struct kg_worker *w, const struct kg_pkt *pkt)
{
	if (w->box->tunnels[pkt->tunnel].config->role == KG_ROLE_CLIENT)
		kg_session_no_route_from(w->sides[pkt->tunnel].session, pkt->local.port, w->now_us);
	kg_complain_no_route(w, pkt->tunnel, &pkt->remote);
}

static void route_one(struct kg_worker *w, struct rte_mbuf *m)
{
	struct kg_pkt *pkt = kg_pkt(m);
	const struct kg_nexthop *hop = kg_departure_hop(w, &pkt->remote.ip);

	if (pkt->local.ip.version == 0)
		pkt->local.ip = kg_departure_source(w->box, &pkt->remote.ip, hop);
	if (pkt->local.ip.version == 0 || hop->state == KG_NEXTHOP_NO_ROUTE) {
		no_route(w, pkt);
		kg_stage_drop(w, m, KG_DROP_TX_NO_ROUTE);
		return;
	}
	kg_worker_count(w, KG_COUNTER_SENT, 1);
	if (hop->state == KG_NEXTHOP_READY)
		kg_stage_route_to(w, hop, m);
	else
		send_by_kernel(w, m);
}

void kg_stage_route(struct kg_worker *w, struct rte_mbuf **v, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		route_one(w, v[i]);
}
