/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Races whose results can be worked out by hand, and those that rivals are known for: so that
 * a table of races is worth reading.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "race_rig.h"
#include "rival/paths.h"

#define SECONDS 6

static const struct kg_sim_link_params back = { .delay_us = 20000,
						.overhead_bytes = RACE_OVERHEAD };

/* 24 Mbit/s, 2,000 datagrams per second, 40 ms, and a queue of 40 ms. */
static struct kg_sim_link_params there_and_lose(double loss)
{
	return (struct kg_sim_link_params){
		.delay_us = 20000,
		.rate_Bps = 3000000,
		.queue_us = 40000,
		.loss = (uint16_t)(loss * 65536),
		.lost_behind = true,
		.overhead_bytes = RACE_OVERHEAD,
	};
}

static const struct kg_racer *racer(const char *name)
{
	for (size_t i = 0; i < KG_RACERS; i++) {
		if (strcmp(kg_racers[i].name, name) == 0)
			return &kg_racers[i];
	}
	fail_msg("nobody is called %s", name);
	return NULL;
}

static struct kg_race_params params_of(const char *name, const struct kg_sim_link_params *there)
{
	struct kg_race_params params = race_params(racer(name), there, &back, SECONDS);

	params.kcp.snd_wnd = params.kcp.rcv_wnd = 256;
	params.kcp.pace = true;
	return params;
}

static void expect_part(const struct kg_race_result *result, double pps, double least, double most)
{
	double part = (double)result->segments / SECONDS / pps;

	if (part < least || part > most)
		fail_msg("%.3f of %.0f per second", part, pps);
}

/* Brutal, told half of the line, gives exactly that, and fills no queue. */
static void a_race_measures_what_is_sent(void **state)
{
	struct kg_sim_link_params there = there_and_lose(0);
	struct kg_race_params params = params_of("Brutal", &there);
	struct kg_race_result result;

	params.line_Bps /= 2;
	result = race_run(&params);
	expect_part(&result, 1000, 0.97, 1.001);
	assert_true(result.queue_p95_ms <= 1);
	assert_true(result.own_loss == 0);
	assert_in_range(result.stall_us, 20000, 50000); /* the first comes after 20 ms */
	/* and half an acknowledgement for each */
	assert_in_range(result.wire_bytes / result.segments, 1500, 1560);
}

/* A queue that is always full holds 40 ms. Twice the line: half is turned away. */
static void a_race_measures_the_queue(void **state)
{
	struct kg_sim_link_params there = there_and_lose(0);
	struct kg_race_params params = params_of("Brutal", &there);
	struct kg_race_result result;

	params.line_Bps *= 1.6; /* and 2 when it believes in 0.8 */
	result = race_run(&params);
	assert_true(result.queue_p50_ms > 38 && result.queue_p50_ms <= 40.5);
	assert_true(result.own_loss > 0.45 && result.own_loss < 0.55);
	expect_part(&result, 2000, 0.9, 1.001);
}

/* Everything in order in spite of loss: the bound of any sender is what the link lets through. */
static void the_transport_brings_all_that_the_link_lets_through(void **state)
{
	static const double losses[] = { 0.01, 0.05, 0.15 };

	for (size_t i = 0; i < KG_ARRAY_SIZE(losses); i++) {
		struct kg_sim_link_params there = there_and_lose(losses[i]);
		struct kg_race_params params = params_of("Brutal", &there);
		struct kg_race_result result = race_run(&params);

		expect_part(&result, 2000 * (1 - losses[i]), 0.93, 1.01);
	}
}

static void the_transport_learns_how_far_a_path_reorders(void **state)
{
	struct kg_sim_link_params there = there_and_lose(0);
	struct kg_race_params params = params_of("Brutal", &there);
	struct kg_race_result result;

	there.jitter_us = 10000; /* twenty datagrams */
	params.line_Bps *= 0.9;
	result = race_run(&params);
	expect_part(&result, 1800, 0.95, 1.001);
	assert_in_range(result.wire_bytes / result.segments, 1500, 1650);
}

