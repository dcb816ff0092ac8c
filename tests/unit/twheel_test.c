/* SPDX-License-Identifier: BSD-3-Clause */
/* The wheel against a naive array of deadlines, and the rules that the array cannot show. */
#include "base/twheel.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"

#define SEED 0x5eed0003
#define MS   ((uint64_t)KG_US_PER_MS)

struct probe {
	struct kg_timer timer;
	uint64_t fired_us;
	unsigned int fired;
	uint64_t again_us; /* re-arm for this when firing */
	struct kg_timer *cancels;
};

static struct kg_mem mem;
static struct kg_twheel *wheel;

static void fire(struct kg_timer *timer, uint64_t now_us)
{
	struct probe *probe = KG_CONTAINER_OF(timer, struct probe, timer);

	assert_null(timer->link);
	probe->fired++;
	probe->fired_us = now_us;
	if (probe->again_us != 0)
		kg_twheel_arm(wheel, timer, probe->again_us);
	if (probe->cancels != NULL)
		kg_twheel_cancel(wheel, probe->cancels);
}

static struct probe probe_new(void)
{
	return (struct probe){ .timer = { .fire = fire, .deadline_us = KG_NEVER_US } };
}

static void start(uint64_t now_us)
{
	kg_mem_malloc_init(&mem);
	wheel = kg_twheel_create(&mem, now_us);
	assert_non_null(wheel);
}

static void stop(void)
{
	kg_twheel_destroy(wheel);
	assert_int_equal(mem.in_use_bytes, 0);
}

static void never_early_and_within_a_millisecond(void **state)
{
	static const uint64_t starts[] = { 0,       999,           1000,
					   63 * MS, 4095 * MS + 1, UINT64_MAX / 2 + 12345 };
	static const uint64_t delays[] = { 1,           999,          1000,         1001,
					   64 * MS,     64 * MS + 1,  4096 * MS,    4097 * MS,
					   262144 * MS, 3600000 * MS, 86400000 * MS };

	for (size_t i = 0; i < KG_ARRAY_SIZE(starts); i++) {
		for (size_t j = 0; j < KG_ARRAY_SIZE(delays); j++) {
			uint64_t deadline_us = starts[i] + delays[j];
			struct probe probe = probe_new();

			start(starts[i]);
			kg_twheel_arm(wheel, &probe.timer, deadline_us);
			assert_true(kg_twheel_next_us(wheel) <= deadline_us + MS - 1);
			kg_twheel_advance(wheel, deadline_us - 1);
			assert_int_equal(probe.fired, 0);
			kg_twheel_advance(wheel, deadline_us + MS);
			assert_int_equal(probe.fired, 1);
			assert_true(kg_twheel_next_us(wheel) == KG_NEVER_US);
			stop();
		}
	}
}

static void the_past_fires_once_at_the_next_advance(void **state)
{
	struct probe probe = probe_new();

	start(5 * MS + 500);
	probe.again_us = 1;
	kg_twheel_arm(wheel, &probe.timer, 5 * MS);
	assert_true(kg_twheel_next_us(wheel) <= 5 * MS + 500);
	kg_twheel_advance(wheel, 5 * MS + 500);
	assert_int_equal(probe.fired, 1);
	kg_twheel_advance(wheel, 100 * MS);
	assert_int_equal(probe.fired, 2);
	stop();
}

static void a_firing_timer_may_cancel_its_neighbour(void **state)
{
	struct probe a = probe_new(), b = probe_new();

	start(0);
	a.cancels = &b.timer;
	b.cancels = &a.timer;
	kg_twheel_arm(wheel, &a.timer, 10 * MS);
	kg_twheel_arm(wheel, &b.timer, 10 * MS);
	kg_twheel_advance(wheel, 20 * MS);
	assert_int_equal(a.fired + b.fired, 1);
	assert_true(kg_twheel_next_us(wheel) == KG_NEVER_US);
	stop();
}

