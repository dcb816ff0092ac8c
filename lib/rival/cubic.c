/* SPDX-License-Identifier: BSD-3-Clause */
/* CUBIC, RFC 9438, with plain slow start and fast convergence; no pacing. It does not grow until
 * what left before a cut has been heard of (RFC 6675 §5). */
#include "rival/rival.h"

#include <math.h>

#define C    0.4 /* RFC 9438 §4.1.1 */
#define BETA 0.7

/* RFC 9438 §4.3: what Reno would do with this beta. */
#define ALPHA (3 * (1 - BETA) / (1 + BETA))

struct cubic {
	double cwnd, ssthresh;
	double w_max, w_est, cwnd_prior, k_s;
	uint64_t epoch_us;   /* 0: none yet */
	uint64_t reduced_us; /* what left before is of the loss that reduced */
};

static void init(void *self, const struct kg_rival_params *params)
{
	*(struct cubic *)self =
		(struct cubic){ .cwnd = KG_RIVAL_WINDOW_FIRST, .ssthresh = HUGE_VAL };
}

static double curve(const struct cubic *c, double t_s)
{
	return C * pow(t_s - c->k_s, 3) + c->w_max;
}

static void begin_epoch(struct cubic *c, uint64_t now_us)
{
	c->epoch_us = now_us;
	c->w_max = KG_MAX(c->w_max, c->cwnd);
	c->k_s = cbrt((c->w_max - c->cwnd) / C);
	c->w_est = c->cwnd;
}

static void avoid_congestion(struct cubic *c, const struct kg_rival_ack *ack)
{
	double t_s, target;

	if (c->epoch_us == 0)
		begin_epoch(c, ack->now_us);
	t_s = (double)(ack->now_us - c->epoch_us) / 1e6;
	c->w_est += (c->w_est < c->cwnd_prior ? ALPHA : 1) / c->cwnd;
	if (curve(c, t_s) < c->w_est) {
		c->cwnd = KG_MAX(c->cwnd, c->w_est);
		return;
	}
	target = curve(c, t_s + ack->rtt_us / 1e6);
	target = KG_MIN(KG_MAX(target, c->cwnd), 1.5 * c->cwnd);
	c->cwnd += (target - c->cwnd) / c->cwnd;
}

static void on_ack(void *self, const struct kg_rival_ack *ack)
{
	struct cubic *c = self;

	if (ack->sent_us < c->reduced_us)
		return;
	if (c->cwnd < c->ssthresh)
		c->cwnd++;
	else
		avoid_congestion(c, ack);
}

static void reduce(struct cubic *c, uint64_t now_us)
{
	/* fast convergence, RFC 9438 §4.7 */
	c->w_max = c->cwnd < c->w_max ? c->cwnd * (1 + BETA) / 2 : c->cwnd;
	c->cwnd_prior = c->cwnd;
	c->ssthresh = KG_MAX(c->cwnd * BETA, 2);
	c->epoch_us = 0;
	c->reduced_us = now_us;
}

static void on_loss(void *self, const struct kg_rival_loss *loss)
{
	struct cubic *c = self;

	if (loss->sent_us < c->reduced_us)
		return;
	reduce(c, loss->now_us);
	c->cwnd = c->ssthresh;
}

static void on_silence(void *self, uint64_t now_us)
{
	struct cubic *c = self;

	reduce(c, now_us);
	c->cwnd = 1;
}

static void leave(const void *self, struct kg_rival_leave *leave)
{
	*leave = (struct kg_rival_leave){ .window = ((const struct cubic *)self)->cwnd };
}

const struct kg_rival_ops kg_rival_cubic = {
	.bytes = sizeof(struct cubic),
	.init = init,
	.on_ack = on_ack,
	.on_loss = on_loss,
	.on_silence = on_silence,
	.leave = leave,
};
