/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bounds what a mux channel takes from its streams ahead of the network. What it has taken comes
 * before whatever another stream will say, at this end and at the reader's. A window may be far
 * more than the path holds: then half a second of a download goes before a question of a hundred
 * bytes.
 *
 * So a channel takes little more than what may leave soon, for what waits behind its pace waits for
 * all. And while the round trip shows a queue it takes what the path works off in its least round
 * trip and a little more; else more and more, up to its window. It never takes less than a part of
 * what windows usually are: others in the same queue would have all of it.
 */
#include "mux/internal.h"

#define STEP_US  (50ull * KG_US_PER_MS)
#define QUEUE_US (100u * KG_US_PER_MS) /* beyond the least round trip */
#define KEPT_US  (50u * KG_US_PER_MS)  /* of it, so that the path is never idle */
#define LEAST    256u                  /* segments */
#define SOON_US  (20u * KG_US_PER_MS)
#define SOON_MIN 64u   /* segments that wait for their turn to leave */
#define DRIFT    1024u /* steps in which the least round trip is forgotten, about: paths change */

void kg_mux_bound_init(struct kg_mux_bound *bound, uint64_t now_us)
{
	*bound = (struct kg_mux_bound){ .since_us = now_us, .segments = KG_MUX_UNBOUND };
}

static void note_rtt(struct kg_mux_bound *bound, uint32_t rtt_us)
{
	if (bound->least_us == 0 || rtt_us < bound->least_us)
		bound->least_us = rtt_us;
	else
		bound->least_us += (rtt_us - bound->least_us) / DRIFT;
}

static void step(struct kg_mux_bound *bound, uint32_t rtt_us, uint64_t elapsed_us)
{
	uint32_t sample = (uint32_t)(bound->acked * KG_US_PER_S / elapsed_us);
	uint64_t holds;

	note_rtt(bound, rtt_us);
	bound->rate = KG_MAX(sample, bound->rate - bound->rate / 8);
	if (rtt_us <= bound->least_us + QUEUE_US) {
		bound->segments = KG_MIN(bound->segments + bound->segments / 8, KG_MUX_UNBOUND);
		return;
	}
	holds = (uint64_t)bound->rate * (bound->least_us + KEPT_US) / KG_US_PER_S;
	bound->segments = (uint32_t)KG_MIN(KG_MAX(holds, (uint64_t)LEAST), bound->segments + 0ull);
}

void kg_mux_on_acked(struct kg_mux *mux, uint32_t segments, uint64_t now_us)
{
	struct kg_mux_bound *bound = &mux->bound;
	uint32_t rtt_us = kg_channel_rtt_us(mux->channel);
	uint64_t elapsed_us = now_us - bound->since_us;

	bound->acked += segments;
	if (rtt_us == 0 || elapsed_us < KG_MAX(STEP_US, (uint64_t)rtt_us))
		return;
	step(bound, rtt_us, elapsed_us);
	bound->acked = 0;
	bound->since_us = now_us;
}

/* What leaves soon has been taken. */
static bool has_enough(const struct kg_mux *mux)
{
	uint64_t soon = (uint64_t)mux->bound.rate * SOON_US / KG_US_PER_S;

	return kg_channel_queued(mux->channel) >= KG_MAX(soon, (uint64_t)SOON_MIN);
}

bool kg_mux_has_room(const struct kg_mux *mux)
{
	uint32_t unacked = kg_channel_unacked(mux->channel);

	if (kg_channel_room(mux->channel) == 0)
		return false;
	return unacked < LEAST || (unacked < mux->bound.segments && !has_enough(mux));
}
