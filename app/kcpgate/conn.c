/* SPDX-License-Identifier: BSD-3-Clause */
#include "conn.h"

#include "path/path.h"
#include "shortcut.h"
#include "worker.h"

#include <string.h>

#define CREDIT_BATCH 16 /* segments; fewer are told only to an application that has none */

/* ---- the list of connections with something to do ---- */

void kg_conn_mark(struct kg_conn *conn, unsigned int todo)
{
	if (conn->todo == 0)
		STAILQ_INSERT_TAIL(&conn->side->worker->conns, conn, link);
	conn->todo |= (uint8_t)todo;
}

static struct kg_conn *conn_create(struct kg_side *side, uint32_t payload)
{
	struct kg_conn *conn = kg_mem_alloc(kg_arena_mem(side->worker->arena), sizeof(*conn));

	if (conn != NULL) {
		conn->side = side;
		conn->payload = (uint8_t)payload;
	}
	return conn;
}

/* ---- where a client wants to go: the payload thread reads it until it has answered ---- */

static size_t target_bytes(const struct kg_target *target)
{
	return sizeof(*target) + strlen(target->address) + 1;
}

static bool target_set(struct kg_conn *conn, const struct kg_target *target)
{
	struct kg_mem *mem = kg_arena_mem(conn->side->worker->arena);

	conn->target = kg_mem_alloc(mem, target_bytes(target));
	if (conn->target == NULL)
		return false;
	*conn->target = (struct kg_target){
		.port = target->port,
		.address = strcpy((char *)(conn->target + 1), target->address),
	};
	return true;
}

static void target_drop(struct kg_conn *conn)
{
	struct kg_mem *mem = kg_arena_mem(conn->side->worker->arena);

	if (conn->target != NULL)
		kg_mem_free(mem, conn->target, target_bytes(conn->target));
	conn->target = NULL;
}

/* Not in the list. */
static void conn_destroy(struct kg_conn *conn)
{
	kg_shortcut_close(conn);
	target_drop(conn);
	if (conn->streaming)
		kg_stream_free(&conn->stream);
	kg_mem_free(kg_arena_mem(conn->side->worker->arena), conn, sizeof(*conn));
}

/* ---- toward the payload thread ---- */

static struct kg_worker_link *payload_of(const struct kg_conn *conn)
{
	return &conn->side->worker->links[conn->payload];
}

static struct kg_msg message(const struct kg_conn *conn, enum kg_msg_type type, uint32_t count)
{
	return (struct kg_msg){
		.type = type,
		.protocol = conn->streaming ? kg_stream_protocol(&conn->stream) : 0,
		.tunnel = conn->side->tunnel,
		.count = count,
		.flow = conn->flow,
		.channel = conn->streaming ? (void *)(uintptr_t)conn : NULL,
	};
}

static bool tell(struct kg_conn *conn, enum kg_msg_type type, uint32_t count, struct kg_buf *buf)
{
	struct kg_msg msg = message(conn, type, count);

	msg.buf = buf;
	return kg_worker_post(payload_of(conn), &msg);
}

static bool run_connect(struct kg_conn *conn)
{
	struct kg_msg msg = message(conn, KG_MSG_CONNECT, 0);

	msg.target = conn->target;
	conn->dialling = kg_worker_post(payload_of(conn), &msg);
	return conn->dialling;
}

/* What the stream takes now. */
static uint16_t room_of(const struct kg_conn *conn)
{
	return (uint16_t)KG_MIN(kg_stream_room(&conn->stream), (uint32_t)UINT16_MAX);
}

static bool run_attached(struct kg_conn *conn)
{
	uint16_t room = room_of(conn);

	if (!tell(conn, KG_MSG_ATTACHED, room, NULL))
		return false;
	conn->credit = room;
	return true;
}

