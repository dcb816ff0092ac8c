/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * BBR, first version (draft-cardwell-iccrg-bbr-congestion-control-00; Cardwell and others, ACM
 * Queue 14-5): the best delivery rate of ten rounds times the least round trip of ten seconds.
 * Without the modulation of cwnd in recovery and the policer detector.
 */
#include "rival/filter.h"

#define HIGH_GAIN        2.885 /* 2 / ln 2 */
#define CWND_GAIN        2.0
#define RTPROP_SPAN_US   (10ull * KG_US_PER_S)
#define PROBE_RTT_US     200000u
#define PROBE_RTT_WINDOW 4
#define FULL_GROWTH      1.25
#define FULL_ROUNDS      3

static const double cycle[] = { 1.25, 0.75, 1, 1, 1, 1, 1, 1 };

struct bbr1 {
	enum {
		STARTUP,
		DRAIN,
		PROBE_BW,
		PROBE_RTT,
	} state;
	struct kg_rng *rng;
	struct kg_rival_round round;
	struct kg_rival_best best_pps;
	uint32_t rtprop_us;
	uint64_t rtprop_at_us;
	double full_pps;
	uint32_t full_rounds;
	bool full;
	uint32_t phase;
	uint64_t phase_at_us;
	bool lost;                  /* in this phase */
	uint64_t probe_rtt_ends_us; /* 0: in flight is still more than that */
};

static void init(void *self, const struct kg_rival_params *params)
{
	*(struct bbr1 *)self = (struct bbr1){ .rng = params->rng, .rtprop_us = UINT32_MAX };
}

static double bdp(const struct bbr1 *b)
{
	return kg_rival_best_get(&b->best_pps) * b->rtprop_us / 1e6;
}

static void check_full(struct bbr1 *b)
{
	double pps = kg_rival_best_get(&b->best_pps);

	if (pps >= b->full_pps * FULL_GROWTH) {
		b->full_pps = pps;
		b->full_rounds = 0;
	} else if (++b->full_rounds >= FULL_ROUNDS) {
		b->full = true;
	}
}

static void enter_phase(struct bbr1 *b, uint32_t phase, uint64_t now_us)
{
	b->state = PROBE_BW;
	b->phase = phase % KG_ARRAY_SIZE(cycle);
	b->phase_at_us = now_us;
	b->lost = false;
}

/* Any phase but the one that drains. */
static void enter_probe_bw(struct bbr1 *b, uint64_t now_us)
{
	enter_phase(b, KG_ARRAY_SIZE(cycle) - kg_rng_below(b->rng, KG_ARRAY_SIZE(cycle) - 1),
		    now_us);
}

static void run_cycle(struct bbr1 *b, const struct kg_rival_ack *ack)
{
	bool elapsed = ack->now_us - b->phase_at_us > b->rtprop_us;
	bool over = elapsed;

	if (cycle[b->phase] > 1)
		over = elapsed && (b->lost || ack->in_flight >= cycle[b->phase] * bdp(b));
	else if (cycle[b->phase] < 1)
		over = elapsed || ack->in_flight <= bdp(b);
	if (over)
		enter_phase(b, b->phase + 1, ack->now_us);
}

static void run_probe_rtt(struct bbr1 *b, const struct kg_rival_ack *ack)
{
	if (b->probe_rtt_ends_us == 0) {
		if (ack->in_flight <= PROBE_RTT_WINDOW)
			b->probe_rtt_ends_us = ack->now_us + PROBE_RTT_US;
	} else if (ack->now_us >= b->probe_rtt_ends_us) {
		b->rtprop_at_us = ack->now_us;
		if (b->full)
			enter_probe_bw(b, ack->now_us);
		else
			b->state = STARTUP;
	}
}

static void watch_rtt(struct bbr1 *b, const struct kg_rival_ack *ack)
{
	bool expired = ack->now_us > b->rtprop_at_us + RTPROP_SPAN_US;

	if (ack->rtt_us <= b->rtprop_us || expired) {
		if (expired && b->rtprop_us != UINT32_MAX && b->state != PROBE_RTT) {
			b->state = PROBE_RTT;
			b->probe_rtt_ends_us = 0;
		}
		b->rtprop_us = ack->rtt_us;
		b->rtprop_at_us = ack->now_us;
	}
}

static void on_ack(void *self, const struct kg_rival_ack *ack)
{
	struct bbr1 *b = self;
	bool round_ends = kg_rival_round_ends(&b->round, ack);

	kg_rival_best_add(&b->best_pps, b->round.count, ack->rate_pps);
	if (round_ends && !b->full)
		check_full(b);
	if (b->state == STARTUP && b->full)
		b->state = DRAIN;
	if (b->state == DRAIN && ack->in_flight <= bdp(b))
		enter_probe_bw(b, ack->now_us);
	watch_rtt(b, ack);
	if (b->state == PROBE_BW)
		run_cycle(b, ack);
	else if (b->state == PROBE_RTT)
		run_probe_rtt(b, ack);
}

static void on_loss(void *self, const struct kg_rival_loss *loss)
{
	((struct bbr1 *)self)->lost = true;
}

static void leave(const void *self, struct kg_rival_leave *leave)
{
	const struct bbr1 *b = self;
	double pps = kg_rival_best_get(&b->best_pps);
	double pacing_gain[] = { HIGH_GAIN, 1 / HIGH_GAIN, cycle[b->phase], 1 };
	double cwnd_gain[] = { HIGH_GAIN, HIGH_GAIN, CWND_GAIN, 1 };

	*leave = (struct kg_rival_leave){ .window = KG_RIVAL_WINDOW_FIRST };
	if (pps == 0)
		return;
	leave->pps = pacing_gain[b->state] * pps;
	leave->window = KG_MAX(cwnd_gain[b->state] * bdp(b), PROBE_RTT_WINDOW);
	if (b->state == PROBE_RTT)
		leave->window = PROBE_RTT_WINDOW;
	else if (!b->full)
		leave->window = KG_MAX(leave->window, KG_RIVAL_WINDOW_FIRST);
}

const struct kg_rival_ops kg_rival_bbr1 = {
	.bytes = sizeof(struct bbr1),
	.init = init,
	.on_ack = on_ack,
	.on_loss = on_loss,
	.leave = leave,
};
