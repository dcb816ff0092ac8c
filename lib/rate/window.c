/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keeps a window, for those who live beside others.
 *
 * Fair grows as CUBIC does (RFC 9438) and is cut as CUBIC is, so that one of those beside it keeps
 * its part: with each acknowledgement, two datagrams at a time, as those of a TCP are acknowledged,
 * and at the first loss, once for all that left before. But only losses while there is a queue cut
 * it. What is lost without one, up to two in a hundred more than is known of the path, is no
 * reason; more is tried, as rate.h has it.
 *
 * Others leave in larger bursts, and where a queue is full theirs are lost. That they are cut
 * shows: a full queue becomes shorter by itself. When they all have been, it is cut, too.
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

#define AT_ONCE 2.0f /* datagrams that one acknowledgement lets leave */

#define FULL_PART   0.875f /* of the queue in which the last losses were */
#define FALLEN      0.02f  /* of the round trip: no chance */
#define PART_LEAST  0.05f
#define PART_SMOOTH 4.0f
#define PART_FIRST  0.5f

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

/* What had left before a cut, or with it, is lost for the same reason. It grows with all that is
 * delivered. */
static void follow(struct kg_rate *r, const struct kg_rate_news *news)
{
	struct kg_rate_window *w = &r->window;

	if (r->kind == KG_RATE_FAIR && news->sent_us < w->cut_us + w->rtt_us / 2)
		r->lost = news->lost;
	if (news->backlogged)
		w->now += w->step * (float)(news->delivered - w->delivered);
	w->delivered = news->delivered;
	w->under_way = news->under_way;
}

void kg_rate_window_hear(struct kg_rate *r, const struct kg_rate_news *news)
{
	struct kg_rate_window *w = &r->window;

	follow(r, news);
	if (news->rtt_us == 0)
		return;
	if (w->stretch_least_us == 0 || news->rtt_us < w->stretch_least_us)
		w->stretch_least_us = news->rtt_us;
	if (w->rtt_us == 0)
		w->rtt_us = news->rtt_us;
	w->rtt_us += ((int32_t)news->rtt_us - (int32_t)w->rtt_us) / RTT_SMOOTH;
	forget_least(r, news->now_us);
}

/* Of this round, so far. */
static float mean_us(const struct kg_rate *r)
{
	return (float)r->round_sum_us / (float)KG_MAX(r->round_rtts, 1u);
}

/* On average, for a burst of its own waits for itself. */
static bool shows_queue(const struct kg_rate *r)
{
	return mean_us(r) > (float)(r->least_us + r->least_us / 8 + SEEN_US);
}

static bool shows_others(const struct kg_rate *r)
{
	return r->round_least_us > r->least_us + r->least_us / 16 + NOTICED_US;
}

/* ---- up and down ---- */