static void a_clock_that_stands_or_goes_back_is_harmless(void **state)
{
	struct probe probe = probe_new();

	start(100 * MS);
	kg_twheel_arm(wheel, &probe.timer, 101 * MS);
	kg_twheel_advance(wheel, 100 * MS);
	kg_twheel_advance(wheel, 50 * MS);
	assert_int_equal(probe.fired, 0);
	kg_twheel_advance(wheel, 101 * MS);
	assert_int_equal(probe.fired, 1);
	stop();
}

/* An empty wheel after a long sleep, cancelled timers: neither may cost a walk over the time. */
static void long_sleeps_are_cheap(void **state)
{
	struct probe probe = probe_new();

	start(0);
	kg_twheel_arm(wheel, &probe.timer, UINT64_MAX - 1);
	kg_twheel_advance(wheel, UINT64_MAX / 2);
	assert_int_equal(probe.fired, 0);
	kg_twheel_cancel(wheel, &probe.timer);
	assert_true(kg_twheel_next_us(wheel) == KG_NEVER_US);
	stop();
}

#define PROBES 200
#define STEPS  60000

static uint64_t random_delay_us(struct kg_rng *rng)
{
	return kg_rng_next(rng) & ((1ull << kg_rng_below(rng, 36)) - 1);
}

static void check_against_naive(struct probe *probes, uint64_t *deadlines_us, uint64_t now_us)
{
	for (int i = 0; i < PROBES; i++) {
		if (probes[i].fired > 0) {
			assert_int_equal(probes[i].fired, 1);
			assert_true(deadlines_us[i] <= now_us);
			deadlines_us[i] = KG_NEVER_US;
			probes[i].fired = 0;
		}
		assert_true(deadlines_us[i] == KG_NEVER_US || deadlines_us[i] + MS > now_us);
	}
}

static uint64_t earliest(const uint64_t *deadlines_us)
{
	uint64_t earliest_us = KG_NEVER_US;

	for (int i = 0; i < PROBES; i++)
		earliest_us = KG_MIN(earliest_us, deadlines_us[i]);
	return earliest_us;
}

static void agrees_with_a_naive_list(void **state)
{
	static struct probe probes[PROBES];
	static uint64_t deadlines_us[PROBES];
	struct kg_rng rng;
	uint64_t now_us;

	print_message("seed %#x\n", SEED);
	kg_rng_init(&rng, SEED);
	now_us = kg_rng_next(&rng) >> 20;
	start(now_us);
	for (int i = 0; i < PROBES; i++) {
		probes[i] = probe_new();
		deadlines_us[i] = KG_NEVER_US;
	}
	for (int step = 0; step < STEPS; step++) {
		uint32_t i = kg_rng_below(&rng, PROBES);
		uint32_t what = kg_rng_below(&rng, 10);

		if (what < 6) {
			deadlines_us[i] = now_us + random_delay_us(&rng);
			kg_twheel_arm(wheel, &probes[i].timer, deadlines_us[i]);
		} else if (what < 8) {
			deadlines_us[i] = KG_NEVER_US;
			kg_twheel_cancel(wheel, &probes[i].timer);
		} else {
			uint64_t next_us = kg_twheel_next_us(wheel);

			/* Never late; KG_NEVER_US exactly when empty. */
			assert_true(next_us == KG_NEVER_US
					    ? earliest(deadlines_us) == KG_NEVER_US
					    : next_us <
						      KG_MAX(earliest(deadlines_us), now_us) + MS);
			now_us += random_delay_us(&rng) >> kg_rng_below(&rng, 8);
			kg_twheel_advance(wheel, now_us);
			check_against_naive(probes, deadlines_us, now_us);
		}
	}
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_early_and_within_a_millisecond),
		cmocka_unit_test(the_past_fires_once_at_the_next_advance),
		cmocka_unit_test(a_firing_timer_may_cancel_its_neighbour),
		cmocka_unit_test(a_clock_that_stands_or_goes_back_is_harmless),
		cmocka_unit_test(long_sleeps_are_cheap),
		cmocka_unit_test(agrees_with_a_naive_list),
	};

	return cmocka_run_group_tests_name("twheel", tests, NULL, NULL);
}
