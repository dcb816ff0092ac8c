/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Gives the box its time: workers' from the time-stamp counter, which costs no system call, and the
 * wall clock's.
 */
#include "clock.h"

#include <rte_cycles.h>
#include <sys/random.h>
#include <time.h>

static uint64_t us_per_cyc_q64; /* fixed point; written once at start */

void kg_clock_init(void)
{
	us_per_cyc_q64 = (uint64_t)(((__uint128_t)KG_US_PER_S << 64) / rte_get_tsc_hz());
}

uint64_t kg_clock_now_us(void)
{
	return (uint64_t)(((__uint128_t)rte_rdtsc() * us_per_cyc_q64) >> 64);
}

uint32_t kg_clock_unix_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint32_t)now.tv_sec;
}

uint64_t kg_clock_second_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return kg_clock_now_us() - (uint64_t)now.tv_nsec / 1000;
}

uint64_t kg_clock_seed(void)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		seed = rte_rdtsc();
	return seed;
}
