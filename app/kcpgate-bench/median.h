/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stddef.h>

/* The middle of n values, n > 0; sorts them, the least first. */
double bench_median(double *values, size_t n);
