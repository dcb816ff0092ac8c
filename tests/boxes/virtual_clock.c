/* SPDX-License-Identifier: BSD-3-Clause */
/* Says what time it is as the test says, and draws seeds from the test's. */
#include "boxes/virtual_clock.h"

#include "base/rng.h"

#define UNIX_EPOCH_S 1700000000u /* any that fits */

static struct kg_rng rng;
static uint64_t now_us;

void virtual_clock_start(uint64_t start_us, uint64_t seed)
{
	kg_rng_init(&rng, seed);
	now_us = start_us;
}

void virtual_clock_set(uint64_t to_us)
{
	now_us = to_us;
}

void kg_clock_init(void)
{
}

uint64_t kg_clock_now_us(void)
{
	return now_us;
}

uint32_t kg_clock_unix_s(void)
{
	return (uint32_t)(UNIX_EPOCH_S + now_us / KG_US_PER_S);
}

uint64_t kg_clock_second_us(void)
{
	return now_us / KG_US_PER_S * KG_US_PER_S;
}

uint64_t kg_clock_seed(void)
{
	return kg_rng_next(&rng);
}
