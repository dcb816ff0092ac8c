/* SPDX-License-Identifier: BSD-3-Clause */
/* What a connection tells the payload thread. */
#include "conn/internal.h"

#include "box.h"
#include "worker.h"

#define CREDIT_BATCH 16  /* segments; fewer are told only to an application that has none */
#define CREDIT_MAX   512 /* what an application may not use for long would belong to nobody else */

static struct kg_worker_link *payload_of(const struct kg_conn *conn)
{
	return &conn->side->worker->links[conn->payload];
}

/* Field by field where it stands: a struct that is copied right after it was written has to wait
 * for what was written. */
static void write_message(struct kg_msg *msg, struct kg_conn *conn, enum kg_msg_type type,
			  uint32_t count)
{
	msg->type = type;
	msg->protocol = 0;
	msg->tunnel = 0;
	msg->count = count;
	msg->flow = conn->flow;
	msg->conn = conn->streaming ? conn : NULL;
}

static bool tell(struct kg_conn *conn, enum kg_msg_type type, uint32_t count, struct kg_buf *buf)
{
	struct kg_msg *msg = kg_worker_post(payload_of(conn));

	if (msg == NULL)
		return false;
	write_message(msg, conn, type, count);
	msg->buf = buf;
	return true;
}

bool kg_conn_tell_connect(struct kg_conn *conn)
{
	const struct kg_app_end *app = &conn->side->tunnel->config->app;
	struct kg_msg *msg = kg_worker_post(payload_of(conn));

	if (msg == NULL)
		return false;
	write_message(msg, conn, KG_MSG_CONNECT, 0);
	msg->protocol = kg_stream_protocol(&conn->stream);
	msg->tunnel = conn->side->id;
	msg->target = conn->target != NULL ? conn->target : &app->target;
	conn->dialling = true;
	return true;
}

/* What the stream takes now. */
static int16_t room_of(const struct kg_conn *conn)
{
	return (int16_t)KG_MIN(kg_stream_room(&conn->stream), (uint32_t)CREDIT_MAX);
}

bool kg_conn_tell_attached(struct kg_conn *conn)
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
bool kg_conn_tell_credit(struct kg_conn *conn)
{
	int16_t room;

	if (conn->flow == NULL || conn->ended)
		return true;
	room = room_of(conn);
	if (!is_worth_telling(conn->credit, room))
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
	uint32_t share;

	if (kg_stream_protocol(&conn->stream) != KG_PROTOCOL_TCP)
		return KG_FLOW_TX_SEGMENTS;
	share = kg_buf_fair_share(kg_buf_mempool_pool(conn->side->worker->box->bufs));
	if (share <= KG_BUF_FLOOR)
		return KG_FLOW_TX_FLOOR / 2;
	return KG_MIN(KG_MAX(share, KG_FLOW_TX_FLOOR), KG_FLOW_TX_SEGMENTS);
}

enum kg_conn_taken kg_conn_tell_data(struct kg_conn *conn)
{
	struct kg_buf *buf;
	uint32_t count;

	if (conn->outstanding >= may_hold(conn))
		return KG_CONN_STALLED;
	if (!kg_worker_may_post(payload_of(conn)))
		return KG_CONN_RING_FULL;
	buf = kg_stream_recv(&conn->stream, conn->side->worker->now_us);
	count = kg_buf_chain_count(buf);
	tell(conn, KG_MSG_DATA, count, buf);
	conn->outstanding = (uint16_t)(conn->outstanding + count);
	kg_stream_hold(&conn->stream, (int32_t)count);
	return KG_CONN_TAKEN;
}

bool kg_conn_tell_finish(struct kg_conn *conn)
{
	return conn->flow == NULL || conn->close_told || tell(conn, KG_MSG_FINISH, 0, NULL);
}

bool kg_conn_tell_close(struct kg_conn *conn)
{
	if (conn->flow != NULL && !conn->close_told)
		conn->close_told = tell(conn, KG_MSG_CLOSE, conn->reset, NULL);
	return conn->flow == NULL || conn->close_told;
}
