/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Puts datagrams for tunnels together that the network has cut. The first fragment shows the port.
 * A later one that comes before it may be a tunnel's when it comes from a peer; it may as well be
 * Linux's, which therefore gets a copy.
 */
#include "box.h"
#include "nic/reassembly.h"
#include "stage/stage.h"

/* Whether it is put together here. */
static bool claims(struct kg_worker *w, struct rte_mbuf *m, const struct kg_frame *frame,
		   bool tunnels)
{
	struct rte_mbuf *copy;

	if (frame->first) {
		kg_reassembly_note(w->reassembly, frame, tunnels);
		return tunnels;
	}
	if (kg_reassembly_expects(w->reassembly, frame))
		return true;
	if (kg_nexthops_lookup(w->nexthops, &frame->source.ip) == NULL)
		return false;
	copy = rte_pktmbuf_copy(m, w->box->mbufs, 0, UINT32_MAX);
	if (copy == NULL)
		return false;
	kg_worker_count(w, KG_COUNTER_FRAGMENTS_COPIED, 1);
	kg_stage_punt(w, kg_pkt(m)->port, copy, KG_ERRAND_UNASKED);
	return true;
}

static void count_lost(struct kg_worker *w)
{
	kg_worker_count_drop(w, KG_DROP_FRAGMENT_LOST, kg_reassembly_take_lost(w->reassembly));
}

struct rte_mbuf *kg_stage_reassemble(struct kg_worker *w, struct rte_mbuf *m,
				     struct kg_frame *frame, bool tunnels)
{
	uint16_t port = kg_pkt(m)->port;

	if (!claims(w, m, frame, tunnels)) {
		frame->kind = KG_FRAME_OTHER;
		return m;
	}
	m = kg_reassembly_take(w->reassembly, m, frame, w->now_us);
	count_lost(w);
	if (m == NULL)
		return NULL;
	kg_worker_count(w, KG_COUNTER_FRAGMENTS_JOINED, m->nb_segs - 1u);
	if (rte_pktmbuf_linearize(m) != 0) { /* longer than any datagram of ours */
		kg_stage_drop_frame(w, m, KG_DROP_DATAGRAM_SIZE, KG_STAGE_CLASSIFY);
		return NULL;
	}
	kg_frame_parse(frame, rte_pktmbuf_mtod(m, uint8_t *), rte_pktmbuf_data_len(m),
		       w->box->ports[port].config->vlan, KG_FRAME_IP_CSUM_GOOD);
	return m;
}

void kg_stage_expire_fragments(struct kg_worker *w)
{
	kg_reassembly_expire(w->reassembly, w->now_us);
	count_lost(w);
}
