/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The highest rate at which no more than a given share is lost: binary search between 0 and a
 * maximum, as RFC 2544 §26.1 has it for a share of 0. Knows nothing of packets: it is given a
 * function that makes a trial.
 *
 * A sender may be kept from sending at the rate it was asked for. Then a trial without loss speaks
 * only for the rate really sent, and one with loss only against the rate asked for.
 *
 * What RFC 2544 leaves to one trial may be given to several: the loss at a rate is then the median
 * of them, so that a rate counts as good when more than half of its trials are good.
 */
#pragma once

#include "base/base.h"

#define BENCH_NDR_TRIALS_MAX 15
#define BENCH_NDR_RATES_MAX  64

struct bench_ndr_point {
	double asked_pps;
	double pps;  /* really sent */
	double loss; /* share of what was sent, 0 to 1 */
};

/* Makes a trial at point->asked_pps and fills in the rest. False ends the search. */
typedef bool (*bench_ndr_trial)(void *context, struct bench_ndr_point *point);

struct bench_ndr {
	double max_pps, min_pps; /* below min_pps nothing is tried */
	double precision;        /* share of the rate within which the answer is good enough */
	unsigned int trials;     /* of each rate; odd */
	bench_ndr_trial trial;
	void *context;
	/* one per rate tried: what is learned for one loss serves the next */
	struct bench_ndr_point points[BENCH_NDR_RATES_MAX];
	unsigned int point_count;
};

/*
 * True with the point found: the highest good rate below the lowest bad one, all zero when there is
 * no good one from min_pps on. Its pps is below its asked_pps when the sender could do no more.
 * Search for the greater loss first. False when a trial failed.
 */
bool bench_ndr_search(struct bench_ndr *ndr, double loss, struct bench_ndr_point *found);
