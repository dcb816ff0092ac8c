/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds out whose a frame is: a tunnel's, an application's, or Linux's. */
#include "box.h"
#include "net/frame.h"
#include "stage/stage.h"

/* A CPU that has seen so much of a frame read brings the rest in by itself. */
#define AHEAD_BYTES (uint16_t)256

/* What the NIC has verified, in the parser's terms. */
static unsigned int trust(const struct rte_mbuf *m)
{
	unsigned int bits = 0;

	if ((m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD)
		bits |= KG_FRAME_IP_CSUM_GOOD;
	if ((m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		bits |= KG_FRAME_UDP_CSUM_GOOD;
	return bits;
}

/* Several server tunnels may share a port on different addresses, and one that rests with the one
 * that has come in its place; the table names one of them. */
static uint16_t server_at(const struct kg_worker *w, const struct kg_endpoint *local)
{
	uint16_t resting = KG_PORT_TABLE_NONE;

	for (unsigned int i = 0; i < w->sides.count; i++) {
		const struct kg_side *side = w->sides.all[i];

		if (!kg_side_answers_at(side, local))
			continue;
		if (!side->resting)
			return side->id;
		resting = side->id;
	}
	return resting;
}

static uint16_t tunnel_of(const struct kg_worker *w, const struct kg_endpoint *local)
{
	uint16_t id = kg_port_table_get(&w->box->udp_ports, local->port);
	const struct kg_side *side;

	if (id >= KG_PORT_TABLE_APP)
		return id;
	side = kg_worker_side(w, id);
	if (side == NULL || side->tunnel->config->wire.role == KG_ROLE_SERVER)
		return side != NULL && kg_side_answers_at(side, local) ? id : server_at(w, local);
	return kg_port_set_has(&w->box->linux_ports, local->port) ? KG_PORT_TABLE_NONE : id;
}

/*
 * From a client's server to a local port that no channel has. We had it once, perhaps before we
 * were killed and started again: the session says that it knows nothing of that.
 */
static uint16_t client_of(const struct kg_worker *w, const struct kg_frame *frame)
{
	const struct kg_port_range *ours = w->box->config->local_ports;
	uint16_t local_port = frame->destination.port;

	if (local_port < ours->first || local_port > ours->last ||
	    kg_port_set_has(&w->box->linux_ports, local_port))
		return KG_PORT_TABLE_NONE;
	for (unsigned int i = 0; i < w->sides.count; i++) {
		const struct kg_side *side = w->sides.all[i];

		if (side->tunnel->config->wire.role == KG_ROLE_CLIENT &&
		    kg_session_has_server(side->session, &frame->source))
			return side->id;
	}
	return KG_PORT_TABLE_NONE;
}

static struct kg_tuple ends_of(const struct kg_frame *frame)
{
	return (struct kg_tuple){ frame->destination, frame->source };
}

/* Does it answer what Linux has asked, from a port that is a tunnel's, too? */
static bool is_for_linux(const struct kg_worker *w, const struct kg_frame *frame)
{
	const struct kg_port_range shared = kg_box_shared_ports(w->box);
	struct kg_tuple tuple;

	if (frame->destination.port < shared.first || frame->destination.port > shared.last)
		return false;
	tuple = ends_of(frame);
	return kg_recent_has(&w->box->linux_flows, &tuple, w->now_us);
}

/* Where the datagram before went, one of the same burst: the next one mostly goes there, too. */
struct place {
	struct kg_endpoint local;
	uint16_t port;
	uint16_t tunnel;
	bool ours; /* the address is the port's */
};

static void find(const struct kg_worker *w, uint16_t port, const struct kg_endpoint *local,
		 struct place *place)
{
	if (place->port == port && kg_endpoint_equal(&place->local, local))
		return;
	place->local = *local;
	place->port = port;
	place->ours = kg_port_has_address(w->box->ports[port].config, &local->ip);
	place->tunnel = place->ours ? tunnel_of(w, local) : KG_PORT_TABLE_NONE;
}

/* True when the frame carries a datagram for a tunnel, or maybe of an application. */
static bool take_datagram(struct kg_worker *w, struct rte_mbuf *m, const struct kg_frame *frame,
			  struct place *place)
{
	struct kg_pkt *pkt = kg_pkt(m);

	find(w, pkt->port, &frame->destination, place);
	if (!place->ours || is_for_linux(w, frame))
		return false;
	pkt->tunnel = place->tunnel;
	if (pkt->tunnel == KG_PORT_TABLE_NONE)
		pkt->tunnel = client_of(w, frame);
	if (pkt->tunnel == KG_PORT_TABLE_NONE)
		return false;
	pkt->local = frame->destination;
	pkt->remote = frame->source;
	pkt->body = rte_pktmbuf_mtod_offset(m, uint8_t *, frame->payload_offset);
	pkt->body_len = frame->payload_bytes;
	return true;
}

/* Does the datagram that begins with this fragment belong to a tunnel? */
static bool begins_tunnels(const struct kg_worker *w, uint16_t port, const struct kg_frame *frame)
{
	return frame->first &&
	       kg_port_has_address(w->box->ports[port].config, &frame->destination.ip) &&
	       tunnel_of(w, &frame->destination) < KG_PORT_TABLE_APP;
}

#define TOLD_EVERY_US (20ull * KG_US_PER_MS) /* what routers say, as often as sessions hear it */

/* Whose the datagram was is known to its owner alone. */
static void tell_others(struct kg_worker *w, uint16_t tunnel, const struct kg_tuple *ends,
			uint16_t mtu)
{
	struct kg_report report = {
		.type = KG_REPORT_TOO_BIG,
		.tunnel = tunnel,
		.count = mtu,
		.remote = ends->remote,
		.local = ends->local,
	};

	if (w->box->worker_count == 1 || w->now_us < w->told_us)
		return;
	w->told_us = w->now_us + TOLD_EVERY_US;
	kg_worker_report(w, &report);
}

/* What a router says of a tunnel's datagram concerns the tunnel; Linux hears it, too. A client's
 * address is not in its paths. */
static void hear_router(struct kg_worker *w, struct rte_mbuf *m, const struct kg_frame *frame)
{
	struct kg_tuple ends;
	const struct kg_side *side;
	uint16_t mtu;

	if (frame->kind != KG_FRAME_OTHER ||
	    !kg_errand_too_big(rte_pktmbuf_mtod(m, const uint8_t *), rte_pktmbuf_data_len(m),
			       frame->l2_bytes, &ends, &mtu) ||
	    !kg_port_has_address(w->box->ports[kg_pkt(m)->port].config, &ends.local.ip))
		return;
	side = kg_worker_side(w, tunnel_of(w, &ends.local));
	if (side == NULL)
		return;
	kg_session_too_big(side->session, &ends, mtu, w->now_us);
	tell_others(w, side->id, &ends, mtu);
}

static enum kg_errand errand_of(const struct rte_mbuf *m, const struct kg_frame *frame)
{
	if (frame->kind == KG_FRAME_UDP)
		return KG_ERRAND_UNASKED;
	return kg_errand_of(rte_pktmbuf_mtod(m, const uint8_t *), rte_pktmbuf_data_len(m),
			    frame->l2_bytes);
}

uint16_t kg_stage_classify(struct kg_worker *w, struct rte_mbuf **v, uint16_t n)
{
	struct place place = { 0 };
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = v[i];
		uint16_t port = kg_pkt(m)->port;
		struct kg_frame frame;

		/* The checksum reads all of a frame: let the next one begin to come in. */
		if (i + 1 < n)
			kg_prefetch(rte_pktmbuf_mtod(v[i + 1], void *),
				    KG_MIN(rte_pktmbuf_data_len(v[i + 1]), AHEAD_BYTES));
		kg_frame_parse(&frame, rte_pktmbuf_mtod(m, uint8_t *), rte_pktmbuf_data_len(m),
			       w->box->ports[port].config->vlan, trust(m));
		if (frame.kind == KG_FRAME_FRAGMENT)
			m = kg_stage_reassemble(w, m, &frame, begins_tunnels(w, port, &frame));
		if (m == NULL)
			continue;
		if (frame.kind == KG_FRAME_BAD)
			kg_stage_drop_frame(w, m, frame.drop, KG_STAGE_CLASSIFY);
		else if (frame.kind == KG_FRAME_UDP && take_datagram(w, m, &frame, &place))
			v[kept++] = m;
		else {
			hear_router(w, m, &frame);
			kg_stage_punt(w, port, m, errand_of(m, &frame));
		}
	}
	return kept;
}
