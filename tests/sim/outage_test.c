/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What passes nothing for a while costs that while and little more (docs/kcp.md §7.3): 60 Mbit/s,
 * 40 ms, out for half a second up to nine, in either direction or both.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "race_rig.h"

#define SECONDS   20
#define FROM_US   (5 * KG_US_PER_S)
#define RATE_BPS  7500000u
#define MORE_US   KG_US_PER_S
#define DATAGRAMS ((double)RATE_BPS / (RACE_MTU + RACE_OVERHEAD))

static const struct kg_racer racer = { "in KCP", &kg_racer_kcp_auto, NULL };

static struct kg_sim_link_params way(uint32_t outage_us)
{
	return (struct kg_sim_link_params){
		.delay_us = 20000,
		.jitter_us = 100,
		.in_order = true,
		.rate_Bps = RATE_BPS,
		.queue_us = 40000,
		.loss = 65536 / 100,
		.overhead_bytes = RACE_OVERHEAD,
		.holes = { { FROM_US, FROM_US + outage_us } },
	};
}

static struct kg_race_result race_with_outage(uint32_t outage_us, unsigned int ways)
{
	struct kg_sim_link_params there = way(ways & 1 ? outage_us : 0),
				  back = way(ways & 2 ? outage_us : 0);
	struct kg_race_params params = race_params(&racer, &there, &back, SECONDS);

	params.kcp.snd_wnd = params.kcp.rcv_wnd = 2048;
	params.kcp.snd_spread = params.kcp.rcv_grows = true;
	return race_run(&params);
}

static void an_outage_costs_itself(void **state)
{
	static const uint32_t outages_ms[] = { 500, 2000, 5000, 9000 };

	for (size_t i = 0; i < KG_ARRAY_SIZE(outages_ms); i++) {
		uint32_t outage_us = outages_ms[i] * KG_US_PER_MS;

		for (unsigned int ways = 1; ways <= 3; ways++) {
			struct kg_race_result result = race_with_outage(outage_us, ways);
			double left_s = SECONDS - (double)(outage_us + MORE_US) / KG_US_PER_S;

			printf("out for %u ms, ways %u\n", outages_ms[i], ways);
			assert_true(result.stall_us < outage_us + MORE_US);
			assert_true((double)result.segments > 0.85 * left_s * DATAGRAMS);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_outage_costs_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
