/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keeps a window, for those who live beside others.
 *
 * Fair grows as CUBIC does (RFC 9438) and is cut as CUBIC is, so that one of those beside it keeps
 * its part; but only by losses while there is a queue. What is lost without one, up to two in a
 * hundred more than is known of the path, is no reason; more is tried, as rate.h has it. Its
 * datagrams leave evenly, so where a queue is full all the time those of others are lost, who leave
 * in bursts. That is a reason, too.
 *
 * The scavenger wants no queue at all. While even the fastest of a round has waited, somebody else
 * is there: it gives way, and comes back slowly.
 */
#include "rate/internal.h"

#define WINDOW_FIRST 32.0f
#define WINDOW_LEAST 2.0f
#define PACE         1.25f /* so that the window is what limits */
#define PACE_FIRST   2.0f
#define GROWTH_MOST  1.5f /* in a round */
#define RTT_SMOOTH   8

/* RFC 9438 §4.1.1, §4.3 and §4.7 */
#define C     0.4f
#define BETA  0.7f
#define ALPHA (3 * (1 - BETA) / (1 + BETA))

#define FULL_PART 0.875f /* of the queue in which the last losses were */
#define SPARED    0.6f   /* of the time that it takes to come back from a cut */

#define GIVE_WAY    0.5f
#define TAKE_BACK   0.95f
#define COME_BACK   32.0f /* a part of the window in each round */
#define NOTICED_US  1000u /* and a sixteenth of the least round trip: somebody waits */
#define SEEN_US     2000u /* and an eighth: a queue */
#define LOSS_MORE   0.02f
#define FORGET_US   (10u * KG_US_PER_S)
#define FORGET_MORE 6u /* times as long: who gives way sees others' queues all the time */

enum stage {
	STARTING, /* twice as much each round */
	GROWING,
	CUT,    /* what left before arrives */
	TRYING, /* likewise, and it was to see whether losses are our doing */
	JUDGING,
};

void kg_rate_window_init(struct kg_rate *r, uint64_t now_us)
{
	r->window = (struct kg_rate_window){ .now = WINDOW_FIRST, .stretch_us = now_us };
}

/* ---- what is measured ---- */

/* A way may have become longer: the least of so long ago is forgotten, that of the last stretch
 * is not. */
static void forget_least(struct kg_rate *r, uint64_t now_us)
{
	struct kg_rate_window *w = &r->window;
	uint64_t after_us = FORGET_US * (r->kind == KG_RATE_SCAVENGER ? FORGET_MORE : 1u);

	if (now_us - w->stretch_us < after_us)
		return;
	if (w->stretch_least_us != 0)
		r->least_us = w->stretch_least_us;
	w->stretch_least_us = 0;
	w->stretch_us = now_us;
}

void kg_rate_window_hear(struct kg_rate *r, const struct kg_rate_news *news)
{
	struct kg_rate_window *w = &r->window;

	if (news->rtt_us == 0)
		return;
	if (w->stretch_least_us == 0 || news->rtt_us < w->stretch_least_us)
		w->stretch_least_us = news->rtt_us;
	if (w->rtt_us == 0)
		w->rtt_us = news->rtt_us;
	w->rtt_us += ((int32_t)news->rtt_us - (int32_t)w->rtt_us) / RTT_SMOOTH;
	forget_least(r, news->now_us);
}

static bool shows_queue(const struct kg_rate *r)
{
	return r->round_most_us > r->least_us + r->least_us / 8 + SEEN_US;
}

static bool shows_others(const struct kg_rate *r)
{
	return r->round_least_us > r->least_us + r->least_us / 16 + NOTICED_US;
}

static float mean_us(const struct kg_rate *r)
{
	return (float)r->round_sum_us / (float)KG_MAX(r->round_rtts, 1u);
}

/* ---- up and down ---- */

static void cut(struct kg_rate *r, float to, enum stage stage)
{
	struct kg_rate_window *w = &r->window;

	w->top = w->now < w->top ? w->now * (1 + BETA) / 2 : w->now;
	w->before = w->now;
	w->now = KG_MAX(w->now * to, WINDOW_LEAST);
	w->epoch_us = w->full_since_us = 0;
	w->stage = (uint8_t)stage;
}

/* By Newton's way; near enough after so many steps for what a window can be. */
static float cube_root(float x)
{
	float root = KG_MAX(x / 16, 1.0f);

	for (int i = 0; i < 16 && x > 0; i++)
		root -= (root - x / (root * root)) / 3;
	return x > 0 ? root : 0;
}

