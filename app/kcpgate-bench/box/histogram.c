/* SPDX-License-Identifier: BSD-3-Clause */
/* Counts values in buckets that grow with them, so that percentiles take no memory per value. */
#include "histogram.h"

#include <math.h>
#include <string.h>

#define SUB_BITS BENCH_HISTOGRAM_SUB_BITS

void bench_histogram_reset(struct bench_histogram *histogram)
{
	memset(histogram, 0, sizeof(*histogram));
	histogram->min = UINT64_MAX;
}

/* Small values have a bucket each; larger ones share it with what differs below the top bits. */
static unsigned int bucket_of(uint64_t value)
{
	unsigned int shift;

	if (value >> SUB_BITS == 0)
		return (unsigned int)value;
	shift = 63 - (unsigned int)__builtin_clzll(value) - SUB_BITS;
	return (shift << SUB_BITS) + (unsigned int)(value >> shift);
}

/* The largest value of a bucket. */
static uint64_t edge_of(unsigned int bucket)
{
	unsigned int shift = bucket >> SUB_BITS;

	if (shift <= 1)
		return bucket;
	shift--;
	return ((uint64_t)(bucket - (shift << SUB_BITS) + 1) << shift) - 1;
}

void bench_histogram_add(struct bench_histogram *histogram, uint64_t value)
{
	histogram->count++;
	histogram->min = KG_MIN(histogram->min, value);
	histogram->max = KG_MAX(histogram->max, value);
	histogram->buckets[bucket_of(value)]++;
}

uint64_t bench_histogram_percentile(const struct bench_histogram *histogram, double percent)
{
	uint64_t wanted = (uint64_t)ceil((double)histogram->count * percent / 100);
	uint64_t seen = 0;

	if (wanted == 0)
		return histogram->count > 0 ? histogram->min : 0;
	for (unsigned int i = 0; i < BENCH_HISTOGRAM_BUCKETS; i++) {
		seen += histogram->buckets[i];
		if (seen >= wanted)
			return KG_MIN(edge_of(i), histogram->max);
	}
	return 0;
}
