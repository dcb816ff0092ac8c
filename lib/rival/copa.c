/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Copa in its default mode (Arun, Balakrishnan: Copa, NSDI 2018): towards the rate
 * 1 / (delta x queueing delay), faster the longer it goes one way. Losses do not matter to it.
 */
#include "rival/filter.h"

#include <math.h>

#define DELTA        0.5
#define MIN_SPAN_US  (10ull * KG_US_PER_S)
#define WINDOW_MIN   2
#define VELOCITY_MAX 65536.0 /* it doubles, and must end somewhere */

struct copa {
	double cwnd, velocity;
	uint32_t srtt_us, standing_us;
	struct kg_rival_least standing, least;
	bool slow_start;
	struct kg_rival_round round;
	double round_cwnd;   /* when it began */
	int direction, same; /* of rounds */
};

static void init(void *self, const struct kg_rival_params *params)
{
	*(struct copa *)self = (struct copa){
		.cwnd = KG_RIVAL_WINDOW_FIRST,
		.round_cwnd = KG_RIVAL_WINDOW_FIRST,
		.velocity = 1,
		.slow_start = true,
	};
}

/* Once a round trip: a direction kept for three of them doubles the velocity. */
static void adapt_velocity(struct copa *c)
{
	int direction = c->cwnd > c->round_cwnd ? 1 : -1;

	c->same = direction == c->direction ? c->same + 1 : 0;
	c->velocity = c->same < 3 ? 1 : KG_MIN(2 * c->velocity, VELOCITY_MAX);
	c->direction = direction;
	c->round_cwnd = c->cwnd;
}

static void move(struct copa *c, bool up)
{
	double step = c->velocity / (DELTA * c->cwnd);

	/* A change of direction does not wait for the round to end. */
	if (c->direction != 0 && up != (c->direction > 0) && c->velocity > 1) {
		c->velocity = 1;
		c->same = 0;
		step = 1 / (DELTA * c->cwnd);
	}
	c->cwnd = KG_MAX(c->cwnd + (up ? step : -step), WINDOW_MIN);
}

static void on_ack(void *self, const struct kg_rival_ack *ack)
{
	struct copa *c = self;
	uint32_t least_us;
	double queued_s, target_pps;
	bool up;

	c->srtt_us = c->srtt_us == 0 ? ack->rtt_us : (7 * c->srtt_us + ack->rtt_us) / 8;
	c->standing_us = kg_rival_least_add(&c->standing, ack->now_us, c->srtt_us / 2, ack->rtt_us);
	least_us = kg_rival_least_add(&c->least, ack->now_us, MIN_SPAN_US, ack->rtt_us);
	queued_s = (c->standing_us - least_us) / 1e6;
	target_pps = queued_s > 0 ? 1 / (DELTA * queued_s) : HUGE_VAL;
	up = c->cwnd / (c->standing_us / 1e6) <= target_pps;
	if (kg_rival_round_ends(&c->round, ack))
		adapt_velocity(c);
	c->slow_start &= up;
	if (c->slow_start)
		c->cwnd++;
	else
		move(c, up);
}

static void on_loss(void *self, const struct kg_rival_loss *loss)
{
}

static void leave(const void *self, struct kg_rival_leave *leave)
{
	const struct copa *c = self;

	leave->window = c->cwnd;
	leave->pps = c->standing_us == 0 ? 0 : 2 * c->cwnd / (c->standing_us / 1e6);
}

const struct kg_rival_ops kg_rival_copa = {
	.bytes = sizeof(struct copa),
	.init = init,
	.on_ack = on_ack,
	.on_loss = on_loss,
	.leave = leave,
};
