/* SPDX-License-Identifier: BSD-3-Clause */
/* Brings each opened datagram to the worker that owns its channel. */
#include "box.h"
#include "stage/stage.h"

/* conv is inside the encryption and ports hop, so only now it is known whose datagram this is. */
static unsigned int owner_of(const struct kg_worker *w, const struct kg_pkt *pkt)
{
	unsigned int workers = w->box->worker_count;
	struct kg_datagram in = {
		.remote = pkt->remote,
		.data = pkt->body,
		.len = pkt->body_len,
	};

	if (w->box->tunnels[pkt->tunnel].config->wire.role == KG_ROLE_CLIENT)
		return pkt->local.port % workers;
	return kg_session_owner(w->sides[pkt->tunnel].fec, &in, (uint16_t)workers);
}

void kg_stage_hand_off(struct kg_worker *w, unsigned int owner, struct rte_mbuf *m)
{
	if (rte_ring_sp_enqueue(w->box->handoff[owner][w->index], m) != 0) {
		kg_stage_drop(w, m, KG_DROP_HANDOFF_FULL);
		return;
	}
	kg_worker_count(w, KG_COUNTER_HANDED_OFF, 1);
	kg_waker_wake(&w->box->workers[owner]->waker);
}

uint16_t kg_stage_steer(struct kg_worker *w, struct rte_mbuf **v, uint16_t n)
{
	uint16_t kept = 0;

	if (w->box->worker_count == 1)
		return n;
	for (uint16_t i = 0; i < n; i++) {
		unsigned int owner = owner_of(w, kg_pkt(v[i]));

		if (owner == w->index)
			v[kept++] = v[i];
		else
			kg_stage_hand_off(w, owner, v[i]);
	}
	return kept;
}

uint16_t kg_stage_steer_in(struct kg_worker *w, struct rte_mbuf **v)
{
	uint16_t n = 0;

	for (unsigned int from = 0; from < w->box->worker_count && n < KG_NIC_BURST; from++) {
		if (from != w->index)
			n += (uint16_t)rte_ring_sc_dequeue_burst(w->box->handoff[w->index][from],
								 (void **)(v + n), KG_NIC_BURST - n,
								 NULL);
	}
	kg_worker_count(w, KG_COUNTER_HANDED_IN, n);
	return n;
}
