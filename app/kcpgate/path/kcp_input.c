/* SPDX-License-Identifier: BSD-3-Clause */
/* Gives opened datagrams to the sessions of their tunnels. */
#include "path/path.h"

void kg_path_kcp_input(struct kg_worker *w, struct rte_mbuf **v, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		struct kg_pkt *pkt = kg_pkt(v[i]);
		struct kg_datagram in = {
			.local = pkt->local,
			.remote = pkt->remote,
			.data = pkt->body,
			.len = pkt->body_len,
			.digest = pkt->digest,
		};
		enum kg_drop drop = kg_session_input(w->sides[pkt->tunnel].session, &in, w->now_us);

		if (drop != KG_DROP_NONE)
			w->stats.drops[drop]++;
		else
			kg_worker_count(w, KG_COUNTER_DELIVERED, 1);
	}
	rte_pktmbuf_free_bulk(v, n);
}
