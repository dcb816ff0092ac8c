/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker's half of a connection: what its channel does not take is counted. */
#include "worker.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "pair_wire.h"

static uint16_t on_port_acquire(void *host, const struct kg_endpoint *remote, bool alone)
{
	return 40000;
}

static void on_port_release(void *host, uint16_t port)
{
}

static void on_closed(void *host, struct kg_stream *stream, enum kg_close why, const char *text)
{
}

static const struct kg_stream_ops ops = {
	.port_acquire = on_port_acquire,
	.port_release = on_port_release,
	.closed = on_closed,
};

static struct kg_mem mem;
static struct kg_buf_malloc_pool pool;
static struct kg_worker w;
static struct kg_side side;
static struct kg_conn conn;

static void begin(void)
{
	const struct kg_streams_config config = { .session = pair_config(KG_ROLE_CLIENT, 4) };

	w = (struct kg_worker){ .now_us = SEC(1000) };
	side = (struct kg_side){ .worker = &w };
	conn = (struct kg_conn){ .side = &side };
	STAILQ_INIT(&w.conns);
	kg_mem_malloc_init(&mem);
	kg_buf_malloc_pool_init(&pool, 100);
	kg_rng_init(&w.rng, 1);
	w.wheel = kg_twheel_create(&mem, w.now_us);
	side.streams = kg_streams_create(&config, &ops, &side, &mem, &pool.pool, w.wheel, &w.rng,
					 NULL, w.now_us);
	assert_non_null(side.streams);
	assert_true(kg_streams_open(side.streams, &conn.stream, KG_PROTOCOL_UDP, NULL, w.now_us));
}

static void end(void)
{
	kg_streams_destroy(side.streams);
	kg_twheel_destroy(w.wheel);
	assert_int_equal(pool.in_use, 0);
	assert_int_equal(mem.in_use_bytes, 0);
}

static void give_datagram(void)
{
	const struct kg_msg msg = {
		.type = KG_MSG_DATA,
		.channel = &conn,
		.count = 1,
		.buf = kg_buf_chain_copy(&pool.pool, "x", 1, 100, 100),
	};

	kg_conn_data(&w, &msg);
}

/* The application has ended and the payload thread does not know yet. */
static void a_datagram_for_a_channel_that_ends_is_counted(void **state)
{
	const uint64_t *dropped = &w.stats.counters[KG_COUNTER_PAYLOAD_UDP_DROPPED_CHANNEL];

	begin();
	give_datagram();
	assert_int_equal(*dropped, 0);
	assert_int_equal(w.stats.counters[KG_COUNTER_PAYLOAD_RX_BYTES], 1);
	kg_stream_finish(&conn.stream, w.now_us);
	give_datagram();
	assert_int_equal(*dropped, 1);
	assert_int_equal(w.stats.counters[KG_COUNTER_PAYLOAD_RX_BYTES], 1);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_datagram_for_a_channel_that_ends_is_counted),
	};

	return cmocka_run_group_tests_name("conn", tests, NULL, NULL);
}
