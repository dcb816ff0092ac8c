/* SPDX-License-Identifier: BSD-3-Clause */
/* Throws packets away, and notes what they were for those who ask why. */
#include "stage/stage.h"
#include "trace.h"
#include "udp_ports/port_table.h"

#include <string.h>

static void note(struct kg_worker *w, struct kg_dropped *what, enum kg_drop reason,
		 enum kg_stage stage)
{
	what->at_us = w->now_us;
	what->reason = (uint8_t)reason;
	what->stage = (uint8_t)stage;
	kg_dropped_note(&w->dropped, what);
	kg_worker_count_drop(w, reason, 1);
}

static void keep_first(struct kg_dropped *what, const uint8_t *bytes, size_t len)
{
	what->first_bytes = (uint8_t)KG_MIN(len, KG_DROPPED_FIRST_BYTES);
	memcpy(what->first, bytes, what->first_bytes);
}

void kg_stage_drop_frame(struct kg_worker *w, struct rte_mbuf *m, enum kg_drop reason,
			 enum kg_stage stage)
{
	struct kg_dropped what = {
		.tunnel = KG_DROPPED_NO_TUNNEL,
		.bytes = (uint16_t)rte_pktmbuf_pkt_len(m),
	};

	kg_frame_ends(rte_pktmbuf_mtod(m, uint8_t *), rte_pktmbuf_data_len(m), &what.ends);
	keep_first(&what, rte_pktmbuf_mtod(m, uint8_t *), rte_pktmbuf_data_len(m));
	note(w, &what, reason, stage);
	rte_pktmbuf_free(m);
}

void kg_stage_note_drop(struct kg_worker *w, const struct kg_pkt *pkt, enum kg_drop reason,
			enum kg_stage stage, const uint8_t *sealed)
{
	struct kg_dropped what = {
		.ends = { pkt->local, pkt->remote },
		.tunnel = pkt->tunnel < KG_PORT_TABLE_APP ? pkt->tunnel : KG_DROPPED_NO_TUNNEL,
		.bytes = pkt->body_len,
	};

	if (w->trace != NULL)
		kg_trace_dropped(w, pkt, reason, stage);
	if (sealed != NULL)
		keep_first(&what, sealed, pkt->body_len);
	note(w, &what, reason, stage);
}

void kg_stage_drop_datagram(struct kg_worker *w, struct rte_mbuf *m, enum kg_drop reason,
			    enum kg_stage stage)
{
	kg_stage_note_drop(w, kg_pkt(m), reason, stage, NULL);
	rte_pktmbuf_free(m);
}
