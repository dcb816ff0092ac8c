/* SPDX-License-Identifier: BSD-3-Clause */
/* Linux's monotonic clock, for threads that are not workers; these have their own
 * (app/kcpgate/clock.h). */
#pragma once

#include "base/base.h"

#include <time.h>

static inline uint64_t kg_monotonic_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * KG_US_PER_S + (uint64_t)now.tv_nsec / 1000;
}
