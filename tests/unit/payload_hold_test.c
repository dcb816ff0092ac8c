/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long datagrams wait for room in an application's socket: real sockets, and a clock of the
 * test's. A worker has as many wait as it may, so that some always do, and the application reads at
 * a pace of its own.
 */
#include "own_network.h"
#include "payload/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <linux/sock_diag.h>

#define STEP_US 500u
#define STEPS   2000u /* in a second */
#define BYTES   1452u /* a full datagram of WireGuard */
#define WAITING 128u  /* that the worker has wait at most */

struct world {
	struct kg_payload p;
	struct kg_flow flow;
	struct kg_buf_malloc_pool pool;
	int fd; /* the application's */
	uint64_t said, read;
};

static void begin(struct world *w)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	socklen_t len = sizeof(to);

	*w = (struct world){ .p = { .now_us = KG_US_PER_S } };
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	w->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(w->fd, (struct sockaddr *)&to, len), 0);
	assert_int_equal(getsockname(w->fd, (struct sockaddr *)&to, &len), 0);
	kg_buf_malloc_pool_init(&w->pool, 10000);
	w->p.udp_tx = kg_udp_tx_create();
	w->p.udp_loss = kg_udp_loss_create();
	kg_udp_holds_init(&w->p.udp_holds);
	w->flow.queue_tail = &w->flow.queue;
	w->flow.source.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(w->flow.source.fd, (struct sockaddr *)&to, len), 0);
	w->flow.destination = kg_sockaddr_endpoint(&(union kg_sockaddr){ .in = to });
}

static void end(struct world *w)
{
	kg_udp_hold_end(&w->p, &w->flow);
	kg_udp_flush(&w->p);
	kg_udp_loss_forget(&w->p, &w->flow);
	assert_int_equal(w->pool.in_use, 0);
	kg_udp_tx_destroy(w->p.udp_tx);
	kg_udp_loss_destroy(w->p.udp_loss);
	close(w->flow.source.fd);
	close(w->fd);
}

static void say(struct world *w)
{
	static const uint8_t bytes[BYTES];
	struct kg_buf *chain = kg_buf_chain_copy(&w->pool.pool, bytes, BYTES, BYTES, BYTES);

	if (!kg_udp_hold(&w->p, &w->flow, chain))
		kg_udp_send(&w->p, &w->flow, chain);
	w->said++;
}

static void step(struct world *w, unsigned int may_wait, unsigned int reads)
{
	uint8_t byte;

	w->p.now_us += STEP_US;
	kg_udp_holds_turn(&w->p);
	while (w->flow.queued < may_wait)
		say(w);
	kg_udp_flush(&w->p);
	while (reads-- > 0 && recv(w->fd, &byte, 1, MSG_DONTWAIT) == 1)
		w->read++;
}

static uint32_t lost(const struct world *w)
{
	uint32_t memory[SK_MEMINFO_VARS];
	socklen_t len = sizeof(memory);

	assert_int_equal(getsockopt(w->fd, SOL_SOCKET, SO_MEMINFO, memory, &len), 0);
	return memory[SK_MEMINFO_DROPS];
}

/* As fast as it comes, though some wait always: it hears of that, but not more. */
static void who_follows_loses_next_to_nothing(void **state)
{
	struct world w;

	begin(&w);
	for (unsigned int i = 0; i < STEPS; i++)
		step(&w, WAITING, 15);
	assert_true(w.read > STEPS * 14);
	assert_in_range(lost(&w), 1, w.said / 1000);
	end(&w);
}

static void who_sleeps_for_a_moment_loses_nothing(void **state)
{
	struct world w;

	begin(&w);
	for (unsigned int i = 0; i < STEPS; i++) {
		bool sleeps = i % 500 < 80; /* 40 ms */

		step(&w, i % 500 < 200 ? WAITING : 0, sleeps ? 0 : 30);
	}
	assert_true(w.read > STEPS * 5);
	assert_int_equal(lost(&w), 0);
	end(&w);
}

/* It cannot follow: what waits goes before it is old. */
static void who_is_too_slow_loses(void **state)
{
	struct world w;

	begin(&w);
	for (unsigned int i = 0; i < STEPS; i++)
		step(&w, WAITING, i % 2);
	assert_true(lost(&w) > w.said / 2);
	for (unsigned int i = 0; i < 250; i++)
		step(&w, 0, i % 2);
	assert_null(w.flow.queue);
	end(&w);
}

/* Others are not held up by it for longer than that. */
static void who_stands_still_loses_all(void **state)
{
	struct world w;

	begin(&w);
	for (unsigned int i = 0; i < 120; i++)
		step(&w, WAITING, 0);
	assert_true(lost(&w) > 100);
	end(&w);
}

/* As of a fast flow that its thread spins for: no turn has many. */
static void a_few_in_each_turn_wait_for_room_too(void **state)
{
	struct world w;

	begin(&w);
	for (unsigned int i = 0; i < 80; i++) {
		step(&w, 0, 0);
		say(&w);
		say(&w);
	}
	assert_int_equal(lost(&w), 0);
	step(&w, 0, UINT32_MAX);
	step(&w, 0, UINT32_MAX);
	assert_int_equal(w.read, w.said);
	end(&w);
}

static int init(void **state)
{
	(void)own_network_enter();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_follows_loses_next_to_nothing),
		cmocka_unit_test(who_sleeps_for_a_moment_loses_nothing),
		cmocka_unit_test(who_is_too_slow_loses),
		cmocka_unit_test(who_stands_still_loses_all),
		cmocka_unit_test(a_few_in_each_turn_wait_for_room_too),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}
