/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds the median of a few numbers, and of each of several kinds. */
#include "median.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), compare);
	return values[n / 2];
}

void bench_medians(double *middle, const double *runs, size_t width, size_t n)
{
	for (size_t i = 0; i < width; i++) {
		double values[BENCH_RUNS_MAX] = { 0 };

		for (size_t run = 0; run < n; run++)
			values[run] = runs[run * width + i];
		middle[i] = bench_median(values, n);
	}
}
