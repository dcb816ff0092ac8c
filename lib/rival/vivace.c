/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PCC Vivace (Dong and others, NSDI 2018): intervals of a round trip at slightly different rates,
 * a utility of each, and a step along its gradient. Its numbers are the paper's; a falling round
 * trip earns nothing, as in their later Proteus (SIGCOMM 2020), or few samples would earn much by
 * chance.
 */
#include "rival/vivace.h"

#include <math.h>
#include <string.h>

/* u(x) = x^t - b x d(RTT)/dT - c x L, x in Mbit/s */
#define EXPONENT   0.9
#define DELAY_COST 900.0
#define LOSS_COST  11.35

#define EPSILON      0.05
#define PAIRS        2
#define THETA        1.0  /* Mbit/s per unit of gradient */
#define BOUND_FIRST  0.05 /* of the rate, for one step */
#define BOUND_GROWTH 0.1
#define NOISE        0.01 /* a smaller gradient of the round trip is none */
#define PROBES       (2 * PAIRS)
#define PACKETS_MIN  10
#define REORDERED    4 /* datagrams behind an interval's end that prove it complete */

struct interval {
	uint64_t begins_us, ends_us;
	double pps;
	bool complete;
	/* what became of its datagrams; times in s from its beginning, for the regression */
	double acked, lost, t, r, tt, tr;
};

struct vivace {
	struct kg_rng *rng;
	double mbit_per_pps;
	double pps; /* the base */
	bool starting;
	double start_utility; /* of the interval before; NaN: none */
	struct interval of[PROBES];
	uint32_t count, now_at; /* intervals of this experiment; which one runs, count: none */
	uint32_t srtt_us;
	int sign;       /* of the last steps */
	uint32_t steps; /* in this direction */
	uint32_t bounded;
};

static void init(void *self, const struct kg_rival_params *params)
{
	*(struct vivace *)self = (struct vivace){
		.rng = params->rng,
		.mbit_per_pps = params->wire_bytes * 8 / 1e6,
		.starting = true,
		.start_utility = NAN,
	};
}

/* ---- utility ---- */

static double rtt_gradient(const struct interval *i)
{
	double spread = i->acked * i->tt - i->t * i->t, gradient;

	if (i->acked < 2 || spread <= 0)
		return 0;
	gradient = (i->acked * i->tr - i->t * i->r) / spread;
	return gradient < NOISE ? 0 : gradient;
}

double kg_vivace_utility(double mbit, double gradient, double loss)
{
	return pow(mbit, EXPONENT) - DELAY_COST * mbit * gradient - LOSS_COST * mbit * loss;
}

static double utility(const struct vivace *v, const struct interval *i)
{
	double all = i->acked + i->lost;

	return kg_vivace_utility(i->pps * v->mbit_per_pps, rtt_gradient(i),
				 all > 0 ? i->lost / all : 0);
}

/* ---- intervals ---- */

static void begin_interval(struct vivace *v, uint64_t now_us)
{
	struct interval *i = &v->of[v->now_at];
	double length_us = KG_MAX(v->srtt_us, PACKETS_MIN / i->pps * 1e6);

	i->begins_us = now_us;
	i->ends_us = now_us + (uint64_t)length_us;
}

/* One interval at the base rate, or pairs of a little more and a little less, in random order. */
static void begin_experiment(struct vivace *v, uint64_t now_us)
{
	memset(v->of, 0, sizeof(v->of));
	v->count = v->starting ? 1 : PROBES;
	v->now_at = 0;
	for (uint32_t i = 0; i < v->count; i += 2) {
		double up = kg_rng_below(v->rng, 2) > 0 ? EPSILON : -EPSILON;

		v->of[i].pps = v->starting ? v->pps : v->pps * (1 + up);
		if (!v->starting)
			v->of[i + 1].pps = v->pps * (1 - up);
	}
	begin_interval(v, now_us);
}

static void advance(struct vivace *v, uint64_t now_us)
{
	if (v->now_at == v->count || now_us < v->of[v->now_at].ends_us)
		return;
	if (++v->now_at < v->count)
		begin_interval(v, now_us);
}

/* Ends intervals that nothing more will be heard of. */
static void complete(struct vivace *v, uint64_t sent_us)
{
	for (uint32_t i = 0; i < v->count; i++) {
		struct interval *of = &v->of[i];

		of->complete |= of->ends_us > 0 &&
				sent_us > of->ends_us + (uint64_t)(REORDERED / v->pps * 1e6);
	}
}

