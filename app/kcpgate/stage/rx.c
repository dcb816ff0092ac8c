/* SPDX-License-Identifier: BSD-3-Clause */
/* Takes a burst from a NIC queue and counts it. */
#include "box.h"
#include "stage/stage.h"

uint16_t kg_stage_rx(struct kg_worker *w, uint16_t port, struct rte_mbuf **v)
{
	uint16_t n = kg_nic_rx(&w->box->ports[port].nic, (uint16_t)w->index, v);

	for (uint16_t i = 0; i < n; i++) {
		kg_pkt(v[i])->port = port;
		kg_worker_count(w, KG_COUNTER_RX_BYTES, rte_pktmbuf_pkt_len(v[i]));
		rte_prefetch0(rte_pktmbuf_mtod(v[i], void *));
	}
	kg_worker_count(w, KG_COUNTER_RX_FRAMES, n);
	return n;
}
