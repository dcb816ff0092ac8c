/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stands in for the payload threads of both boxes, for tests with many connections that do little:
 * the applications of the client open them, say a word each if they are told to, and leave.
 */
#pragma once

#include "boxes/two_boxes.h"

struct bench_crowd {
	struct kg_worker *client, *server;
	uint32_t under_way_max; /* connections being opened, or on their way out */
	bool passing;           /* each says a word and leaves; otherwise they stay */
	/* since the beginning */
	uint64_t asked;    /* by the client's applications */
	uint64_t answered; /* opened: as the client's session sees it */
	uint64_t left;     /* the client's, gone altogether */
	uint64_t refused;
};

/* One worker on each side. */
void bench_crowd_init(struct bench_crowd *crowd, struct two_boxes *two, uint32_t under_way_max,
		      bool passing);

/* One turn of the payload threads; opens connections until so many have been asked for. */
void bench_crowd_turn(struct bench_crowd *crowd, uint64_t wanted);
