/* SPDX-License-Identifier: BSD-3-Clause */
/* Takes datagrams of applications out of a burst and puts them into their channels, past Linux. */
#include "box.h"
#include "kcp/kcp.h"
#include "shortcut.h"
#include "stage/stage.h"

/* Tunnel datagrams go to the front of `v`, applications' into `apps`; returns how many the latter
 * are. */
static uint16_t sort_out(struct rte_mbuf **v, uint16_t n, struct rte_mbuf **apps)
{
	uint16_t count = 0;

	for (uint16_t i = 0; i < n; i++) {
		if (kg_pkt(v[i])->tunnel >= KG_PORT_TABLE_APP)
			apps[count++] = v[i];
		else
			v[i - count] = v[i];
	}
	return count;
}

/* As by Linux: a datagram goes whole while its channel has any room at all. */
static enum kg_drop send_to_stream(struct kg_worker *w, struct kg_conn *conn,
				   const struct kg_pkt *pkt)
{
	const struct kg_streams *streams = conn->side->streams;
	uint16_t first = kg_streams_first_bytes(streams), rest = kg_streams_rest_bytes(streams);
	struct kg_buf *chain;

	if (kg_stream_room(&conn->stream) == 0)
		return KG_DROP_APP_FULL;
	if (pkt->body_len > kg_kcp_message_max_bytes(first, rest))
		return KG_DROP_APP_SIZE;
	chain = kg_buf_chain_copy_for(kg_buf_mempool_pool(w->box->bufs), pkt->body, pkt->body_len,
				      first, rest, KG_BUF_FIRST);
	if (chain == NULL)
		return KG_DROP_NO_BUFFER;
	if (kg_stream_send(&conn->stream, chain, w->now_us))
		return KG_DROP_NONE;
	kg_buf_free_chain(chain);
	return KG_DROP_APP_CLOSING;
}

/* The mbuf stays the caller's. */
static void take(struct kg_worker *w, struct kg_shortcut *shortcut, const struct kg_pkt *pkt)
{
	enum kg_drop drop = send_to_stream(w, shortcut->conn, pkt);

	shortcut->proven = true;
	if (drop != KG_DROP_NONE) {
		kg_stage_note_drop(w, pkt, drop, KG_STAGE_APP_INPUT, NULL);
		return;
	}
	kg_worker_count(w, KG_COUNTER_APP_RX, 1);
	kg_worker_count(w, KG_COUNTER_APP_RX_BYTES, pkt->body_len);
	kg_worker_count(w, KG_COUNTER_PAYLOAD_RX_BYTES, pkt->body_len);
}

/* A flow's worker follows from its tuple, or from its port alone: no look-up is needed to part with
 * what is another worker's. */
static uint16_t hand_off_foreign(struct kg_worker *w, struct rte_mbuf **apps, uint16_t n)
{
	uint16_t kept = 0;

	if (w->box->worker_count == 1)
		return n;
	for (uint16_t i = 0; i < n; i++) {
		unsigned int owner = kg_shortcut_owner(kg_pkt(apps[i]), w->box->worker_count);

		if (owner == w->index)
			apps[kept++] = apps[i];
		else
			kg_stage_hand_off(w, owner, apps[i]);
	}
	return kept;
}

uint16_t kg_stage_app_input(struct kg_worker *w, struct rte_mbuf **v, uint16_t n)
{
	struct rte_mbuf *apps[KG_NIC_BURST];
	struct kg_shortcut *found[KG_NIC_BURST];
	uint16_t count = sort_out(v, n, apps), ours, taken = 0;

	if (count == 0)
		return n;
	ours = hand_off_foreign(w, apps, count);
	kg_shortcuts_lookup(w->shortcuts, apps, ours, found);
	for (uint16_t i = 0; i < ours; i++) {
		if (found[i] == NULL) {
			kg_stage_punt(w, kg_pkt(apps[i])->port, apps[i], KG_ERRAND_CALL);
			continue;
		}
		take(w, found[i], kg_pkt(apps[i]));
		apps[taken++] = apps[i];
	}
	rte_pktmbuf_free_bulk(apps, taken);
	return n - count;
}
