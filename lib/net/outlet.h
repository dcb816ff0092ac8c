/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pace at which datagrams that came together leave toward an application. Those that waited
 * behind a lost one become due in one moment; Linux keeps 92 full ones for a socket by default, and
 * drops the rest while the application is not scheduled.
 *
 * So a few may leave at once and the others as fast as their flow has shown to come, twice as fast
 * to be exact, and never slower than a flow that nobody knows yet. Where the receiver is known to
 * lose the pace comes down, not below what comes; it rises again slowly.
 *
 * Counts segments, of which a datagram has at least one.
 */
#pragma once

#include "base/base.h"

struct kg_outlet {
	uint64_t drained_us; /* `level` is of then */
	uint64_t looked_us;  /* when `shown` was last reckoned */
	uint32_t received;   /* segments of the flow until then */
	uint32_t shown;      /* how fast it comes, in KG_OUTLET_UNIT */
	uint32_t most;       /* as fast as the receiver follows, as far as we know; finer */
	uint32_t level;      /* left, and may not have been taken yet; of a unit of its own */
	uint32_t depth;      /* of `level`, what may leave at once */
};

/* Of a pace: segments a millisecond, in sixteenths. */
#define KG_OUTLET_UNIT 16u
/* `level` per segment, so that a pace times microseconds is a level. */
#define KG_OUTLET_SEGMENT (KG_OUTLET_UNIT * 1000u)

/* `received`: segments that have come of the flow, modulo 2^32. */
void kg_outlet_init(struct kg_outlet *outlet, uint32_t received, uint64_t now_us);
/* To be told before each burst. */
void kg_outlet_look(struct kg_outlet *outlet, uint32_t received, uint64_t now_us);

/* A datagram of so many may leave now, that is when one looked last, and does; false: not before
 * kg_outlet_next_us. */
static inline bool kg_outlet_take(struct kg_outlet *outlet, uint32_t segments)
{
	uint32_t cost = segments * KG_OUTLET_SEGMENT;

	if (outlet->level > 0 && outlet->level + cost > outlet->depth)
		return false;
	outlet->level += cost;
	return true;
}

uint64_t kg_outlet_next_us(const struct kg_outlet *outlet);
/* The receiver has lost some of what left. */
void kg_outlet_on_lost(struct kg_outlet *outlet);
/* Segments a millisecond. */
uint32_t kg_outlet_pace(const struct kg_outlet *outlet);
