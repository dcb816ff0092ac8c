/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The limit of a pace. Time goes in steps of a round trip. What was acknowledged in two of them is
 * compared with what was sent a step earlier: when a good part was lost, and as much sent again,
 * although more waited to be sent, the pace is cut to what is known to get through, and that is
 * tried. (ACKs that are late are no loss, nor is what was sent again for nothing.)
 *
 *   WATCHING ── lost more than is tolerated: cut ──► SETTLING ── a few steps later ──► TRYING
 *       ▲                                                                                │
 *       ├──────────────────── less is lost: the cut stays ◄──────────────────────────────┤
 *       └────── as much is lost: the cut is taken back, and such a loss tolerated ◄──────┘
 *
 * So a path that loses at random is not slowed down, as is the custom of KCP without a congestion
 * window, while a queue that overflows is. A limit grows a little each step, until it is too much
 * again or limits no longer; faster while it is not used.
 */
#include "kcp/kcp_pace.h"

/* A window in four fifths of a round trip. */
#define GAIN_NUMERATOR   5u
#define GAIN_DENOMINATOR 4u

#define STEP_MIN_US  10000u
#define STEP_MAX_US  1000000u
#define COPIES_MIN   32u /* of a step that says anything */
#define SETTLE_STEPS 3u  /* copies of before the cut are acknowledged, or found lost */

/* Segments in a round trip, whatever got through, and however small the window. */
#define SLOWEST 8u

#define WHOLE         1024u
#define TOLERATED_MIN (WHOLE / 8)
#define SMOOTH        4u /* steps, nearly */
#define LITTLE        (WHOLE / 32)
#define GROWTH        32u /* a part of the pace */
#define GROWTH_FREE   16u /* when little is lost */
#define GROWTH_UNUSED 4u
/* Parts that are forgotten each step: of the most that got through, of the loss tolerated. */
#define FORGET_BEST      32u
#define FORGET_TOLERATED 128u

static uint32_t gap_of(uint64_t us, uint64_t segments)
{
	uint64_t gap = (us << KG_KCP_PACE_SHIFT) / KG_MAX(segments, 1u);

	return (uint32_t)KG_MIN(gap, (uint64_t)UINT32_MAX);
}

static void grow(struct kg_kcp_pace *pace, uint32_t part)
{
	pace->limit_gap -= pace->limit_gap / (part + 1);
}

/* To the most that has got through lately; when that is no less than now, to what does now. */
static void cut(struct kg_kcp_pace *pace, uint32_t through_gap)
{
	struct kg_kcp_pace_trial *t = pace->trial;
	bool is_less = t->best_gap > pace->gap + pace->gap / 8;

	t->before_gap = pace->limit_gap;
	pace->limit_gap = is_less ? t->best_gap : KG_MAX(through_gap, pace->gap);
	t->stage = KG_KCP_PACE_SETTLING;
	t->settle = SETTLE_STEPS;
}

static void watch(struct kg_kcp_pace *pace, uint32_t lost, uint32_t through_gap)
{
	struct kg_kcp_pace_trial *t = pace->trial;

	t->lost = (uint16_t)((t->lost * (SMOOTH - 1) + lost) / SMOOTH);
	if (t->lost > KG_MAX(TOLERATED_MIN, t->tolerated)) {
		cut(pace, through_gap);
		return;
	}
	t->tolerated -= t->tolerated / FORGET_TOLERATED;
	grow(pace, t->lost < LITTLE ? GROWTH_FREE : GROWTH);
}

static void conclude(struct kg_kcp_pace *pace, uint32_t lost)
{
	struct kg_kcp_pace_trial *t = pace->trial;
	bool helped = 4 * lost < 3u * t->lost;

	t->stage = KG_KCP_PACE_WATCHING;
	t->lost = (uint16_t)lost;
	if (helped)
		return;
	pace->limit_gap = t->before_gap;
	t->tolerated = (uint16_t)(lost + lost / 4);
}

static uint32_t share(uint32_t part, uint32_t whole)
{
	return (uint32_t)((uint64_t)KG_MIN(part, whole) * WHOLE / KG_MAX(whole, 1u));
}

/* What leaves for so many segments. */
static uint64_t with_parity(const struct kg_kcp_pace_input *in, uint32_t segments)
{
	return segments + (uint64_t)segments * in->parity / KG_MAX(in->data, 1u);
}

