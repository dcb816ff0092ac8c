/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One core at work: it runs a worker of one side, or one of each side in turn, with the load in
 * place of a payload thread, until it is told to stop. A worker that shares its core with its
 * opposite is measured exactly: the time-stamp counter is read around each turn, turns that find
 * nothing to do are not counted, and the median over pieces leaves other programs out.
 */
#pragma once

#include "boxes/two_boxes.h"
#include "load.h"

#include <stdatomic.h>

#define LANE_PIECE_MESSAGES 2000
#define LANE_PIECES_MAX     20000

/* A worker and its load. One writer: its core. */
struct bench_seat {
	struct bench_load load;
	uint64_t busy_cyc; /* of turns that found work */
};

/* What a message cost over a piece of LANE_PIECE_MESSAGES. */
struct bench_piece {
	double cycles[SIDES];
	double cpu_ns; /* of the core's thread, both sides and the load */
};

struct bench_lane {
	struct bench_seat *seats[SIDES]; /* NULL: that side runs elsewhere */
	const atomic_bool *stop;
	uint64_t turns;
	struct bench_piece *pieces; /* when both sides run here */
	size_t count;
} __rte_cache_aligned;

/* Pieces are kept when both seats are given. False when out of memory. */
bool bench_lane_init(struct bench_lane *lane, struct bench_seat *client, struct bench_seat *server,
		     const atomic_bool *stop);
void bench_lane_fini(struct bench_lane *lane);

/* As EAL launches it. */
int bench_lane_run(void *lane);

/* The median piece, each value for itself; false when not one was finished. Once, after the run. */
bool bench_lane_median(struct bench_lane *lane, struct bench_piece *median);
