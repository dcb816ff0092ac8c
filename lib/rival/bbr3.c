/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * BBR, third version (draft-ietf-ccwg-bbr): as the first, but more than 2 % of loss while it probes
 * bounds what may be in flight, and loss at other times bounds it until the next probe. Without the
 * estimate of ACK aggregation.
 */
#include "rival/filter.h"

#include <math.h>

#define STARTUP_GAIN     2.77
#define DRAIN_GAIN       0.5
#define UP_GAIN          1.25
#define DOWN_GAIN        0.9
#define CWND_GAIN        2.0
#define UP_CWND_GAIN     2.25
#define LOSS_THRESH      0.02
#define BETA             0.7
#define HEADROOM         0.15
#define PACING_MARGIN    0.99
#define MIN_RTT_SPAN_US  (10ull * KG_US_PER_S)
#define PROBE_RTT_EVERY  (5ull * KG_US_PER_S)
#define PROBE_RTT_US     200000u
#define PROBE_RTT_GAIN   0.5
#define PROBE_ROUNDS_MAX 63 /* as often as Reno would on a link of this BDP */
#define PROBE_WAIT_US    (2u * KG_US_PER_S)
#define PROBE_SPREAD_US  (1u * KG_US_PER_S)
#define FULL_GROWTH      1.25
#define FULL_ROUNDS      3
#define FULL_LOSSES      6
#define WINDOW_MIN       4

struct bbr3 {
	enum {
		STARTUP,
		DRAIN,
		DOWN,
		CRUISE,
		REFILL,
		UP,
		PROBE_RTT,
	} state;
	struct kg_rng *rng;
	struct kg_rival_round round;
	double cycle_pps[2]; /* the best of the cycle before, and of this one */
	struct kg_rival_least min_rtt;
	uint32_t min_rtt_us;
	uint64_t probed_rtt_us, probe_rtt_ends_us;
	double full_pps;
	uint32_t full_rounds, losses;     /* losses: of this round */
	double latest_pps, latest_flight; /* the best of this round */
	double hi, lo_flight, lo_pps;
	double up_step; /* by which hi grows in this round of UP */
	uint64_t phase_at_us, phase_round, wait_us;
};

static void init(void *self, const struct kg_rival_params *params)
{
	*(struct bbr3 *)self = (struct bbr3){
		.rng = params->rng,
		.hi = HUGE_VAL,
		.lo_flight = HUGE_VAL,
		.lo_pps = HUGE_VAL,
	};
}

static double max_pps(const struct bbr3 *b)
{
	return KG_MAX(b->cycle_pps[0], b->cycle_pps[1]);
}

static double bdp(const struct bbr3 *b)
{
	return KG_MIN(max_pps(b), b->lo_pps) * b->min_rtt_us / 1e6;
}

static void enter(struct bbr3 *b, int state, uint64_t now_us)
{
	b->state = state;
	b->phase_at_us = now_us;
	b->phase_round = b->round.count;
	if (state == DOWN)
		b->wait_us = PROBE_WAIT_US + kg_rng_below(b->rng, PROBE_SPREAD_US);
	if (state == REFILL || state == UP)
		b->lo_flight = b->lo_pps = HUGE_VAL;
	if (state == UP) {
		b->full_pps = b->full_rounds = 0;
		b->up_step = 1;
	}
}

static bool is_full(struct bbr3 *b)
{
	if (max_pps(b) >= b->full_pps * FULL_GROWTH) {
		b->full_pps = max_pps(b);
		b->full_rounds = 0;
	} else {
		b->full_rounds++;
	}
	return b->full_rounds >= FULL_ROUNDS;
}

/* A cycle's best is forgotten when the cycle after the next begins. */
static void next_cycle(struct bbr3 *b)
{
	b->cycle_pps[0] = b->cycle_pps[1];
	b->cycle_pps[1] = 0;
}

static bool is_time_to_probe(const struct bbr3 *b, uint64_t now_us)
{
	return now_us - b->phase_at_us > b->wait_us ||
	       b->round.count - b->phase_round >= KG_MIN(bdp(b), PROBE_ROUNDS_MAX);
}

static void run_up(struct bbr3 *b, const struct kg_rival_ack *ack, bool round_ends)
{
	if (round_ends && ack->in_flight + b->up_step >= b->hi) {
		b->hi += b->up_step;
		b->up_step *= 2;
	}
	if ((round_ends && is_full(b)) || (ack->now_us - b->phase_at_us > b->min_rtt_us &&
					   ack->in_flight >= UP_GAIN * bdp(b) && round_ends)) {
		next_cycle(b);
		enter(b, DOWN, ack->now_us);
	}
}

static void run_cycle(struct bbr3 *b, const struct kg_rival_ack *ack, bool round_ends)
{
	switch (b->state) {
	case DOWN:
		if (ack->in_flight <= KG_MIN(bdp(b), b->hi * (1 - HEADROOM)))
			b->state = CRUISE;
		/* fall through */
	case CRUISE:
		if (is_time_to_probe(b, ack->now_us))
			enter(b, REFILL, ack->now_us);
		break;
	case REFILL:
		if (b->round.count > b->phase_round + 1)
			enter(b, UP, ack->now_us);
		break;
	case UP:
		run_up(b, ack, round_ends);
		break;
	default:
		break;
	}
}

