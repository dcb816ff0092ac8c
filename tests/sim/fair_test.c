/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `fair` (lib/rate/window.c) beside CUBIC: what each has of a line once both have found their way,
 * from near to far and from short queues to long ones. And alone, beside its like, and beside
 * several.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "race_rig.h"

#define SECONDS     80
#define ACK_WAIT_US 40000 /* as Linux has it */
#define SEEDS       3

static const struct kg_racer fair = { "fair", &kg_racer_kcp_fair, NULL },
			     cubic = { "CUBIC", &kg_racer_rival, &kg_rival_cubic };

/* One line; its queue in parts of what a round trip holds. */
struct line {
	double mbit, rtt_ms, queue;
};

static double bytes_per_s(const struct line *line)
{
	return line->mbit * 1e6 / 8;
}

static struct kg_race_result race_on(const struct line *line, const struct kg_racer *beside,
				     uint32_t flows, uint64_t seed)
{
	const struct kg_sim_link_params back = {
		.delay_us = (uint32_t)(line->rtt_ms * 500),
		.jitter_us = 100,
		.in_order = true,
		.overhead_bytes = RACE_OVERHEAD,
	};
	struct kg_sim_link_params there = back;
	struct kg_race_params params;

	there.rate_Bps = (uint64_t)bytes_per_s(line);
	there.queue_bytes = (uint32_t)(line->queue * bytes_per_s(line) * line->rtt_ms / 1e3);
	there.lost_behind = true;
	params = race_params(&fair, &there, &back, SECONDS);
	params.kcp.snd_wnd = params.kcp.rcv_wnd = 2048;
	params.kcp.snd_spread = params.kcp.rcv_grows = true;
	params.beside = beside;
	params.flows = flows;
	params.ack_wait_us = ACK_WAIT_US;
	params.seed = seed;
	return race_run(&params);
}

static double used(const struct line *line, const struct kg_race_result *result)
{
	return (double)result->segments * (RACE_MTU + RACE_OVERHEAD) / SECONDS / bytes_per_s(line);
}

/* On average over the seeds, of the race's second half. */
static double part_beside(const struct line *line, uint32_t flows)
{
	double part = 0;

	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		part += race_on(line, &cubic, flows, seed).first_late / SEEDS;
	printf("%.0f Mbit/s, %.0f ms, queue of %.2f of it, %u of CUBIC: fair has %.2f\n",
	       line->mbit, line->rtt_ms, line->queue, flows - 1, part);
	return part;
}

static void cubic_keeps_its_part(void **state)
{
	static const struct line lines[] = {
		{ 20, 50, 1 },    { 20, 50, 0.25 }, { 20, 100, 0.5 }, { 10, 80, 1 },
		{ 20, 200, 2 },   { 50, 50, 0.5 },  { 50, 100, 2 },   { 50, 200, 0.5 },
		{ 100, 20, 0.5 }, { 100, 50, 1 },
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(lines); i++) {
		double part = part_beside(&lines[i], 2);

		assert_true(part >= 0.35 && part <= 0.7);
	}
}

static void it_is_one_of_several(void **state)
{
	static const struct line lines[] = { { 20, 50, 1 }, { 100, 20, 1 } };

	for (size_t i = 0; i < KG_ARRAY_SIZE(lines); i++) {
		double part = part_beside(&lines[i], 4);

		assert_true(part > 0.6 / 4 && part < 1.4 / 4);
	}
}

static void two_of_them_share(void **state)
{
	static const struct line lines[] = { { 20, 50, 1 }, { 50, 100, 0.5 }, { 100, 20, 2 } };

	for (size_t i = 0; i < KG_ARRAY_SIZE(lines); i++) {
		struct kg_race_result result = race_on(&lines[i], &fair, 2, 1);

		assert_true(used(&lines[i], &result) > 0.95);
		assert_true(result.jain > 0.9);
	}
}

/* Where a queue holds a cut. */
static void alone_it_uses_the_line(void **state)
{
	static const double queues[] = { 0.5, 1, 4 };
	struct kg_race_result result;

	for (size_t i = 0; i < KG_ARRAY_SIZE(queues); i++) {
		struct line line = { 20, 50, queues[i] };

		result = race_on(&line, NULL, 1, 1);
		assert_true(used(&line, &result) > 0.95);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cubic_keeps_its_part),
		cmocka_unit_test(it_is_one_of_several),
		cmocka_unit_test(two_of_them_share),
		cmocka_unit_test(alone_it_uses_the_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
