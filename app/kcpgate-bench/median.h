/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stddef.h>

/* The middle of n values, n > 0; sorts them, the least first. */
double bench_median(double *values, size_t n);
/* Of each of `width` figures by itself, over `n` runs that have them one behind another. */
#define BENCH_RUNS_MAX 100
void bench_medians(double *middle, const double *runs, size_t width, size_t n);
