/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker's half of a connection: what its channel does not take is counted, bursts of datagrams
 * leave at a pace, and what its application may send and hold follows the share of memory. */
#include "box.h"
#include "conn/burst.h"
#include "worker.h"

#include "bare_eal.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "pair_wire.h"
#include "test_host.h"

static struct test_host host;
static struct kg_worker w;
static struct kg_side side;
static struct kg_conn conn;

static void begin_with(enum kg_protocol protocol, uint16_t snd_wnd)
{
	struct kg_streams_config config = { .session = pair_config(KG_ROLE_CLIENT, 4) };

	config.session.kcp.snd_wnd = snd_wnd;
	w = (struct kg_worker){ .now_us = SEC(1000) };
	side = (struct kg_side){ .worker = &w };
	conn = (struct kg_conn){ .side = &side };
	STAILQ_INIT(&w.conns);
	test_host_init(&host, 1, 100, w.now_us);
	w.wheel = host.wheel;
	w.arena = kg_arena_create(1 << 20);
	assert_non_null(w.arena);
	side.streams = test_host_streams(&host, &config, (struct kg_stream_ops){ 0 }, w.now_us);
	assert_non_null(side.streams);
	assert_true(kg_streams_open(side.streams, &conn.stream, protocol, NULL, w.now_us));
}

static void begin(enum kg_protocol protocol)
{
	begin_with(protocol, 256);
}

static void end(void)
{
	kg_arena_destroy(w.arena);
	kg_streams_destroy(side.streams);
	assert_true(test_host_fini(&host));
}

static void give_datagram(void)
{
	const struct kg_msg msg = {
		.type = KG_MSG_DATA,
		.conn = &conn,
		.count = 1,
		.buf = kg_buf_chain_copy(&host.pool.pool, "x", 1, 100, 100),
	};

	kg_conn_data(&w, &msg);
}

/* The application has ended and the payload thread does not know yet. */
static void a_datagram_for_a_channel_that_ends_is_counted(void **state)
{
	const uint64_t *dropped = &w.stats.counters[KG_COUNTER_PAYLOAD_UDP_DROPPED_CHANNEL];

	begin(KG_PROTOCOL_UDP);
	give_datagram();
	assert_int_equal(*dropped, 0);
	assert_int_equal(w.stats.counters[KG_COUNTER_PAYLOAD_RX_BYTES], 1);
	kg_stream_finish(&conn.stream, w.now_us);
	give_datagram();
	assert_int_equal(*dropped, 1);
	assert_int_equal(w.stats.counters[KG_COUNTER_PAYLOAD_RX_BYTES], 1);
	end();
}

#define DATAGRAM 1000 /* bytes: one segment */
#define SOCKET   92   /* full datagrams that Linux keeps for a socket by default */

/* So many of those that wait as may leave in this turn. */
static unsigned int turn(unsigned int waiting)
{
	struct kg_burst *burst = NULL;
	unsigned int left = 0;

	while (left < waiting) {
		burst = kg_burst_of(&conn, burst, left);
		if (burst != NULL && !kg_burst_may_leave(burst, DATAGRAM))
			break;
		left++;
	}
	return left;
}

/* Time passes, and the connection says whether it wants a turn. */
static bool pass(uint64_t us)
{
	w.now_us += us;
	kg_twheel_advance(w.wheel, w.now_us);
	if (conn.todo == 0)
		return false;
	STAILQ_REMOVE(&w.conns, &conn, kg_conn, link);
	conn.todo = 0;
	return true;
}

/* How long `waiting` datagrams take, of which no socket gets more than it keeps in two
 * milliseconds. */
static uint64_t pass_burst(unsigned int waiting)
{
	uint64_t began_us = w.now_us, mark_us = w.now_us;
	unsigned int since = 0;

	for (;;) {
		unsigned int left = turn(waiting);

		since += left;
		waiting -= left;
		assert_true(since <= SOCKET);
		if (waiting == 0)
			return w.now_us - began_us;
		while (!pass(50))
			assert_true(w.now_us - began_us < SEC(1));
		if (w.now_us - mark_us >= 1900) {
			mark_us = w.now_us;
			since = 0;
		}
	}
}

static void datagrams_that_came_together_leave_at_a_pace(void **state)
{
	uint64_t took_us;

	begin(KG_PROTOCOL_UDP);
	took_us = pass_burst(400);
	assert_true(took_us > 5000 && took_us < 50000);
	/* The socket has lost some. */
	kg_conn_lost(&w, &(struct kg_msg){ .type = KG_MSG_LOST, .conn = &conn });
	pass(5000);
	conn.todo = 0;
	STAILQ_INIT(&w.conns);
	assert_true(pass_burst(400) > took_us * 3 / 2);
	/* Its place in the table is another's when it is quiet. */
	assert_int_not_equal(conn.burst, 0);
	for (int i = 0; i < 40; i++)
		pass(100000);
	assert_int_equal(conn.burst, 0);
	end();
}