/* More credit as the peer acknowledges; told in batches. */
static bool run_credit(struct kg_conn *conn)
{
	uint16_t room = conn->ended ? 0 : room_of(conn);
	uint16_t grant = room > conn->credit ? (uint16_t)(room - conn->credit) : 0;

	if (conn->flow == NULL || grant == 0 || (grant < CREDIT_BATCH && conn->credit > 0))
		return true;
	if (!tell(conn, KG_MSG_CREDIT, grant, NULL))
		return false;
	conn->credit = (uint16_t)(conn->credit + grant);
	return true;
}

static void tell_data(struct kg_conn *conn)
{
	struct kg_buf *buf = kg_stream_recv(&conn->stream, conn->side->worker->now_us);
	uint32_t count = kg_buf_chain_count(buf);

	tell(conn, KG_MSG_DATA, count, buf);
	conn->outstanding = (uint16_t)(conn->outstanding + count);
}

/*
 * Messages go out of a port, or to the payload thread while it holds fewer buffers than its share;
 * the rest stays in the stream and shuts its window. When the stream has ended and is drained,
 * the flow may end.
 */
static bool run_data(struct kg_conn *conn)
{
	struct kg_worker *w = conn->side->worker;
	size_t bytes;

	while (conn->flow != NULL && !conn->close_told) {
		const struct kg_nexthop *hop;

		if (!kg_stream_peek(&conn->stream, &bytes, w->now_us)) {
			if (conn->ended)
				conn->todo |= KG_CONN_CLOSE;
			break;
		}
		hop = kg_path_app_hop(w, conn->shortcut, bytes);
		if (hop == NULL && conn->outstanding >= KG_FLOW_TX_SEGMENTS)
			break;
		if (hop == NULL && rte_ring_full(payload_of(conn)->rings->to_payload))
			return false;
		kg_worker_count(w, KG_COUNTER_PAYLOAD_TX_BYTES, bytes);
		if (hop == NULL)
			tell_data(conn);
		else
			kg_path_app_output(w, conn->shortcut, hop,
					   kg_stream_recv(&conn->stream, w->now_us));
	}
	return true;
}

static bool run_finish(struct kg_conn *conn)
{
	return conn->flow == NULL || conn->close_told || tell(conn, KG_MSG_FINISH, 0, NULL);
}

static bool run_close(struct kg_conn *conn)
{
	if (conn->flow != NULL && !conn->close_told)
		conn->close_told = tell(conn, KG_MSG_CLOSE, conn->reset, NULL);
	return conn->flow == NULL || conn->close_told;
}

/* The stream is over and the payload thread knows nothing of it, or need not be waited for. */
static bool is_over(const struct kg_conn *conn)
{
	if (!conn->streaming)
		return conn->todo == 0;
	return conn->ended && conn->flow == NULL && !conn->dialling;
}

unsigned int kg_conn_run(struct kg_conn *conn)
{
	static const struct {
		uint8_t todo;
		bool (*run)(struct kg_conn *conn);
	} steps[] = {
		{ KG_CONN_CONNECT, run_connect }, { KG_CONN_ATTACHED, run_attached },
		{ KG_CONN_CREDIT, run_credit },   { KG_CONN_DATA, run_data },
		{ KG_CONN_FINISH, run_finish },   { KG_CONN_CLOSE, run_close },
	};
	unsigned int sent = 0;

	if (conn->ended && (conn->todo & KG_CONN_CONNECT) != 0)
		conn->todo &= (uint8_t)~KG_CONN_CONNECT;
	for (size_t i = 0; i < KG_ARRAY_SIZE(steps); i++) {
		if ((conn->todo & steps[i].todo) == 0)
			continue;
		if (!steps[i].run(conn))
			break;
		conn->todo &= (uint8_t)~steps[i].todo;
		sent++;
	}
	if (is_over(conn))
		conn_destroy(conn);
	else if (conn->todo != 0)
		STAILQ_INSERT_TAIL(&conn->side->worker->conns, conn, link);
	return sent;
}

