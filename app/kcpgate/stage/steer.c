/* SPDX-License-Identifier: BSD-3-Clause */
/* Brings each opened datagram to the worker that owns its channel. */
#include "box.h"
#include "stage/stage.h"

/* conv is inside the encryption and ports hop, so only now it is known whose datagram this is. */
static unsigned int owner_of(const struct kg_worker *w, const struct kg_pkt *pkt)
{
	const struct kg_datagram in = {
		.local = pkt->local,
		.remote = pkt->remote,
		.data = pkt->body,
		.len = pkt->body_len,
	};

	return kg_side_owner(kg_worker_side(w, pkt->tunnel), &in);
}

void kg_stage_hand_off(struct kg_worker *w, unsigned int owner, struct rte_mbuf *m)
{
	if (rte_ring_sp_enqueue(w->box->handoff[owner][w->index], m) != 0) {
		kg_stage_drop_datagram(w, m, KG_DROP_HANDOFF_FULL, KG_STAGE_STEER);
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

/* A tunnel may have gone while its datagrams were on the way here. */
static uint16_t drop_of_no_tunnel(struct kg_worker *w, struct rte_mbuf **v, uint16_t n)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		uint16_t tunnel = kg_pkt(v[i])->tunnel;

		if (tunnel < KG_PORT_TABLE_APP && kg_worker_side(w, tunnel) == NULL)
			kg_stage_drop_datagram(w, v[i], KG_DROP_TUNNEL_GONE, KG_STAGE_STEER);
		else
			v[kept++] = v[i];
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
	return drop_of_no_tunnel(w, v, n);
}
