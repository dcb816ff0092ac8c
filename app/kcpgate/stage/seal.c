/* SPDX-License-Identifier: BSD-3-Clause */
/* Seals datagrams where they stand, by runs of one tunnel. */
#include "box.h"
#include "stage/stage.h"

/* A run of datagrams of one tunnel. */
static void seal_run(struct kg_worker *w, struct rte_mbuf **v, uint16_t n)
{
	struct kg_side *side = kg_worker_side(w, kg_pkt(v[0])->tunnel);
	struct kg_profile_job jobs[KG_NIC_BURST];

	for (uint16_t i = 0; i < n; i++)
		jobs[i] = (struct kg_profile_job){
			.data = kg_pkt(v[i])->body,
			.len = kg_pkt(v[i])->body_len,
			.iv = (uint16_t)kg_rng_next(&w->rng),
		};
	side->profile->seal(&side->key, jobs, n, w->unix_s);
	for (uint16_t i = 0; i < n; i++) {
		rte_pktmbuf_append(v[i], jobs[i].len);
		side->stats.sent_bytes += jobs[i].len;
	}
}

uint16_t kg_stage_seal(struct kg_worker *w, struct rte_mbuf **v, uint16_t n)
{
	for (uint16_t i = 0, run; i < n; i += run) {
		for (run = 1; i + run < n; run++) {
			if (kg_pkt(v[i + run])->tunnel != kg_pkt(v[i])->tunnel)
				break;
		}
		seal_run(w, v + i, run);
	}
	return n;
}
