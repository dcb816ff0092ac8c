/* SPDX-License-Identifier: BSD-3-Clause */
/* What the payload thread tells of a connection. */
#include "conn/internal.h"

#include "shortcut.h"
#include "worker.h"

bool kg_conn_tell_refused(struct kg_worker *w)
{
	while (w->refused_count > 0) {
		const struct kg_msg *open = &w->refused[w->refused_count - 1];
		struct kg_msg *msg = kg_worker_post(&w->links[open->count]);

		if (msg == NULL)
			return false;
		*msg = *open;
		msg->type = KG_MSG_CLOSE;
		msg->count = 1;
		w->refused_count--;
	}
	return true;
}

void kg_conn_open(struct kg_worker *w, const struct kg_msg *msg)
{
	struct kg_side *side = kg_worker_side(w, msg->tunnel);
	struct kg_conn *conn = side != NULL ? kg_conn_create(side, msg->count) : NULL;
	struct kg_report report = { .type = KG_REPORT_OPEN_FAILED, .protocol = msg->protocol };

	if (conn == NULL) {
		w->refused[w->refused_count++] = *msg;
		return;
	}
	conn->flow = msg->flow;
	conn->streaming = !w->stopping && !side->draining &&
			  kg_streams_open(conn->side->streams, &conn->stream, msg->protocol,
					  msg->mapped, w->now_us);
	if (conn->streaming) {
		if (msg->tuple != NULL)
			kg_shortcut_open(conn, msg->tuple);
		kg_conn_mark(conn, KG_CONN_ATTACHED);
		return;
	}
	conn->reset = true;
	kg_conn_report(conn, &report);
	kg_conn_mark(conn, KG_CONN_CLOSE);
}

void kg_conn_connected(struct kg_worker *w, const struct kg_msg *msg)
{
	struct kg_conn *conn = msg->conn;

	conn->dialling = false;
	kg_conn_drop_target(conn);
	conn->flow = msg->flow;
	if (!conn->ended) {
		if (msg->tuple != NULL)
			kg_shortcut_open(conn, msg->tuple);
		kg_stream_connected(&conn->stream, w->now_us);
		kg_conn_journal_opened(conn);
	}
	kg_conn_mark(conn, KG_CONN_CREDIT | KG_CONN_DATA);
}

void kg_conn_refused(struct kg_worker *w, const struct kg_msg *msg)
{
	struct kg_conn *conn = msg->conn;
	struct kg_report report = { .type = KG_REPORT_CONNECT_FAILED, .error = (int)msg->count };
	char words[KG_MESSAGE_TEXT_MAX_BYTES];

	conn->dialling = false;
	snprintf(words, sizeof(words), "%s", kg_refusal_text(msg->count));
	if (conn->target != NULL) {
		snprintf(report.text, sizeof(report.text), "%s port %u", conn->target->address,
			 conn->target->port);
		snprintf(words, sizeof(words), "%s: %s port %u", kg_refusal_text(msg->count),
			 conn->target->address, conn->target->port);
	}
	kg_conn_drop_target(conn);
	kg_conn_report(conn, &report);
	if (!conn->ended)
		kg_stream_refused(&conn->stream, words, w->now_us);
	kg_conn_mark(conn, KG_CONN_DATA);
}

void kg_conn_data(struct kg_worker *w, const struct kg_msg *msg)
{
	struct kg_conn *conn = msg->conn;
	size_t bytes = kg_buf_chain_len(msg->buf);
	struct kg_channel_info info;

	conn->credit = (int16_t)(conn->credit - (int32_t)msg->count);
	if (kg_stream_send(&conn->stream, msg->buf, w->now_us)) {
		kg_worker_count(w, KG_COUNTER_PAYLOAD_RX_BYTES, bytes);
		if (conn->shortcut != NULL)
			kg_shortcut_enter(conn->shortcut);
		kg_conn_mark(conn, KG_CONN_CREDIT);
		return;
	}
	kg_buf_free_chain(msg->buf);
	kg_stream_get_info(&conn->stream, &info, w->now_us);
	/* A stream with a hole is worse than none. */
	if (info.protocol == KG_PROTOCOL_TCP && info.state < KG_CHANNEL_CLOSING)
		kg_stream_abort(&conn->stream, w->now_us);
	else if (info.protocol == KG_PROTOCOL_UDP)
		kg_worker_count(w, KG_COUNTER_PAYLOAD_UDP_DROPPED_CHANNEL, 1);
}

void kg_conn_credit(struct kg_worker *w, const struct kg_msg *msg)
{
	struct kg_conn *conn = msg->conn;

	conn->outstanding -= (uint16_t)KG_MIN(conn->outstanding, msg->count);
	if (!conn->ended)
		kg_stream_hold(&conn->stream, -(int32_t)msg->count);
	kg_conn_mark(conn, KG_CONN_DATA);
}

void kg_conn_finish(struct kg_worker *w, const struct kg_msg *msg)
{
	struct kg_conn *conn = msg->conn;

	if (!conn->ended)
		kg_stream_finish(&conn->stream, w->now_us);
}

void kg_conn_abort(struct kg_worker *w, const struct kg_msg *msg)
{
	struct kg_conn *conn = msg->conn;

	if (!conn->ended)
		kg_stream_abort(&conn->stream, w->now_us);
}

void kg_conn_released(struct kg_worker *w, const struct kg_msg *msg)
{
	struct kg_conn *conn = msg->conn;

	conn->flow = NULL;
	kg_conn_mark(conn, KG_CONN_CLOSE); /* deliver frees it */
}
