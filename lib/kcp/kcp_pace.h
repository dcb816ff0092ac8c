/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * When the next data may leave, so that a window does not leave in one burst (docs/decisions/).
 *
 *   pace = the window per round trip, a half faster, so that a hole in the window is caught up with
 *
 * A pace is a gap between segments. What has not been sent for want of something to say, or because
 * nobody looked, may be caught up with up to `burst`. Without a round-trip sample there is no pace.
 *
 * Where more leaves than gets through, the pace is what gets through. See kcp_pace.c.
 */
#pragma once

#include "base/base.h"

/* Times here are in parts of a microsecond: the gaps of a fast pace are shorter. */
#define KG_KCP_PACE_SHIFT 10

struct kg_kcp_pace {
	uint64_t free;   /* all that was sent has left at the pace by then */
	uint64_t gap;    /* between segments; 0: no pace */
	uint64_t burst;  /* how far `free` may run ahead of the clock */
	uint64_t set_us; /* when gap was last looked at */
};

static inline uint64_t kg_kcp_pace_next_us(const struct kg_kcp_pace *pace)
{
	uint64_t ahead = pace->free - KG_MIN(pace->free, pace->burst);

	return (ahead + (1u << KG_KCP_PACE_SHIFT) - 1) >> KG_KCP_PACE_SHIFT;
}

/* A segment leaves now. */
static inline void kg_kcp_pace_take(struct kg_kcp_pace *pace, uint64_t now_us)
{
	pace->free = KG_MAX(pace->free, now_us << KG_KCP_PACE_SHIFT) + pace->gap;
}

/* The round trip or the window may have changed. */
void kg_kcp_pace_update(struct kg_kcp_pace *pace, uint32_t window, uint32_t srtt_us,
			uint64_t now_us);
