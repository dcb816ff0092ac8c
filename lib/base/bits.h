/* SPDX-License-Identifier: BSD-3-Clause */
/* What C has no operator for. */
#pragma once

#include <stdint.h>

/* `k` is 1 … 63. */
static inline uint64_t kg_rotate_left(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

/* Of two uint32_t, for qsort: the least first. */
static inline int kg_compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}