static void cut(struct kg_rate *r, float to, enum stage stage)
{
	struct kg_rate_window *w = &r->window;

	w->top = w->now < w->top ? w->now * (1 + BETA) / 2 : w->now;
	w->before = w->now;
	w->now = KG_MAX(w->now * to, WINDOW_LEAST);
	w->epoch_us = 0;
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

/* Towards what CUBIC would have a round trip from now. */
static void grow_as_cubic(struct kg_rate_window *w, const struct kg_rate_round *round)
{
	float s, curve, reno, to;

	if (w->epoch_us == 0)
		begin_epoch(w, round->now_us);
	s = (float)(round->now_us - w->epoch_us + w->rtt_us) / 1e6f - w->top_s;
	curve = C * s * s * s + w->top;
	reno = w->reno < w->before ? ALPHA : 1;
	w->reno += reno * round->delivered / w->now;
	to = KG_MIN(KG_MAX(curve, w->reno + reno), w->now * GROWTH_MOST);
	w->step = KG_MAX(to / w->now - 1, 0.0f);
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

/* ---- others ---- */

static bool is_full(const struct kg_rate *r, float us)
{
	float least_us = (float)r->least_us;

	return r->window.full_us > 0 && us >= least_us + FULL_PART * (r->window.full_us - least_us);
}

/* Of all that is under way what it has itself, by how much shorter a cut of its own has made the
 * queue. Where others were cut with it that is too much, and it gives way too often. */
static void note_part(struct kg_rate_window *w, float us)
{
	float part = (w->high_us - us) / w->high_us / (1 - BETA);

	part = KG_MIN(KG_MAX(part, PART_LEAST), 1.0f);
	w->part = w->part > 0 ? w->part + (part - w->part) / PART_SMOOTH : part;
	w->high_us = us;
	w->fallen = 0;
	w->is_own = false;
}

/* Since its own cut, as much as if each of them had been cut once. */
static bool have_others_been_cut(struct kg_rate *r)
{
	struct kg_rate_window *w = &r->window;
	float us = mean_us(r), fallen;

	w->falls &= !r->idle; /* else it may be its own doing */
	if (us > w->high_us) {
		w->high_us = us;
		w->falls = is_full(r, us);
		return false;
	}
	fallen = (w->high_us - us) / w->high_us;
	if (!w->falls || fallen < FALLEN)
		return false;
	w->fallen += fallen;
	w->high_us = us;
	return w->fallen >= (1 - BETA) * (1 - (w->part > 0 ? w->part : PART_FIRST));
}

static bool is_its_turn(struct kg_rate *r)
{
	if (r->kind != KG_RATE_FAIR || r->round_rtts == 0)
		return false;
	if (!r->window.is_own)
		return have_others_been_cut(r);
	note_part(&r->window, mean_us(r));
	return false;
}

static void cut_by_queue(struct kg_rate *r, uint64_t now_us)
{
	r->window.high_us = mean_us(r);
	r->window.is_own = true;
	r->window.cut_us = now_us;
	cut(r, BETA, CUT);
}

/* ---- rounds ---- */

static void go_on(struct kg_rate *r, const struct kg_rate_round *round)
{
	struct kg_rate_window *w = &r->window;
	bool full = round->loss > 0 && shows_queue(r);
	bool turn = is_its_turn(r);

	r->tolerated -= r->tolerated / 128;
	r->loss = round->loss;
	w->step = 0;
	if (full)
		w->full_us = mean_us(r);
	if (r->kind == KG_RATE_SCAVENGER && (full || shows_others(r)))
		give_way(r);
	else if (full || turn)
		cut_by_queue(r, round->now_us);
	else if (is_strange(r, round->loss))
		cut(r, BETA, TRYING);
	else if (w->stage == STARTING && shows_others(r))
		w->stage = GROWING;
	else
		grow(r, round);
	if (w->stage == GROWING || w->stage == STARTING)
		r->flat = 0;
}

/* Of fair; a scavenger gives way by rounds. */
bool kg_rate_window_is_hit(const struct kg_rate *r, const struct kg_rate_news *news)
{
	uint8_t stage = r->window.stage;

	return r->kind == KG_RATE_FAIR && (stage == STARTING || stage == GROWING) &&
	       (int32_t)(news->lost - r->lost) > 0 && shows_queue(r);
}

static void end_cut(struct kg_rate *r, const struct kg_rate_round *round)
{
	r->window.stage = GROWING;
	if (r->kind == KG_RATE_FAIR)
		grow(r, round);
}

void kg_rate_window_end(struct kg_rate *r, const struct kg_rate_round *round)
{
	struct kg_rate_window *w = &r->window;

	if (w->stage == CUT)
		end_cut(r, round);
	else if (w->stage == TRYING)
		w->stage = JUDGING;
	else if (w->stage == JUDGING)
		judge(r, round->loss);
	else
		go_on(r, round);
}

float kg_rate_window_window(const struct kg_rate *r)
{
	const struct kg_rate_window *w = &r->window;
	float under_way = (float)w->under_way;

	if (r->kind != KG_RATE_FAIR || under_way + AT_ONCE <= w->now)
		return w->now;
	return KG_MIN(under_way, w->now);
}

float kg_rate_window_pps(const struct kg_rate *r)
{
	const struct kg_rate_window *w = &r->window;
	float gain = w->stage == STARTING ? PACE_FIRST : PACE;

	return w->rtt_us == 0 ? 0 : gain * w->now * 1e6f / (float)w->rtt_us;
}