/* A worker that gets no CPU for a second looks late, and finds the burst quiet. No frame comes to
 * mark the connection where what waits has filled its window. */
static void what_waits_leaves_however_late(void **state)
{
	unsigned int waiting = 400;

	begin(KG_PROTOCOL_UDP);
	waiting -= turn(waiting);
	assert_true(waiting > 0);
	assert_true(pass(SEC(3)));
	assert_int_equal(conn.burst, 0);
	waiting -= turn(waiting);
	assert_int_not_equal(conn.burst, 0);
	assert_true(pass(SEC(3)));
	end();
}

static void what_is_no_burst_leaves_at_once(void **state)
{
	begin(KG_PROTOCOL_UDP);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(turn(8), 8);
	assert_int_equal(conn.burst, 0);
	end();
	begin(KG_PROTOCOL_TCP);
	assert_int_equal(turn(1000), 1000);
	end();
}

/* ---- what follows the share of memory ---- */

static struct kg_payload_link rings;

static void begin_linked(unsigned int ring_size)
{
	begin_with(KG_PROTOCOL_TCP, 1000);
	rings = (struct kg_payload_link){ 0 };
	assert_int_equal(kg_payload_link_init(&rings, "conn", ring_size), 0);
	w.links[0].rings = &rings;
	conn.flow = &conn;
}

static void end_linked(void)
{
	kg_payload_link_fini(&rings);
	end();
}

static bool is_told(struct kg_msg *msg)
{
	kg_worker_flush(&w.links[0]);
	return rte_ring_sc_dequeue_elem(rings.to_payload, msg, sizeof(*msg)) == 0;
}

/* With such a share the application is told of so much more, or less; 0: of nothing. */
static void expect_credit(uint32_t share, int change)
{
	struct kg_msg msg;

	host.pool.pool.fair_share = share;
	assert_true(kg_conn_tell_credit(&conn));
	if (change != 0) {
		assert_true(is_told(&msg));
		assert_int_equal(msg.type, KG_MSG_CREDIT);
		assert_int_equal((int32_t)msg.count, change);
	}
	assert_false(is_told(&msg));
}

static void credit_follows_the_share(void **state)
{
	struct kg_msg msg;

	begin_linked(64);
	assert_true(kg_conn_tell_attached(&conn));
	assert_true(is_told(&msg));
	assert_int_equal(msg.type, KG_MSG_ATTACHED);
	assert_int_equal(msg.count, 512); /* of a window that is wider */
	expect_credit(1000000, 0);
	expect_credit(100, 100 - 512);
	expect_credit(95, 0); /* in batches */
	expect_credit(200, 100);
	expect_credit(10, -190);
	expect_credit(0, -10); /* but at once when there is none, or some again */
	expect_credit(1, 1);
	conn.ended = true;
	expect_credit(200, 0);
	end_linked();
}

/* What it has not taken yet is half a floor where only what is kept is left, and a floor at least.
 */
static void a_reader_holds_less_of_what_is_kept(void **state)
{
	static struct kg_box box;
	struct kg_buf_pool *pool;

	begin_linked(2);
	w.box = &box;
	box.bufs = kg_buf_mempool_create("conn", 1 << 20, 0);
	assert_non_null(box.bufs);
	pool = kg_buf_mempool_pool(box.bufs);
	assert_true(kg_conn_tell_attached(&conn)); /* which fills the ring */
	conn.outstanding = KG_FLOW_TX_FLOOR / 2;
	pool->fair_share = KG_BUF_FLOOR;
	assert_int_equal(kg_conn_tell_data(&conn), KG_CONN_STALLED);
	pool->fair_share = KG_BUF_FLOOR + 1;
	assert_int_equal(kg_conn_tell_data(&conn), KG_CONN_RING_FULL);
	conn.outstanding = KG_BUF_FLOOR + 1;
	assert_int_equal(kg_conn_tell_data(&conn), KG_CONN_STALLED);
	pool->fair_share = UINT32_MAX;
	conn.outstanding = KG_FLOW_TX_SEGMENTS - 1;
	assert_int_equal(kg_conn_tell_data(&conn), KG_CONN_RING_FULL);
	conn.outstanding = KG_FLOW_TX_SEGMENTS;
	assert_int_equal(kg_conn_tell_data(&conn), KG_CONN_STALLED);
	kg_buf_mempool_destroy(box.bufs);
	end_linked();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_datagram_for_a_channel_that_ends_is_counted),
		cmocka_unit_test(datagrams_that_came_together_leave_at_a_pace),
		cmocka_unit_test(what_waits_leaves_however_late),
		cmocka_unit_test(what_is_no_burst_leaves_at_once),
		cmocka_unit_test(credit_follows_the_share),
		cmocka_unit_test(a_reader_holds_less_of_what_is_kept),
	};

	return cmocka_run_group_tests_name("conn", tests, bare_eal_init, bare_eal_fini);
}
