/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Windows that set themselves (docs/kcp.md §8.3) on paths that lose at random: a window of
 * unacknowledged segments brings as much as it would without the loss, where one that counts from
 * the oldest hole waits for what is missing. And where the losses are ours it is no worse.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "race_rig.h"

#define WINDOW  1024
#define SECONDS 5
#define RTT_US  40000
#define PART(x) ((uint16_t)((x)*65536))

static struct kg_race_result run(const struct kg_sim_link_params *there,
				 const struct kg_sim_link_params *back, bool sets_itself)
{
	struct kg_race_params params = race_params(&kg_racers[0], there, back, SECONDS);

	params.kcp.snd_wnd = params.kcp.rcv_wnd = WINDOW;
	params.kcp.pace = true;
	params.kcp.snd_spread = params.kcp.rcv_grows = sets_itself;
	printf("%s: ", sets_itself ? "sets itself" : "is set     ");
	return race_run(&params);
}

/* 1 Gbit/s takes three windows in a round trip. */
static struct kg_sim_link_params lossy(double loss)
{
	return (struct kg_sim_link_params){
		.delay_us = RTT_US / 2,
		.jitter_us = 100,
		.in_order = true,
		.rate_Bps = 125000000,
		.queue_us = 20000,
		.loss = PART(loss),
		.lost_behind = true,
		.overhead_bytes = 50,
	};
}

static void random_loss_costs_what_it_loses(void **state)
{
	static const struct {
		double loss, least; /* of what a window in each round trip would bring */
	} rows[] = { { 0.01, 0.9 }, { 0.05, 0.9 }, { 0.1, 0.85 }, { 0.2, 0.5 } };

	for (size_t i = 0; i < KG_ARRAY_SIZE(rows); i++) {
		struct kg_sim_link_params link = lossy(rows[i].loss);
		double bound = WINDOW * 1e6 / RTT_US * (1 - rows[i].loss) * SECONDS;
		struct kg_race_result set = run(&link, &link, false);
		struct kg_race_result itself = run(&link, &link, true);

		assert_true((double)itself.segments > rows[i].least * bound);
		assert_true((double)itself.segments > 1.8 * (double)set.segments);
		assert_true(itself.wire_bytes / itself.segments <=
			    set.wire_bytes / set.segments * 105 / 100);
	}
}

/* A window is three times what 100 Mbit/s hold in 40 ms, and the queue a quarter of it. */
static void a_queue_of_our_own_is_not_made_worse(void **state)
{
	const struct kg_sim_link_params back = { .delay_us = RTT_US / 2, .overhead_bytes = 50 };
	struct kg_sim_link_params there = lossy(0);
	struct kg_race_result set, itself;

	there.rate_Bps = 12500000;
	there.queue_us = 10000;
	set = run(&there, &back, false);
	itself = run(&there, &back, true);
	assert_true((double)itself.segments > 0.98 * (double)set.segments);
	assert_true(itself.own_loss < 1.2 * set.own_loss);
	assert_true(itself.stall_us <= 2 * set.stall_us);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_loss_costs_what_it_loses),
		cmocka_unit_test(a_queue_of_our_own_is_not_made_worse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