static struct interval *interval_of(struct vivace *v, uint64_t sent_us)
{
	for (uint32_t i = 0; i < v->count; i++) {
		if (sent_us >= v->of[i].begins_us && sent_us < v->of[i].ends_us)
			return &v->of[i];
	}
	return NULL;
}

/* ---- decisions ---- */

static void judge_start(struct vivace *v)
{
	double u = utility(v, &v->of[0]);

	if (!isnan(v->start_utility) && u < v->start_utility) {
		v->starting = false;
		v->pps /= 2;
		return;
	}
	v->start_utility = u;
	v->pps *= 2;
}

/* How many times the gradient a step is: more, the longer it goes one way. */
static double amplifier(uint32_t steps)
{
	return steps <= 3 ? steps : 2.0 * steps - 3;
}

static void step(struct vivace *v, double gradient)
{
	int sign = gradient > 0 ? 1 : -1;
	double mbit = v->pps * v->mbit_per_pps, change, bound;

	v->steps = sign == v->sign ? v->steps + 1 : 1;
	v->bounded = sign == v->sign ? v->bounded : 0;
	v->sign = sign;
	change = fabs(amplifier(v->steps) * THETA * gradient);
	bound = (BOUND_FIRST + BOUND_GROWTH * v->bounded) * mbit;
	if (change > bound)
		v->bounded++;
	else
		v->bounded = change > (BOUND_FIRST + BOUND_GROWTH * v->bounded) / 2 * mbit
				     ? v->bounded
				     : 0;
	mbit += sign * KG_MIN(change, bound);
	v->pps = KG_MAX(mbit / v->mbit_per_pps, 2 / (v->srtt_us / 1e6));
}

/* Both pairs must agree; else it is tried again. */
static void judge_pairs(struct vivace *v)
{
	double gradient = 0;
	int agreed = 0;

	for (uint32_t i = 0; i < PROBES; i += 2) {
		double dx = (v->of[i].pps - v->of[i + 1].pps) * v->mbit_per_pps;
		double g = (utility(v, &v->of[i]) - utility(v, &v->of[i + 1])) / dx;

		gradient += g / PAIRS;
		agreed += g > 0 ? 1 : -1;
	}
	if (agreed == PAIRS || agreed == -PAIRS)
		step(v, gradient);
}

static void look(struct vivace *v, uint64_t now_us, uint64_t sent_us)
{
	complete(v, sent_us);
	advance(v, now_us);
	if (v->now_at < v->count || !v->of[v->count - 1].complete)
		return;
	if (v->starting)
		judge_start(v);
	else
		judge_pairs(v);
	begin_experiment(v, now_us);
}

static void on_ack(void *self, const struct kg_rival_ack *ack)
{
	struct vivace *v = self;
	struct interval *i;

	v->srtt_us = v->srtt_us == 0 ? ack->rtt_us : (7 * v->srtt_us + ack->rtt_us) / 8;
	if (v->pps == 0) {
		v->pps = KG_RIVAL_WINDOW_FIRST / (ack->rtt_us / 1e6);
		begin_experiment(v, ack->now_us);
	}
	i = interval_of(v, ack->sent_us);
	if (i != NULL) {
		double t = (double)(ack->sent_us - i->begins_us) / 1e6, r = ack->rtt_us / 1e6;

		i->acked++;
		i->t += t;
		i->r += r;
		i->tt += t * t;
		i->tr += t * r;
	}
	look(v, ack->now_us, ack->sent_us);
}

static void on_loss(void *self, const struct kg_rival_loss *loss)
{
	struct vivace *v = self;
	struct interval *i = interval_of(v, loss->sent_us);

	if (i != NULL)
		i->lost++;
}

static void on_silence(void *self, uint64_t now_us)
{
	struct vivace *v = self;

	if (v->pps == 0)
		return;
	v->starting = false;
	v->pps /= 2;
	begin_experiment(v, now_us);
}

/* The window only keeps a path that is silent from being flooded. */
static void leave(const void *self, struct kg_rival_leave *leave)
{
	const struct vivace *v = self;

	*leave = (struct kg_rival_leave){ .window = KG_RIVAL_WINDOW_FIRST };
	if (v->pps == 0)
		return;
	leave->pps = v->now_at < v->count ? v->of[v->now_at].pps : v->pps;
	leave->window = KG_MAX(3 * leave->pps * v->srtt_us / 1e6, KG_RIVAL_WINDOW_FIRST);
}

const struct kg_rival_ops kg_rival_vivace = {
	.bytes = sizeof(struct vivace),
	.init = init,
	.on_ack = on_ack,
	.on_loss = on_loss,
	.on_silence = on_silence,
	.leave = leave,
};