static void judge(struct kg_kcp_pace *pace, const struct kg_kcp_pace_input *in,
		  const struct kg_kcp_pace_step *now, const struct kg_kcp_pace_step *last,
		  const struct kg_kcp_pace_step *before)
{
	struct kg_kcp_pace_trial *t = pace->trial;
	uint32_t through = now->acked + last->acked, copies = last->copies + before->copies;
	uint32_t missing = share(copies - KG_MIN(through, copies), copies);
	uint32_t resent = share(now->resent + last->resent, now->copies + last->copies);
	uint32_t lost = KG_MIN(missing, resent);
	uint32_t through_gap = gap_of((uint64_t)now->us + last->us, with_parity(in, through));

	if (t->best_gap == 0 || t->best_gap > through_gap)
		t->best_gap = through_gap;
	else
		t->best_gap += KG_MIN(t->best_gap / FORGET_BEST, through_gap - t->best_gap);
	if (t->stage == KG_KCP_PACE_SETTLING && --t->settle == 0)
		t->stage = KG_KCP_PACE_TRYING;
	else if (t->stage == KG_KCP_PACE_TRYING)
		conclude(pace, lost);
	else if (t->stage == KG_KCP_PACE_WATCHING)
		watch(pace, lost, through_gap);
}

static void end_step(struct kg_kcp_pace *pace, const struct kg_kcp_pace_input *in)
{
	struct kg_kcp_pace_trial *t = pace->trial;
	struct kg_kcp_pace_step now = {
		.us = (uint32_t)KG_MIN(in->now_us - t->step_us, (uint64_t)UINT32_MAX),
		.copies = in->copies - t->copies,
		.resent = in->resent - t->resent,
		.acked = in->acked - t->acked,
	};

	if (!in->backlogged) {
		t->stage = KG_KCP_PACE_WATCHING;
		grow(pace, GROWTH_UNUSED);
	} else if (t->steps[1].us != 0) {
		judge(pace, in, &now, &t->steps[0], &t->steps[1]);
	}
	t->steps[1] = t->steps[0];
	t->steps[0] = now;
}

/* A slow pace needs longer until enough has been sent. */
static bool step_is_over(const struct kg_kcp_pace_trial *t, const struct kg_kcp_pace_input *in)
{
	uint64_t age_us = in->now_us - t->step_us;
	bool tells = in->copies - t->copies >= COPIES_MIN || !in->backlogged;

	return age_us >= (tells ? KG_MAX(in->srtt_us, STEP_MIN_US) : STEP_MAX_US);
}

static void update_limit(struct kg_kcp_pace *pace, struct kg_mem *mem,
			 const struct kg_kcp_pace_input *in)
{
	struct kg_kcp_pace_trial *t = pace->trial;

	if (t == NULL)
		t = pace->trial = kg_mem_alloc(mem, sizeof(*t));
	if (t == NULL || !step_is_over(t, in))
		return;
	if (t->step_us != 0)
		end_step(pace, in);
	t->step_us = in->now_us;
	t->copies = in->copies;
	t->resent = in->resent;
	t->acked = in->acked;
}

void kg_kcp_pace_set_gap(struct kg_kcp_pace *pace, uint32_t gap, uint64_t now_us)
{
	uint64_t now = now_us << KG_KCP_PACE_SHIFT;

	if (gap < pace->gap && pace->free > now)
		pace->free -= (pace->free - now) / pace->gap * (pace->gap - gap);
	pace->gap = gap;
}

void kg_kcp_pace_update(struct kg_kcp_pace *pace, struct kg_mem *mem,
			const struct kg_kcp_pace_input *in)
{
	uint32_t free_gap, slowest_gap;

	if ((uint32_t)in->now_us - pace->set_us < in->srtt_us / 8)
		return;
	pace->set_us = (uint32_t)in->now_us;
	update_limit(pace, mem, in);
	free_gap = gap_of((uint64_t)in->srtt_us * GAIN_DENOMINATOR,
			  KG_MAX((uint64_t)in->window * GAIN_NUMERATOR,
				 with_parity(in, in->window) * GAIN_DENOMINATOR));
	slowest_gap = gap_of(KG_MAX(in->srtt_us, STEP_MIN_US), SLOWEST);
	pace->limit_gap = KG_MIN(pace->limit_gap, slowest_gap);
	if (pace->limit_gap <= free_gap &&
	    (pace->trial == NULL || pace->trial->stage == KG_KCP_PACE_WATCHING))
		pace->limit_gap = 0;
	kg_kcp_pace_set_gap(pace, KG_MAX(pace->limit_gap, KG_MIN(free_gap, slowest_gap)),
			    in->now_us);
}

void kg_kcp_pace_trim(struct kg_kcp_pace *pace, struct kg_mem *mem)
{
	if (pace->trial != NULL)
		kg_mem_free(mem, pace->trial, sizeof(*pace->trial));
	pace->trial = NULL;
}
