/* SPDX-License-Identifier: BSD-3-Clause */
/* Sends datagrams that are too long for their path as IP fragments: a segment that was numbered
 * when the path was believed to be wider cannot become shorter. */
#include "box.h"
#include "nic/fragment.h"
#include "stage/stage.h"

static const struct kg_l2 no_l2; /* pieces get theirs one by one */

static void send_piece(struct kg_worker *w, const struct kg_nexthop *nexthop,
		       struct rte_mbuf *piece)
{
	if (nexthop->state != KG_NEXTHOP_READY) {
		kg_stage_route_by_kernel(w, piece);
		return;
	}
	kg_l2_write((uint8_t *)rte_pktmbuf_prepend(piece, nexthop->l2.len), &nexthop->l2,
		    nexthop->peer.version);
	kg_stage_tx_frame(w, nexthop->port, piece);
}

void kg_stage_route_in_pieces(struct kg_worker *w, const struct kg_nexthop *nexthop,
			      struct rte_mbuf *m, uint16_t mtu)
{
	struct rte_mbuf *pieces[KG_FRAGMENTS_MAX];
	uint32_t id = (uint32_t)kg_rng_next(&w->rng) | 1;
	unsigned int count;

	kg_stage_put_headers(m, &no_l2, (uint16_t)id, KG_FRAME_CSUM_SOFTWARE);
	count = kg_fragment_cut(m, mtu, id, w->box->mbufs, pieces);
	if (count == 0) {
		kg_stage_drop(w, m, KG_DROP_TX_NO_BUFFER);
		return;
	}
	kg_worker_count(w, KG_COUNTER_SENT_IN_PIECES, 1);
	for (unsigned int i = 0; i < count; i++)
		send_piece(w, nexthop, pieces[i]);
	rte_pktmbuf_free(m);
}
