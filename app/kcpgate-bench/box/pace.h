/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * When datagrams leave, at a constant rate: evenly, from a time-stamp counter that the caller
 * reads. A sender that was kept from sending catches up, but what is overdue by more than
 * BENCH_PACE_BACKLOG_S is given up, so that its hiccup does not become a burst; the rate really
 * sent is then lower, and told.
 */
#pragma once

#include "base/base.h"

#define BENCH_PACE_BACKLOG_S 0.001
/* Catching up is allowed at any rate by so many. */
#define BENCH_PACE_BACKLOG_MIN 32

struct bench_pace {
	uint64_t begin_cyc;
	double cyc_each;
	uint64_t backlog_max;
	uint64_t released; /* given up ones included */
};

/* `hz` of the counter. The first datagram is due at `now_cyc`. */
void bench_pace_init(struct bench_pace *pace, uint64_t now_cyc, double pps, double hz);

/* How many leave now, at most `max`; the caller sends them. */
unsigned int bench_pace_due(struct bench_pace *pace, uint64_t now_cyc, unsigned int max);

/* When the next one is due. */
uint64_t bench_pace_next_cyc(const struct bench_pace *pace);
