/* SPDX-License-Identifier: BSD-3-Clause */
/* What C has no operator for. */
#pragma once

#include <stdint.h>

/* `k` is 1 … 63. */
static inline uint64_t kg_rotate_left(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}
