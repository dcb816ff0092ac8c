/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes numbers that look random, and are the same for the same seed. */
#include "base/rng.h"

#include "base/bits.h"

/* splitmix64 spreads a small seed over the whole state. */
static uint64_t splitmix(uint64_t *x)
{
	uint64_t z = (*x += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

void kg_rng_init(struct kg_rng *rng, uint64_t seed)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(rng->state); i++)
		rng->state[i] = splitmix(&seed);
}

uint64_t kg_rng_next(struct kg_rng *rng)
{
	uint64_t *s = rng->state;
	uint64_t result = kg_rotate_left(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = kg_rotate_left(s[3], 45);
	return result;
}

uint32_t kg_rng_below(struct kg_rng *rng, uint32_t bound)
{
	return (uint32_t)(((kg_rng_next(rng) >> 32) * bound) >> 32);
}
