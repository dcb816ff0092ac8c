/* SPDX-License-Identifier: BSD-3-Clause */
/* A race on one line, as tests of senders begin it: what they have in common. */
#pragma once

#include "rival/race.h"

#define RACE_MTU      1450u
#define RACE_OVERHEAD 50u /* bytes of a datagram beside it */

/* One flow for so long, whose queue counts from the middle on; windows are the caller's. */
static inline struct kg_race_params race_params(const struct kg_racer *racer,
						const struct kg_sim_link_params *there,
						const struct kg_sim_link_params *back,
						uint32_t seconds)
{
	return (struct kg_race_params){
		.racer = racer,
		.kcp = { .conv = 1,
			 .mtu = RACE_MTU,
			 .nodelay = 1,
			 .interval_ms = 1,
			 .resend = 3,
			 .nc = true,
			 .blast = true },
		.link = { there, back },
		.line_Bps = (double)there->rate_Bps,
		.flows = 1,
		.seconds = seconds,
		.queue_from_s = seconds / 2,
		.seed = 1,
	};
}

static inline struct kg_race_result race_run(const struct kg_race_params *params)
{
	struct kg_race_result result;

	assert_true(kg_race_run(params, &result));
	printf("%-9s %6.0f/s, queue %4.1f and %4.1f ms, stall %4.0f ms, own loss %.3f, Jain %.2f\n",
	       params->racer->name, (double)result.segments / params->seconds, result.queue_p50_ms,
	       result.queue_p95_ms, (double)result.stall_us / 1e3, result.own_loss, result.jain);
	return result;
}