static void run_startup(struct bbr3 *b, const struct kg_rival_ack *ack, bool round_ends)
{
	if (b->state == STARTUP && round_ends && is_full(b))
		b->state = DRAIN;
	if (b->state == DRAIN && ack->in_flight <= bdp(b))
		enter(b, DOWN, ack->now_us);
}

static void run_probe_rtt(struct bbr3 *b, const struct kg_rival_ack *ack)
{
	if (b->state != PROBE_RTT && b->state > DRAIN &&
	    ack->now_us > b->probed_rtt_us + PROBE_RTT_EVERY) {
		b->state = PROBE_RTT;
		b->probe_rtt_ends_us = 0;
	}
	if (b->state != PROBE_RTT)
		return;
	if (b->probe_rtt_ends_us == 0 &&
	    ack->in_flight <= KG_MAX(PROBE_RTT_GAIN * bdp(b), WINDOW_MIN))
		b->probe_rtt_ends_us = ack->now_us + PROBE_RTT_US;
	if (b->probe_rtt_ends_us != 0 && ack->now_us >= b->probe_rtt_ends_us) {
		b->probed_rtt_us = ack->now_us;
		enter(b, DOWN, ack->now_us);
		b->state = CRUISE;
	}
}

/* Of a round with loss in which nothing is probed. */
static void bound_lower(struct bbr3 *b)
{
	if (b->losses > 0 && (b->state == CRUISE || b->state == DOWN || b->state == DRAIN)) {
		b->lo_pps =
			KG_MAX(b->latest_pps, (isinf(b->lo_pps) ? max_pps(b) : b->lo_pps) * BETA);
		b->lo_flight =
			KG_MAX(b->latest_flight,
			       (isinf(b->lo_flight) ? CWND_GAIN * bdp(b) : b->lo_flight) * BETA);
	}
	b->losses = 0;
	b->latest_pps = b->latest_flight = 0;
}

static void on_ack(void *self, const struct kg_rival_ack *ack)
{
	struct bbr3 *b = self;
	uint32_t min_rtt_us =
		kg_rival_least_add(&b->min_rtt, ack->now_us, MIN_RTT_SPAN_US, ack->rtt_us);
	bool round_ends = kg_rival_round_ends(&b->round, ack);

	if (b->probed_rtt_us == 0 || min_rtt_us < b->min_rtt_us)
		b->probed_rtt_us = ack->now_us;
	b->min_rtt_us = min_rtt_us;
	b->cycle_pps[1] = KG_MAX(b->cycle_pps[1], ack->rate_pps);
	b->latest_pps = KG_MAX(b->latest_pps, ack->rate_pps);
	b->latest_flight = KG_MAX(b->latest_flight, (double)(ack->delivered - ack->delivered_then));
	if (round_ends)
		bound_lower(b);
	run_startup(b, ack, round_ends);
	run_cycle(b, ack, round_ends);
	run_probe_rtt(b, ack);
}

static void on_loss(void *self, const struct kg_rival_loss *loss)
{
	struct bbr3 *b = self;
	bool too_much = loss->lost_since > loss->in_flight_then * LOSS_THRESH;

	b->losses++;
	if (!too_much)
		return;
	if (b->state == STARTUP && b->losses >= FULL_LOSSES) {
		b->hi = KG_MAX(bdp(b), b->latest_flight);
		b->state = DRAIN;
	} else if ((b->state == UP || b->state == REFILL) && loss->sent_us >= b->phase_at_us) {
		b->hi = KG_MAX((double)loss->in_flight_then, BETA * CWND_GAIN * bdp(b));
		next_cycle(b);
		enter(b, DOWN, loss->now_us);
	}
}

static double pacing_gain(const struct bbr3 *b)
{
	static const double gains[] = {
		[STARTUP] = STARTUP_GAIN,
		[DRAIN] = DRAIN_GAIN,
		[DOWN] = DOWN_GAIN,
		[CRUISE] = 1,
		[REFILL] = 1,
		[UP] = UP_GAIN,
		[PROBE_RTT] = 1,
	};

	return gains[b->state];
}

static double window(const struct bbr3 *b)
{
	double gain = b->state == UP ? UP_CWND_GAIN : CWND_GAIN;
	double most = b->hi;

	if (b->state == PROBE_RTT)
		return KG_MIN(PROBE_RTT_GAIN * bdp(b), b->hi);
	if (b->state == CRUISE)
		most *= 1 - HEADROOM;
	return KG_MIN(gain * bdp(b), KG_MIN(most, b->lo_flight));
}

static void leave(const void *self, struct kg_rival_leave *leave)
{
	const struct bbr3 *b = self;
	double pps = KG_MIN(max_pps(b), b->lo_pps);

	*leave = (struct kg_rival_leave){ .window = KG_RIVAL_WINDOW_FIRST };
	if (max_pps(b) == 0)
		return;
	leave->pps = pacing_gain(b) * pps * PACING_MARGIN;
	leave->window = KG_MAX(window(b), b->state == STARTUP ? KG_RIVAL_WINDOW_FIRST : WINDOW_MIN);
}

const struct kg_rival_ops kg_rival_bbr3 = {
	.bytes = sizeof(struct bbr3),
	.init = init,
	.on_ack = on_ack,
	.on_loss = on_loss,
	.leave = leave,
};
