/* SPDX-License-Identifier: BSD-3-Clause */
/* A rate that is told, in two bytes: each conversation has one, idle or not. */
#pragma once

#include "base/base.h"

/* Datagrams per second that are to arrive, within a two-thousandth. */
static inline uint16_t kg_rate_tell(uint64_t pps)
{
	unsigned int doubled = 0;

	for (; pps >= 1u << 12 && doubled < 15; doubled++)
		pps /= 2;
	return (uint16_t)(KG_MIN(KG_MAX(pps, 1u), (1u << 12) - 1u) << 4 | doubled);
}

static inline uint32_t kg_rate_told(uint16_t told)
{
	return (uint32_t)(told >> 4) << (told & 15);
}
