/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counts of values of any size in constant room: 64 buckets for each power of two, so that a
 * percentile is at most 1/64 above the truth. Minimum and maximum are exact.
 */
#pragma once

#include "base/base.h"

#define BENCH_HISTOGRAM_SUB_BITS 6
#define BENCH_HISTOGRAM_BUCKETS  ((64 - BENCH_HISTOGRAM_SUB_BITS + 1) << BENCH_HISTOGRAM_SUB_BITS)

struct bench_histogram {
	uint64_t count, min, max;
	uint64_t buckets[BENCH_HISTOGRAM_BUCKETS];
};

void bench_histogram_reset(struct bench_histogram *histogram);
void bench_histogram_add(struct bench_histogram *histogram, uint64_t value);
/* The value that `percent` of all values do not exceed, of 0 % the least; 0 when there are none. */
uint64_t bench_histogram_percentile(const struct bench_histogram *histogram, double percent);
