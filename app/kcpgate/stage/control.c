/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Takes datagrams that the control thread sends from a tunnel's port, and brings it the answers:
 * those are known by the first bytes of their transaction before anybody
 * takes them for the tunnel's.
 */
#include "base/bytes.h"
#include "box.h"
#include "net/stun.h"
#include "stage/stage.h"

static bool is_answer(const struct kg_worker *w, const struct kg_pkt *pkt)
{
	const struct kg_side *side = kg_worker_side(w, pkt->tunnel);
	uint64_t tag = side != NULL ? side->tunnel->stun_tag : 0;

	return tag != 0 && kg_stun_is_message(pkt->body, pkt->body_len) &&
	       kg_stun_tag(pkt->body) == tag;
}

static void to_control(struct kg_worker *w, struct rte_mbuf *m)
{
	if (rte_ring_sp_enqueue(w->box->to_control[w->index], m) != 0) {
		kg_stage_drop_datagram(w, m, KG_DROP_CONTROL_FULL, KG_STAGE_CONTROL);
		return;
	}
	kg_worker_count(w, KG_COUNTER_DELIVERED, 1);
	kg_waker_wake(&w->box->control_waker);
}

uint16_t kg_stage_to_control(struct kg_worker *w, struct rte_mbuf **v, uint16_t n)
{
	uint16_t kept = 0;

	if (w->stun_sides == 0)
		return n;
	for (uint16_t i = 0; i < n; i++) {
		if (is_answer(w, kg_pkt(v[i])))
			to_control(w, v[i]);
		else
			v[kept++] = v[i];
	}
	return kept;
}

void kg_stage_from_control(struct kg_worker *w)
{
	struct rte_mbuf *v[KG_NIC_BURST];
	unsigned int n;

	if (w->index != 0)
		return;
	n = rte_ring_sc_dequeue_burst(w->box->from_control, (void **)v, KG_NIC_BURST, NULL);
	kg_stage_route(w, v, (uint16_t)n);
}
