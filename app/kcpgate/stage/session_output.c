/* SPDX-License-Identifier: BSD-3-Clause */
/* Fills a burst with datagrams of the sessions that have some due. */
#include "box.h"
#include "stage/stage.h"

/* Mbufs are had by the burst, and as much of the one after next as frames have lately had is
 * brought into the cache. */
struct rte_mbuf *kg_stage_take_mbuf(struct kg_worker *w)
{
	struct rte_mbuf *m;

	if (w->spare_count == 0) {
		if (rte_pktmbuf_alloc_bulk(w->box->mbufs, w->spare, KG_NIC_BURST) != 0) {
			kg_worker_count_drop(w, KG_DROP_TX_NO_BUFFER, 1);
			return NULL;
		}
		w->spare_count = KG_NIC_BURST;
	}
	m = w->spare[--w->spare_count];
	if (w->spare_count > 0)
		kg_prefetch(rte_pktmbuf_mtod(w->spare[w->spare_count - 1], void *), w->usual_bytes);
	return m;
}

void kg_stage_note_length(struct kg_worker *w, uint32_t bytes)
{
	w->usual_bytes = KG_MAX(bytes, w->usual_bytes - w->usual_bytes / 16);
}

static void give_mbuf_back(struct kg_worker *w, struct rte_mbuf *m)
{
	w->spare[w->spare_count++] = m;
}

/* The next datagram of a session in a fresh mbuf, or NULL when none is due or no mbuf is left. */
static struct rte_mbuf *next_datagram(struct kg_worker *w, struct kg_side *side)
{
	struct rte_mbuf *m = kg_stage_take_mbuf(w);
	struct kg_datagram out;
	struct kg_pkt *pkt;

	if (m == NULL)
		return NULL;
	out.data = rte_pktmbuf_mtod_offset(m, uint8_t *, side->profile->head_bytes);
	if (!kg_side_output(side, &out, w->now_us)) {
		give_mbuf_back(w, m);
		return NULL;
	}
	pkt = kg_pkt(m);
	pkt->local = out.local;
	pkt->remote = out.remote;
	pkt->body = out.data;
	pkt->body_len = out.len;
	pkt->tunnel = side->id;
	pkt->mtu = out.mtu;
	kg_stage_note_length(w, side->profile->head_bytes + out.len);
	return m;
}

uint16_t kg_stage_session_output(struct kg_worker *w, struct rte_mbuf **v)
{
	unsigned int sides = w->sides.count;
	uint16_t n = 0;

	for (unsigned int i = 0; i < sides && n < KG_NIC_BURST; i++) {
		struct kg_side *side = w->sides.all[w->next_side++ % sides];

		while (n < KG_NIC_BURST && kg_side_output_pending(side)) {
			v[n] = next_datagram(w, side);
			if (v[n] == NULL)
				break;
			n++;
		}
	}
	return n;
}
