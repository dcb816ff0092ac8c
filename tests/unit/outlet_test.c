/* SPDX-License-Identifier: BSD-3-Clause */
/* Datagrams toward an application that become due together. */
#include "net/outlet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define T0_US   1000000u
#define TICK_US 250u
#define SOCKET  92u /* full datagrams that Linux keeps for a socket by default */

struct flow {
	struct kg_outlet outlet;
	uint64_t now_us;
	uint32_t received;
	uint32_t waiting, left; /* datagrams of one segment */
};

static void begin(struct flow *f)
{
	*f = (struct flow){ .now_us = T0_US };
	kg_outlet_init(&f->outlet, 0, f->now_us);
}

/* So many come, of which those that wait leave as they may; the time is a tick later. */
static uint32_t tick(struct flow *f, uint32_t come, bool hole)
{
	uint32_t left = 0;

	f->now_us += TICK_US;
	f->received += come;
	f->waiting += come;
	kg_outlet_look(&f->outlet, f->received, f->now_us);
	while (!hole && f->waiting > 0 && kg_outlet_take(&f->outlet, 1)) {
		f->waiting--;
		left++;
	}
	f->left += left;
	return left;
}

static void what_comes_alone_never_waits(void **state)
{
	struct flow f;

	begin(&f);
	for (int i = 0; i < 10000; i++) {
		tick(&f, i % 4 == 0, false);
		assert_int_equal(f.waiting, 0);
	}
}

/* Three a millisecond, and a hole of 150 ms. */
static void a_burst_leaves_room_for_a_sleeping_receiver(void **state)
{
	uint32_t left[8] = { 0 }, ticks = 0;
	struct flow f;

	begin(&f);
	for (int i = 0; i < 1000; i++)
		tick(&f, i % 4 != 0, false);
	for (int i = 0; i < 600; i++)
		tick(&f, i % 4 != 0, true);
	assert_true(f.waiting > 4 * SOCKET);
	for (; f.waiting > 0; ticks++) {
		uint32_t sum = 0;

		left[ticks % 8] = tick(&f, ticks % 4 != 0, false);
		for (int i = 0; i < 8; i++)
			sum += left[i];
		assert_true(sum <= SOCKET); /* in two milliseconds */
	}
	assert_true(ticks * TICK_US < 30000);
}

/* 300,000 a second from the first moment on. */
static void a_fast_flow_is_known_at_once(void **state)
{
	struct flow f;

	begin(&f);
	for (int i = 0; i < 4000; i++) {
		tick(&f, 75, false);
		if (i > 40)
			assert_int_equal(f.waiting, 0);
		assert_true(f.waiting < 1024);
	}
	for (int i = 0; i < 400; i++)
		tick(&f, 75, true);
	for (int i = 0; i < 400; i++)
		tick(&f, 75, false);
	assert_int_equal(f.waiting, 0); /* twice as fast as it comes, it has caught up */
}

static void a_receiver_that_loses_gets_less_but_what_comes(void **state)
{
	struct flow f;
	uint32_t before;

	begin(&f);
	for (int i = 0; i < 4000; i++)
		tick(&f, 2, false);
	before = kg_outlet_pace(&f.outlet);
	kg_outlet_on_lost(&f.outlet);
	assert_true(kg_outlet_pace(&f.outlet) <= before / 2);
	for (int i = 0; i < 20; i++)
		kg_outlet_on_lost(&f.outlet);
	assert_true(kg_outlet_pace(&f.outlet) >= 9); /* eight come */
	for (int i = 0; i < 4 * 20000; i++)
		tick(&f, 2, false);
	assert_int_equal(kg_outlet_pace(&f.outlet), before);
	assert_int_equal(f.waiting, 0);
}

/* Of more segments than may leave at once. */
static void the_longest_datagram_passes(void **state)
{
	struct flow f;

	begin(&f);
	assert_true(kg_outlet_take(&f.outlet, 47));
	assert_false(kg_outlet_take(&f.outlet, 1));
	f.now_us = kg_outlet_next_us(&f.outlet);
	assert_true(f.now_us < T0_US + 2000);
	kg_outlet_look(&f.outlet, 0, f.now_us);
	assert_true(kg_outlet_take(&f.outlet, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_comes_alone_never_waits),
		cmocka_unit_test(a_burst_leaves_room_for_a_sleeping_receiver),
		cmocka_unit_test(a_fast_flow_is_known_at_once),
		cmocka_unit_test(a_receiver_that_loses_gets_less_but_what_comes),
		cmocka_unit_test(the_longest_datagram_passes),
	};

	return cmocka_run_group_tests_name("outlet", tests, NULL, NULL);
}