/* All racers on a link without loss, and in the end alike where four of a kind share it. */
static void everyone_uses_a_clean_link(void **state)
{
	for (size_t i = 0; i < KG_RACERS; i++) {
		struct kg_sim_link_params there = there_and_lose(0);
		struct kg_race_params params = params_of(kg_racers[i].name, &there);
		struct kg_race_result result;

		params.kcp.snd_wnd = params.kcp.rcv_wnd =
			100; /* more would be sent twice by stock */
		result = race_run(&params);
		expect_part(&result, 2000, 0.7, 1.001);
		assert_true(result.jain == 1);
		params.flows = 4;
		params.line_Bps /= 4;
		params.kcp.snd_wnd = params.kcp.rcv_wnd = 30;
		result = race_run(&params);
		expect_part(&result, 2000, 0.7, 1.001);
		assert_true(result.jain > 0.7);
	}
}

/* What they are known for: random loss of 5 % stops BBRv3 (2 % of LossThresh) and CUBIC, but not
 * BBRv1, Brutal and Copa. */
static void random_loss_tells_them_apart(void **state)
{
	static const struct {
		const char *name;
		double least, most;
	} known[] = {
		{ "BBRv1", 0.85, 1.01 }, { "BBRv3", 0, 0.7 },   { "Brutal", 0.93, 1.01 },
		{ "CUBIC", 0, 0.3 },     { "Copa", 0.8, 1.01 },
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(known); i++) {
		struct kg_sim_link_params there = there_and_lose(0.05);
		struct kg_race_params params = params_of(known[i].name, &there);
		struct kg_race_result result = race_run(&params);

		expect_part(&result, 2000 * 0.95, known[i].least, known[i].most);
	}
}

/* CUBIC fills a queue, BBR holds it below a quarter of a round trip, Copa at some datagrams: at
 * 1 / delta to 2.5 / delta (so its paper), a millisecond to two and a half. */
static void queues_tell_them_apart(void **state)
{
	struct kg_sim_link_params there = there_and_lose(0);
	struct kg_race_params cubic = params_of("CUBIC", &there);
	struct kg_race_params bbr = params_of("BBRv1", &there);
	struct kg_race_params copa = params_of("Copa", &there);

	assert_true(race_run(&cubic).queue_p95_ms > 30);
	assert_true(race_run(&bbr).queue_p95_ms < 12);
	assert_true(race_run(&copa).queue_p95_ms < 3);
}

static void the_same_seed_is_the_same_race(void **state)
{
	struct kg_sim_link_params there = there_and_lose(0.05);
	struct kg_race_params params = params_of("BBRv1", &there);
	struct kg_race_result results[3];

	for (int i = 0; i < 3; i++) {
		params.seed = i < 2 ? 1 : 2;
		results[i] = race_run(&params);
	}
	assert_memory_equal(&results[0], &results[1], sizeof(results[0]));
	assert_memory_not_equal(&results[0], &results[2], sizeof(results[0]));
}

/* What the twelve promise is what their links have. */
static void paths_are_what_they_say(void **state)
{
	struct kg_race_paths paths;

	assert_true(kg_race_paths_init(&paths, RACE_OVERHEAD));
	for (size_t i = 0; i < KG_RACE_PATHS; i++) {
		const struct kg_race_path *path = &paths.of[i];
		double mbit = path->line_Bps * 8 / 1e6, said;

		assert_true(path->bound_Bps <= path->line_Bps);
		if (sscanf(path->name, "%lf Mbit/s", &said) == 1)
			assert_true(mbit > 0.9 * said && mbit < 1.1 * said);
		if (path->link[0].rate_Bps > 0)
			assert_true((double)path->link[0].rate_Bps <= path->line_Bps);
	}
	kg_race_paths_fini(&paths);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_race_measures_what_is_sent),
		cmocka_unit_test(a_race_measures_the_queue),
		cmocka_unit_test(the_transport_brings_all_that_the_link_lets_through),
		cmocka_unit_test(the_transport_learns_how_far_a_path_reorders),
		cmocka_unit_test(everyone_uses_a_clean_link),
		cmocka_unit_test(random_loss_tells_them_apart),
		cmocka_unit_test(queues_tell_them_apart),
		cmocka_unit_test(the_same_seed_is_the_same_race),
		cmocka_unit_test(paths_are_what_they_say),
	};

	return cmocka_run_group_tests_name("race", tests, NULL, NULL);
}
