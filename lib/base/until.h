/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Until when something is of use, in 24 bits: milliseconds, which come round after four hours and a
 * half. What lies less than half of that away from now is known from them.
 */
#pragma once

#include "base/base.h"

#define KG_UNTIL_BITS 24

/* What comes now and is of use for so long; 0: always, which is KG_NEVER_US. */
static inline uint64_t kg_until_end_us(uint64_t now_us, uint32_t ms)
{
	return KG_LIKELY(ms == 0) ? KG_NEVER_US : now_us + ms * (uint64_t)KG_US_PER_MS;
}

static inline uint32_t kg_until(uint64_t us)
{
	return (uint32_t)(us / KG_US_PER_MS) & ((1u << KG_UNTIL_BITS) - 1);
}

/* How long it has been over; below 0: it is not. */
static inline int32_t kg_until_past_ms(uint32_t until, uint64_t now_us)
{
	uint32_t unused = 32 - KG_UNTIL_BITS;

	return (int32_t)((kg_until(now_us) - until) << unused) >> unused;
}

static inline uint64_t kg_until_us(uint32_t until, uint64_t now_us)
{
	int64_t now_ms = (int64_t)(now_us / KG_US_PER_MS);

	return (uint64_t)(now_ms - kg_until_past_ms(until, now_us)) * KG_US_PER_MS;
}
