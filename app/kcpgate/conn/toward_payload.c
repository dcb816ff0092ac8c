/* SPDX-License-Identifier: BSD-3-Clause */
/* What is marked, done: a connection tells the payload thread. */
#include "conn/parts.h"

#include "box.h"
#include "stage/stage.h"
#include "worker.h"

#define CREDIT_BATCH 16  /* segments; fewer are told only to an application that has none */
#define CREDIT_MAX   512 /* what an application may not use for long would belong to nobody else */

void kg_conn_mark(struct kg_conn *conn, unsigned int todo)
{
	if (conn->todo == 0)
		STAILQ_INSERT_TAIL(&conn->side->worker->conns, conn, link);
	conn->todo |= (uint8_t)todo;
}

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
static int16_t room_of(const struct kg_conn *conn)
{
	return (int16_t)KG_MIN(kg_stream_room(&conn->stream), (uint32_t)CREDIT_MAX);
}

static bool run_attached(struct kg_conn *conn)
{
	int16_t room = room_of(conn);

	if (!tell(conn, KG_MSG_ATTACHED, (uint32_t)room, NULL))
		return false;
	conn->credit = room;
	return true;
}

/* It matters to an application that has no credit, or should have none, and in batches. */
static bool is_worth_telling(int16_t credit, int16_t room)
{
	int change = room - credit;

	return change >= CREDIT_BATCH || -change >= CREDIT_BATCH || (change > 0 && credit <= 0) ||
	       (change < 0 && room == 0);
}

/* More credit as the peer acknowledges; less when the share of the memory has become less. */
static bool run_credit(struct kg_conn *conn)
{
	int16_t room = conn->ended ? 0 : room_of(conn);

	if (conn->flow == NULL || conn->ended || !is_worth_telling(conn->credit, room))
		return true;
	if (!tell(conn, KG_MSG_CREDIT, (uint32_t)(room - conn->credit), NULL))
		return false;
	conn->credit = room;
	return true;
}

/* Buffers of a connection at the payload thread: of TCP, where the application may stand still, a
 * share of the memory. Datagrams do not wait. */
static uint32_t may_hold(const struct kg_conn *conn)
{
	uint32_t share = kg_buf_mempool_pool(conn->side->worker->box->bufs)->fair_share;

	if (kg_stream_protocol(&conn->stream) != KG_PROTOCOL_TCP)
		return KG_FLOW_TX_SEGMENTS;
	return KG_MIN(KG_MAX(share, KG_FLOW_TX_FLOOR), KG_FLOW_TX_SEGMENTS);
}

static void tell_data(struct kg_conn *conn)
{
	struct kg_buf *buf = kg_stream_recv(&conn->stream, conn->side->worker->now_us);
	uint32_t count = kg_buf_chain_count(buf);

	tell(conn, KG_MSG_DATA, count, buf);
	conn->outstanding = (uint16_t)(conn->outstanding + count);
}

/*
 * Messages go out of a port, or to the payload thread while it holds no more than it may;
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
		hop = kg_stage_app_nexthop(w, conn->shortcut, bytes);
		if (hop == NULL && conn->outstanding >= may_hold(conn))
			break;
		if (hop == NULL && rte_ring_full(payload_of(conn)->rings->to_payload))
			return false;
		kg_worker_count(w, KG_COUNTER_PAYLOAD_TX_BYTES, bytes);
		if (hop == NULL)
			tell_data(conn);
		else
			kg_stage_app_output(w, conn->shortcut, hop,
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
		kg_conn_destroy(conn);
	else if (conn->todo != 0)
		STAILQ_INSERT_TAIL(&conn->side->worker->conns, conn, link);
	return sent;
}
