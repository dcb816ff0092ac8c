/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * When the next data may leave, so that a window does not leave in one burst.
 *
 *   pace = the window in four fifths of a round trip, so that a hole's delay is caught up with;
 *          with FEC the window and its parity in a whole one at least
 *
 * A pace is a gap between segments, or datagrams of parity; between datagrams where small ones have
 * spares. What has not been sent for want of something to say, or because nobody looked, may be
 * caught up with up to a burst. Without a round-trip sample there is no pace. A pace that becomes
 * faster does so at once, for what was sent ahead of the slower one too.
 *
 * A window may be far more than the path, or the peer's socket, takes, and without a congestion
 * window nothing else says so. So the pace has a limit, tried out step by step (kcp_pace.c).
 */
#pragma once

#include "base/base.h"
#include "base/mem.h"

/* Times here are in parts of a microsecond: the gaps of a fast pace are shorter. */
#define KG_KCP_PACE_SHIFT 10

struct kg_rate;

enum kg_kcp_pace_stage {
	KG_KCP_PACE_WATCHING,
	KG_KCP_PACE_SETTLING,
	KG_KCP_PACE_TRYING,
};

struct kg_kcp_pace_step {
	uint32_t us; /* long; 0: there was none */
	uint32_t copies, resent, acked;
};

/* How the limit is found: only while a conversation is busy. Gaps have 32 bits, four seconds. */
struct kg_kcp_pace_trial {
	uint32_t before_gap;              /* limit before the cut that is being tried */
	uint32_t best_gap;                /* of what got through in the best of the last steps */
	uint64_t step_us;                 /* when the step began */
	uint32_t copies, resent, acked;   /* at that time */
	struct kg_kcp_pace_step steps[2]; /* the last, and the one before */
	uint16_t lost, tolerated;         /* of 1,024 copies: smoothed; no reason to cut */
	uint8_t stage, settle;
};

struct kg_kcp_pace {
	uint64_t free; /* all that was sent has left at the pace by then */
	union {
		uint32_t set_us; /* low bits; without a controller */
		float byte_gap;  /* with one; 0: each segment takes a gap, however long */
	};
	uint32_t gap;       /* between segments; 0: no pace */
	uint32_t limit_gap; /* 0: none */
	uint32_t window; /* segments that the controller lets be under way; 0: nothing is known */
	union {          /* NULL: none; only while a conversation is busy, or has lately been */
		struct kg_kcp_pace_trial *trial;
		struct kg_rate *rate; /* with kg_kcp_params.rate_auto: kcp_rate.c */
	};
};

/* What a conversation knows of itself when an ACK has come. */
struct kg_kcp_pace_input {
	uint64_t now_us;
	uint32_t copies; /* sent, ever; may wrap around */
	uint32_t resent; /* those of them that were not the first, likewise */
	uint32_t acked;  /* segments, likewise */
	uint32_t window; /* segments that may be in flight */
	uint32_t srtt_us;
	bool backlogged;      /* more waits to be sent */
	uint8_t data, parity; /* of FEC: datagrams more for so many segments; 0: off */
};

/* How far `free` may run ahead of the clock: a worker may sleep a millisecond. */
#define KG_KCP_PACE_BURST_SEGMENTS 16u
#define KG_KCP_PACE_BURST          ((uint64_t)KG_US_PER_MS << KG_KCP_PACE_SHIFT)

/* With a controller, whose window lets a queue be as long: */
#define KG_KCP_PACE_LATE_US (5u * KG_US_PER_MS)

static inline uint64_t kg_kcp_pace_next_us(const struct kg_kcp_pace *pace)
{
	uint64_t burst =
		KG_MAX((uint64_t)KG_KCP_PACE_BURST_SEGMENTS * pace->gap, KG_KCP_PACE_BURST);
	uint64_t ahead = pace->free - KG_MIN(pace->free, burst);

	return (ahead + (1u << KG_KCP_PACE_SHIFT) - 1) >> KG_KCP_PACE_SHIFT;
}

static inline void kg_kcp_pace_take_gap(struct kg_kcp_pace *pace, uint64_t gap, uint64_t now_us)
{
	pace->free = KG_MAX(pace->free, now_us << KG_KCP_PACE_SHIFT) + gap;
}

/* A segment, or a datagram of parity, leaves now. */
static inline void kg_kcp_pace_take(struct kg_kcp_pace *pace, uint64_t now_us)
{
	kg_kcp_pace_take_gap(pace, pace->gap, now_us);
}

/* With a controller: what takes so many bytes of the path does. */
static inline void kg_kcp_pace_take_bytes(struct kg_kcp_pace *pace, uint32_t bytes, uint64_t now_us)
{
	uint64_t gap = pace->gap;

	if (pace->byte_gap > 0)
		gap = (uint64_t)(pace->byte_gap * (float)bytes);
	kg_kcp_pace_take_gap(pace, gap, now_us);
}

/* After a round-trip sample. Costs a comparison most of the time. Without memory there is no limit
 * to be found. */
void kg_kcp_pace_update(struct kg_kcp_pace *pace, struct kg_mem *mem,
			const struct kg_kcp_pace_input *in);
/* Another gap from now on. What was sent ahead of the pace is as many segments ahead of a faster
 * one.
 */
void kg_kcp_pace_set_gap(struct kg_kcp_pace *pace, uint32_t gap, uint64_t now_us);
/* What was found out so far is forgotten, but for the limit. */
void kg_kcp_pace_trim(struct kg_kcp_pace *pace, struct kg_mem *mem);
