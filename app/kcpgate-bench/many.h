/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of many channels share: two boxes of a worker each, and its cost, turn by turn. */
#pragma once

#include "crowd.h"
#include "options.h"

#include <jansson.h>

/* Of one side's worker, over any number of turns. */
struct bench_cost {
	uint64_t busy_cyc; /* passed in turns that found something to do */
	uint64_t cpu_ns,
		longest_ns; /* of all turns, of the longest; processor time of the thread */
};

struct bench_many {
	const struct bench_options *options;
	json_t *rows;
	struct two_boxes two;
	struct bench_crowd crowd;
	struct bench_cost costs[SIDES]; /* since bench_many_turn was given others */
};

/* Sets the boxes up for options->channels and calls `run` on an lcore; false when it fails. */
bool bench_many_run(struct bench_many *many, bool passing, uint32_t under_way_max,
		    bool (*run)(struct bench_many *many));

/* A turn of either worker and of the crowd, which asks for connections up to `wanted`. */
void bench_many_turn(struct bench_many *many, uint64_t wanted);

struct kg_session_stats bench_many_stats(const struct bench_many *many, int side);
extern const char *const bench_many_sides[SIDES];