/* ---- from the payload thread ---- */

static void report_failure(struct kg_conn *conn, struct kg_report *report)
{
	struct kg_channel_info info;

	report->tunnel = conn->side->tunnel;
	if (conn->streaming) {
		kg_stream_get_info(&conn->stream, &info, conn->side->worker->now_us);
		report->protocol = (uint8_t)info.protocol;
		report->conv = info.conv;
		report->remote = info.remote;
	}
	kg_worker_report(conn->side->worker, report);
}

bool kg_conn_tell_refused(struct kg_worker *w)
{
	while (w->refused_count > 0) {
		struct kg_msg msg = w->refused[w->refused_count - 1];
		struct kg_worker_link *payload = &w->links[msg.count];

		msg.type = KG_MSG_CLOSE;
		msg.count = 1;
		if (!kg_worker_post(payload, &msg))
			return false;
		w->refused_count--;
	}
	return true;
}

void kg_conn_open(struct kg_worker *w, const struct kg_msg *msg)
{
	struct kg_conn *conn = conn_create(&w->sides[msg->tunnel], msg->count);
	struct kg_report report = { .type = KG_REPORT_OPEN_FAILED, .protocol = msg->protocol };

	if (conn == NULL) {
		w->refused[w->refused_count++] = *msg;
		return;
	}
	conn->flow = msg->flow;
	conn->streaming = !w->stopping && kg_streams_open(conn->side->streams, &conn->stream,
							  msg->protocol, msg->mapped, w->now_us);
	if (conn->streaming) {
		if (msg->tuple != NULL)
			kg_shortcut_open(conn, msg->tuple);
		kg_conn_mark(conn, KG_CONN_ATTACHED);
		return;
	}
	conn->reset = true;
	report_failure(conn, &report);
	kg_conn_mark(conn, KG_CONN_CLOSE);
}

void kg_conn_connected(struct kg_worker *w, const struct kg_msg *msg)
{
	struct kg_conn *conn = msg->channel;

	conn->dialling = false;
	target_drop(conn);
	conn->flow = msg->flow;
	if (!conn->ended) {
		if (msg->tuple != NULL)
			kg_shortcut_open(conn, msg->tuple);
		kg_stream_connected(&conn->stream, w->now_us);
	}
	kg_conn_mark(conn, KG_CONN_CREDIT | KG_CONN_DATA);
}

void kg_conn_refused(struct kg_worker *w, const struct kg_msg *msg)
{
	struct kg_conn *conn = msg->channel;
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
	target_drop(conn);
	report_failure(conn, &report);
	if (!conn->ended)
		kg_stream_refused(&conn->stream, words, w->now_us);
	kg_conn_mark(conn, KG_CONN_DATA);
}

void kg_conn_data(struct kg_worker *w, const struct kg_msg *msg)
{
	struct kg_conn *conn = msg->channel;
	size_t bytes = kg_buf_chain_len(msg->buf);
	struct kg_channel_info info;

	conn->credit -= (uint16_t)KG_MIN(conn->credit, msg->count);
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
}

void kg_conn_credit(struct kg_worker *w, const struct kg_msg *msg)
{
	struct kg_conn *conn = msg->channel;

	conn->outstanding -= (uint16_t)KG_MIN(conn->outstanding, msg->count);
	kg_conn_mark(conn, KG_CONN_DATA);
}

void kg_conn_finish(struct kg_worker *w, const struct kg_msg *msg)
{
	struct kg_conn *conn = msg->channel;

	if (!conn->ended)
		kg_stream_finish(&conn->stream, w->now_us);
}

void kg_conn_abort(struct kg_worker *w, const struct kg_msg *msg)
{
	struct kg_conn *conn = msg->channel;

	if (!conn->ended)
		kg_stream_abort(&conn->stream, w->now_us);
}

