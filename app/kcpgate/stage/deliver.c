/* SPDX-License-Identifier: BSD-3-Clause */
/* Does what is marked with connections, and chooses the way of each message to its application. */
#include "conn/burst.h"
#include "shortcut.h"
#include "stage/stage.h"

/* Out of a port, where the application is behind one. */
static enum kg_conn_taken past_linux(struct kg_conn *conn, size_t bytes)
{
	struct kg_worker *w = conn->side->worker;
	const struct kg_nexthop *nexthop = kg_stage_app_nexthop(w, conn->shortcut, bytes);

	if (nexthop == NULL)
		return KG_CONN_OTHER_WAY;
	kg_stage_app_output(w, conn->shortcut, nexthop, kg_stream_recv(&conn->stream, w->now_us));
	return KG_CONN_TAKEN;
}

static enum kg_conn_taken deliver(struct kg_conn *conn, size_t bytes)
{
	enum kg_conn_taken taken = KG_CONN_OTHER_WAY;

	if (conn->shortcut != NULL)
		taken = past_linux(conn, bytes);
	return taken != KG_CONN_OTHER_WAY ? taken : kg_conn_tell_data(conn);
}

/* What no way takes now stays in the stream and shuts its window. When the stream has ended and is
 * drained, the flow may end. */
static bool run_data(struct kg_conn *conn)
{
	struct kg_worker *w = conn->side->worker;
	enum kg_conn_taken taken = KG_CONN_TAKEN;
	struct kg_burst *burst = NULL;
	unsigned int left = 0;
	size_t bytes;

	while (taken == KG_CONN_TAKEN && conn->flow != NULL && !conn->close_told) {
		if (!kg_stream_peek(&conn->stream, &bytes, w->now_us)) {
			if (conn->ended)
				conn->todo |= KG_CONN_CLOSE;
			break;
		}
		burst = kg_burst_of(conn, burst, left++);
		if (burst != NULL && !kg_burst_may_leave(burst, bytes))
			break;
		taken = deliver(conn, bytes);
		if (taken == KG_CONN_TAKEN)
			kg_worker_count(w, KG_COUNTER_PAYLOAD_TX_BYTES, bytes);
	}
	return taken != KG_CONN_RING_FULL;
}

/* The stream is over and the payload thread knows nothing of it, or need not be waited for. */
static bool is_over(const struct kg_conn *conn)
{
	if (!conn->streaming)
		return conn->todo == 0;
	return conn->ended && conn->flow == NULL && !conn->dialling;
}

/* How many of the steps were done; the rest stays marked. */
static unsigned int take_steps(struct kg_conn *conn)
{
	static const struct {
		uint8_t todo;
		bool (*run)(struct kg_conn *conn);
	} steps[] = {
		{ KG_CONN_CONNECT, kg_conn_tell_connect },
		{ KG_CONN_ATTACHED, kg_conn_tell_attached },
		{ KG_CONN_CREDIT, kg_conn_tell_credit },
		{ KG_CONN_DATA, run_data },
		{ KG_CONN_FINISH, kg_conn_tell_finish },
		{ KG_CONN_CLOSE, kg_conn_tell_close },
	};
	unsigned int done = 0;

	for (size_t i = 0; i < KG_ARRAY_SIZE(steps); i++) {
		if ((conn->todo & steps[i].todo) == 0)
			continue;
		if (!steps[i].run(conn))
			break;
		conn->todo &= (uint8_t)~steps[i].todo;
		done++;
	}
	return done;
}

/* `conn` is not in the list; it returns there if something is left, or is freed. */
static unsigned int run(struct kg_conn *conn)
{
	unsigned int done;

	if (conn->ended)
		conn->todo &= (uint8_t)~KG_CONN_CONNECT;
	done = take_steps(conn);
	if (is_over(conn))
		kg_conn_destroy(conn);
	else if (conn->todo != 0)
		STAILQ_INSERT_TAIL(&conn->side->worker->conns, conn, link);
	return done;
}

/* What was posted goes, from here or from stages before; who sleeps and has got something wakes. */
static void wake_payload_threads(struct kg_worker *w)
{
	for (unsigned int i = 0; i < w->link_count; i++) {
		kg_worker_flush(&w->links[i]);
		if (!w->links[i].posted)
			continue;
		w->links[i].posted = false;
		w->told = true;
		kg_waker_wake(w->links[i].rings->payload_waker);
	}
}

/* Each connection that has something to say gets one try; who is stuck stays in the list. */
unsigned int kg_stage_deliver(struct kg_worker *w)
{
	struct kg_conn_list list = STAILQ_HEAD_INITIALIZER(list);
	unsigned int served = 0;
	struct kg_conn *conn;

	STAILQ_CONCAT(&list, &w->conns);
	while ((conn = STAILQ_FIRST(&list)) != NULL) {
		STAILQ_REMOVE_HEAD(&list, link);
		served += run(conn);
	}
	wake_payload_threads(w);
	return served;
}
