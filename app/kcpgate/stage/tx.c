/* SPDX-License-Identifier: BSD-3-Clause */
/* Gives frames to the NICs' queues and counts those that found no room. */
#include "box.h"
#include "stage/stage.h"

void kg_stage_tx_frame(struct kg_worker *w, uint16_t port, struct rte_mbuf *frame)
{
	const struct kg_nic *nic = &w->box->ports[port].nic;

	kg_worker_count(w, KG_COUNTER_TX_FRAMES, 1);
	kg_worker_count(w, KG_COUNTER_TX_BYTES, rte_pktmbuf_pkt_len(frame));
	kg_worker_count_drop(w, KG_DROP_TX_FULL,
			     kg_nic_tx(nic, (uint16_t)w->index, &w->txq[port], frame));
}

void kg_stage_tx(struct kg_worker *w)
{
	for (uint16_t port = 0; port < w->box->port_count; port++) {
		struct kg_nic_txq *txq = &w->txq[port];

		kg_worker_count_drop(
			w, KG_DROP_TX_FULL,
			kg_nic_tx_flush(&w->box->ports[port].nic, (uint16_t)w->index, txq));
		kg_worker_count(w, KG_COUNTER_TX_IN_TRAINS, txq->in_trains);
		txq->in_trains = 0;
	}
}
