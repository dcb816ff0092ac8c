/* SPDX-License-Identifier: BSD-3-Clause */
#include "box.h"
#include "path/path.h"
#include "wire/envelope.h"

/* The next datagram of a session in a fresh mbuf, or NULL when none is due or no mbuf is left. */
static struct rte_mbuf *next_datagram(struct kg_worker *w, struct kg_side *side)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(w->box->mbufs);
	struct kg_datagram out;
	struct kg_pkt *pkt;

	if (m == NULL) {
		w->stats.drops[KG_DROP_TX_NO_BUFFER]++;
		return NULL;
	}
	out.data = rte_pktmbuf_mtod_offset(m, uint8_t *, KG_ENVELOPE_BYTES);
	if (!kg_session_output(side->session, &out, w->now_us)) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	pkt = kg_pkt(m);
	pkt->local = out.local;
	pkt->remote = out.remote;
	pkt->body = out.data;
	pkt->body_len = out.len;
	pkt->tunnel = side->tunnel;
	return m;
}

uint16_t kg_path_kcp_output(struct kg_worker *w, struct rte_mbuf **v)
{
	unsigned int sides = w->box->tunnel_count;
	uint16_t n = 0;

	for (unsigned int i = 0; i < sides && n < KG_NIC_BURST; i++) {
		struct kg_side *side = &w->sides[w->next_side];

		while (n < KG_NIC_BURST && kg_session_output_pending(side->session)) {
			v[n] = next_datagram(w, side);
			if (v[n] == NULL)
				break;
			n++;
		}
		w->next_side = (uint16_t)((w->next_side + 1) % sides);
	}
	return n;
}
