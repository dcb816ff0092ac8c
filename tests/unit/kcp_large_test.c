/* SPDX-License-Identifier: BSD-3-Clause */
/* Windows beyond the caches: payload moves to a cold buffer when it has been sent and when it has
 * to wait behind a hole, and is linked when somebody wants it. */
#include "kcp_pair.h"

#include "kcp/kcp_flight.h"

#define SEED   0x5eed0b16
#define WINDOW 16384u
#define MANY   (2 * KG_KCP_PARK_SEGMENTS)

static void large_init(struct pair *p, uint32_t loss_permille)
{
	const struct preset preset = { "large", 1, 1, 2, WINDOW };
	struct kg_kcp_params params = preset_params(&preset);

	params.pace = false;
	pair_init(p, &params, &params, SEED);
	pair_set_links(p, (struct link){ .delay_us = 20000 });
	assert_true(pair_send(p, 0, 4)); /* with the answer the sender knows the window */
	assert_true(pair_finish(p, KG_US_PER_S));
	pair_set_links(p, (struct link){ .delay_us = 20000, .loss_permille = loss_permille });
}

static void all_arrives_through_loss(void **state)
{
	struct pair p;

	large_init(&p, 20);
	for (uint32_t i = 0; i < MANY; i++)
		assert_true(pair_send(&p, 0, 4 + i * 37 % 1500)); /* some are two segments */
	pair_run(&p, p.now_us + 20000);
	assert_true(pair_stats(&p, 0).in_flight > KG_KCP_PARK_SEGMENTS);
	assert_true(pair_finish(&p, 60 * (uint64_t)KG_US_PER_S));
	assert_true(pair_stats(&p, 0).resent_fast > 0);
	pair_fini(&p);
}

/* A reader that comes late finds all of it, in one piece. */
static void late_reader_gets_all(void **state)
{
	struct pair p;

	large_init(&p, 20);
	p.reads[1] = false;
	for (uint32_t i = 0; i < MANY; i++)
		assert_true(pair_send(&p, 0, 1376));
	pair_run(&p, p.now_us + 10 * KG_US_PER_S);
	assert_int_equal(pair_stats(&p, 1).readable, MANY);
	assert_int_equal(pair_stats(&p, 1).held, 0);
	pair_read(&p, 1);
	assert_int_equal(p.got[1], p.sent[0]);
	pair_fini(&p);
}

static void parked_buffers_are_given_back(void **state)
{
	struct pair p;
	size_t fresh;

	large_init(&p, 0);
	pair_run(&p, p.now_us + 2 * KG_US_PER_S);
	fresh = p.mem.in_use_bytes;
	for (uint32_t i = 0; i < MANY; i++)
		assert_true(pair_send(&p, 0, 1376));
	pair_run(&p, p.now_us + 10000);
	assert_int_equal(pair_stats(&p, 0).in_flight, MANY);
	assert_int_equal(p.pool.in_use, MANY); /* one for each, wherever it is */
	assert_true(pair_finish(&p, KG_US_PER_S));
	assert_int_equal(p.pool.in_use, 0);
	pair_run(&p, p.now_us + 2 * KG_US_PER_S);
	assert_int_equal(p.mem.in_use_bytes, fresh);
	pair_fini(&p);
}

static void nothing_is_parked_when_buffers_are_short(void **state)
{
	struct pair p;

	large_init(&p, 0);
	for (uint32_t i = 0; i < MANY; i++)
		assert_true(pair_send(&p, 0, 1376));
	p.pool.limit = p.pool.in_use;
	pair_run(&p, p.now_us + 10000);
	assert_int_equal(p.pool.in_use, MANY);
	p.pool.limit = SIZE_MAX;
	assert_true(pair_finish(&p, 60 * (uint64_t)KG_US_PER_S));
	pair_fini(&p);
}

/* With cold buffers on both sides. */
static void destroy_frees_what_is_parked(void **state)
{
	struct pair p;

	large_init(&p, 20);
	for (uint32_t i = 0; i < MANY; i++)
		assert_true(pair_send(&p, 0, 1376));
	pair_run(&p, p.now_us + 25000); /* all has arrived but what was lost */
	assert_true(pair_stats(&p, 0).in_flight > KG_KCP_PARK_SEGMENTS);
	assert_true(pair_stats(&p, 1).held > 2048);
	pair_fini(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_arrives_through_loss),
		cmocka_unit_test(late_reader_gets_all),
		cmocka_unit_test(parked_buffers_are_given_back),
		cmocka_unit_test(nothing_is_parked_when_buffers_are_short),
		cmocka_unit_test(destroy_frees_what_is_parked),
	};

	printf("seed %#x\n", SEED);
	return cmocka_run_group_tests_name("kcp_large", tests, NULL, NULL);
}