static void begin_epoch(struct kg_rate_window *w, uint64_t now_us)
{
	w->epoch_us = now_us;
	w->top = KG_MAX(w->top, w->now);
	w->top_s = cube_root((w->top - w->now) / C);
	w->reno = w->now;
}

static void grow_as_cubic(struct kg_rate_window *w, const struct kg_rate_round *round)
{
	float s, curve;

	if (w->epoch_us == 0)
		begin_epoch(w, round->now_us);
	s = (float)(round->now_us - w->epoch_us + w->rtt_us) / 1e6f - w->top_s;
	curve = C * s * s * s + w->top;
	w->reno += (w->reno < w->before ? ALPHA : 1) * round->delivered / w->now;
	w->now = KG_MAX(w->now, KG_MIN(KG_MAX(curve, w->reno), w->now * GROWTH_MOST));
}

static void grow(struct kg_rate *r, const struct kg_rate_round *round)
{
	struct kg_rate_window *w = &r->window;

	if (r->idle)
		return;
	if (w->stage == STARTING)
		w->now += KG_MIN(round->delivered, w->now);
	else if (r->kind == KG_RATE_FAIR)
		grow_as_cubic(w, round);
	else
		w->now += KG_MAX(w->now / COME_BACK, 1.0f);
}

/* It lost more than is known of the path, and nothing has waited for anything. */
static bool is_strange(const struct kg_rate *r, float loss)
{
	return loss > r->tolerated + LOSS_MORE;
}

static void judge(struct kg_rate *r, float loss)
{
	struct kg_rate_window *w = &r->window;

	if (!kg_rate_is_ours(loss, r->loss, w->before / w->now)) {
		w->now = w->before;
		r->tolerated = KG_MAX(loss, r->loss);
	}
	w->stage = GROWING;
}

/* A queue may be its own: it takes that back first. If somebody waits all the same, more. */
static void give_way(struct kg_rate *r)
{
	float own = TAKE_BACK * (float)r->least_us / (float)r->round_least_us;

	cut(r, r->flat > 0 ? GIVE_WAY : KG_MAX(own, GIVE_WAY), CUT);
	r->flat = 1;
}

/* The queue has been full for long, and what is lost in it are others'. */
static bool is_spared(struct kg_rate *r, uint64_t now_us)
{
	struct kg_rate_window *w = &r->window;
	float least_us = (float)r->least_us;

	if (w->full_us <= 0 || mean_us(r) < least_us + FULL_PART * (w->full_us - least_us))
		w->full_since_us = 0;
	else if (w->full_since_us == 0)
		w->full_since_us = now_us;
	return w->full_since_us != 0 &&
	       (float)(now_us - w->full_since_us) > SPARED * w->top_s * 1e6f;
}

static void go_on(struct kg_rate *r, const struct kg_rate_round *round)
{
	struct kg_rate_window *w = &r->window;
	bool full = round->loss > 0 && shows_queue(r);
	bool spared = r->kind == KG_RATE_FAIR && is_spared(r, round->now_us);

	r->tolerated -= r->tolerated / 128;
	r->loss = round->loss;
	if (full)
		w->full_us = mean_us(r);
	if (r->kind == KG_RATE_SCAVENGER && (full || shows_others(r)))
		give_way(r);
	else if (full || spared)
		cut(r, BETA, CUT);
	else if (is_strange(r, round->loss))
		cut(r, BETA, TRYING);
	else if (w->stage == STARTING && shows_others(r))
		w->stage = GROWING;
	else
		grow(r, round);
	if (w->stage == GROWING || w->stage == STARTING)
		r->flat = 0;
}

void kg_rate_window_end(struct kg_rate *r, const struct kg_rate_round *round)
{
	struct kg_rate_window *w = &r->window;

	if (w->stage == CUT)
		w->stage = GROWING;
	else if (w->stage == TRYING)
		w->stage = JUDGING;
	else if (w->stage == JUDGING)
		judge(r, round->loss);
	else
		go_on(r, round);
}

float kg_rate_window_pps(const struct kg_rate *r)
{
	const struct kg_rate_window *w = &r->window;
	float gain = w->stage == STARTING ? PACE_FIRST : PACE;

	return w->rtt_us == 0 ? 0 : gain * w->now * 1e6f / (float)w->rtt_us;
}
