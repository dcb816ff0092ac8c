/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sends one flow, or several of the same kind or of two, over a path for some time, and says what
 * became of it. In virtual time: same parameters, same result.
 */
#pragma once

#include "rival/racer.h"
#include "sim/link.h"

struct kg_race_params {
	const struct kg_racer *racer;
	const struct kg_racer *beside;            /* all flows but the first; NULL: as that */
	struct kg_kcp_params kcp;                 /* of engines; the mtu is everybody's */
	const struct kg_sim_link_params *link[2]; /* there, and back */
	double line_Bps;                          /* what a user would write of it */
	uint32_t ack_wait_us;                     /* of rivals (rival/rival.h) */
	uint32_t flows;                           /* KG_RACE_FLOWS_MAX at most */
	uint32_t seconds;
	uint32_t queue_from_s; /* what a queue did before then does not count; `late` is since */
	/* Each end's machine is busy for so long, about so often: nothing is read, and nothing
	 * leaves */
	struct {
		uint32_t us, every_us; /* 0: never */
	} busy[KG_RACER_ENDS];
	uint64_t seed;
};
#define KG_RACE_FLOWS_MAX 8

struct kg_race_result {
	uint64_t segments;                 /* in order, of all flows */
	uint64_t wire_bytes;               /* both ways, link.overhead_bytes included */
	double queue_p50_ms, queue_p95_ms; /* in front of the bottleneck, of what passed it */
	double own_loss;                   /* of what left, turned away by the queue */
	uint64_t stall_us;                 /* longest time without a segment */
	double jain;                       /* of the flows' segments */
	double first;                      /* of all segments, the first flow's: a part of 1 */
	double first_late;                 /* the same of those that came late */
};

/* False: out of memory. */
bool kg_race_run(const struct kg_race_params *params, struct kg_race_result *result);
