/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What arrived of a run: each datagram's number has a bit, so loss, duplicates and order are exact.
 * One thread writes; `received` may be watched by another.
 */
#pragma once

#include "histogram.h"
#include "probe.h"

struct bench_tally {
	uint32_t run;
	uint32_t flows;
	uint64_t numbers;  /* of this run: 0 … numbers - 1 */
	uint64_t received; /* different ones */
	uint64_t duplicates;
	uint64_t reordered;     /* behind a later one of their flow (RFC 4737 §3.3) */
	uint64_t stale;         /* of earlier runs */
	uint64_t payload_bytes; /* of those received */
	struct bench_histogram latency_cyc;
	uint64_t *seen;    /* a bit per number */
	uint64_t *highest; /* number + 1 per flow */
};

/* A new run; everything before is forgotten. False when out of memory. */
bool bench_tally_begin(struct bench_tally *tally, uint32_t run, uint64_t numbers, uint32_t flows);
void bench_tally_fini(struct bench_tally *tally);

void bench_tally_take(struct bench_tally *tally, const struct bench_probe *probe,
		      uint16_t payload_bytes, uint64_t now_cyc);
bool bench_tally_has(const struct bench_tally *tally, uint64_t number);