void kg_conn_released(struct kg_worker *w, const struct kg_msg *msg)
{
	struct kg_conn *conn = msg->channel;

	conn->flow = NULL;
	kg_conn_mark(conn, KG_CONN_CLOSE); /* deliver frees it */
}

/* ---- what sessions ask of their host ---- */

static uint16_t on_port_acquire(void *host, const struct kg_endpoint *remote, bool alone)
{
	struct kg_side *side = host;

	return kg_worker_port_acquire(side->worker, side->tunnel, remote, alone);
}

static void on_port_release(void *host, uint16_t port)
{
	struct kg_side *side = host;

	kg_worker_port_release(side->worker, port);
}

/* The payload threads take turns. */
static uint32_t next_payload(struct kg_worker *w)
{
	uint32_t payload = w->next_link;

	w->next_link = (w->next_link + 1) % w->link_count;
	return payload;
}

static struct kg_conn *conn_of(struct kg_stream *stream)
{
	return KG_CONTAINER_OF(stream, struct kg_conn, stream);
}

static struct kg_stream *on_accept(void *host, enum kg_protocol protocol,
				   const struct kg_target *target)
{
	struct kg_side *side = host;
	struct kg_conn *conn = conn_create(side, next_payload(side->worker));

	if (conn == NULL)
		return NULL;
	if (target != NULL && !target_set(conn, target)) {
		conn_destroy(conn);
		return NULL;
	}
	conn->streaming = true;
	kg_conn_mark(conn, KG_CONN_CONNECT);
	return &conn->stream;
}

static void on_opened(void *host, struct kg_stream *stream)
{
	kg_conn_mark(conn_of(stream), KG_CONN_CREDIT);
}

static void on_readable(void *host, struct kg_stream *stream)
{
	kg_conn_mark(conn_of(stream), KG_CONN_DATA);
}

static void on_acked(void *host, struct kg_stream *stream, uint32_t segments)
{
	kg_conn_mark(conn_of(stream), KG_CONN_CREDIT);
}

static void on_finished(void *host, struct kg_stream *stream)
{
	kg_conn_mark(conn_of(stream), KG_CONN_FINISH);
}

static bool is_failure(enum kg_close why)
{
	return why == KG_CLOSE_REFUSED || why == KG_CLOSE_HANDSHAKE || why == KG_CLOSE_SILENCE ||
	       why == KG_CLOSE_EXHAUSTED;
}

static void on_closed(void *host, struct kg_stream *stream, enum kg_close why, const char *text)
{
	struct kg_conn *conn = conn_of(stream);
	struct kg_report report = { .type = KG_REPORT_CLOSED, .why = (uint8_t)why };

	kg_shortcut_close(conn);
	conn->ended = true;
	conn->reset = why != KG_CLOSE_FINISHED && why != KG_CLOSE_PEER && why != KG_CLOSE_IDLE;
	if (is_failure(why)) {
		strncpy(report.text, text, sizeof(report.text) - 1);
		report_failure(conn, &report);
	}
	kg_conn_mark(conn, KG_CONN_DATA);
}

static void on_mux_closed(void *host, const struct kg_channel_info *info, enum kg_close why,
			  const char *text, uint32_t count)
{
	struct kg_side *side = host;
	struct kg_report report = {
		.type = KG_REPORT_CLOSED,
		.why = (uint8_t)why,
		.tunnel = side->tunnel,
		.protocol = KG_PROTOCOL_MUX,
		.conv = info->conv,
		.remote = info->remote,
	};

	if (side->worker->stopping)
		return;
	strncpy(report.text, text, sizeof(report.text) - 1);
	kg_worker_report(side->worker, &report);
}

const struct kg_stream_ops kg_conn_stream_ops = {
	.port_acquire = on_port_acquire,
	.port_release = on_port_release,
	.accept = on_accept,
	.opened = on_opened,
	.readable = on_readable,
	.acked = on_acked,
	.finished = on_finished,
	.closed = on_closed,
	.mux_closed = on_mux_closed,
};
