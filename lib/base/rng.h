/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Seedable pseudo-random generator (xoshiro256**, public domain algorithm by Blackman and Vigna).
 * Chooses ports, uids and the wire's two-byte iv; makes no keys. Same seed, same sequence.
 */
#pragma once

#include "base/base.h"

struct kg_rng {
	uint64_t state[4];
};

void kg_rng_init(struct kg_rng *rng, uint64_t seed);
uint64_t kg_rng_next(struct kg_rng *rng);

/* Uniform in 0 … bound-1; bound > 0. */
uint32_t kg_rng_below(struct kg_rng *rng, uint32_t bound);
/* Uniform in least … most, which are fewer than 2^32. */
static inline uint32_t kg_rng_between(struct kg_rng *rng, uint32_t least, uint32_t most)
{
	return least + kg_rng_below(rng, most - least + 1);
}
