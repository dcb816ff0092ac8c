/* SPDX-License-Identifier: BSD-3-Clause */
/* Goes from stage to stage as rounds end, and says what each stage allows. */
#include "rate/internal.h"

#define WINDOW_FIRST    32.0f
#define WINDOW_LEAST    4.0f
#define PACE_LEAST      2.0f /* in a round trip, whatever got through */
#define ENOUGH          16u  /* datagrams make a round */
#define ENOUGH_TO_JUDGE 48u

#define FULL_GROWTH 2.0f
#define FLAT        2u
#define FLAT_EMPTY  8u /* careful: with no queue, and nothing lost */
#define FLAT_LOSS   0.25f
#define WAITED      8u    /* in a row */
#define WAITED_US   1000u /* and a sixteenth of the least round trip */
#define BURST       2u    /* rounds that hear of the first burst, which waits for itself */
#define CRUISE      0.99f
#define CUT         0.95f
#define CUT_MOST    0.5f
#define QUEUE_PART  0.2f    /* of the least round trip, that a queue may be */
#define QUEUE_US    5000.0f /* or so long */
#define REST_US     500u
#define FEW_IN_PIPE 128.0f /* chance says much of a round */
#define ANY_IN_PIPE 16.0f  /* a window of so few is all queue */
#define PART_LEAST  0.6f
#define PART_PKTS   2.0f
#define PART_GAIN   0.125f
#define ROOM_PART   0.75f
#define ROOM_MORE   1.25f
#define SEEN_US     2000u /* beyond an eighth of the least round trip: a queue */
#define QUIET_US    500u
#define QUIET_PART  8u
#define QUIET_FEW   4.0f
#define FORGET_US   (10u * KG_US_PER_S)
#define DIP         0.5f
#define DIP_FEW     0.75f /* their queue is empty now and then anyway */
#define FULL        2u

#define PAUSE_LEAST 6u
#define PAUSE_MOST  16u
#define PAUSE_LONG  60u /* where more made only losses */

#define TOLERATED_MOST 0.5f

#define LOSS_SMOOTH 4.0f
#define LOSS_MORE   0.02f /* than is tolerated */

/* How a start grows, and a probe, and what of that makes a difference. */
struct boldness {
	float growth, grown, probe, probe_grown, yield;
	uint8_t grows; /* probes in a row that make a start */
};

/* What is delivered doubles in each round of a start, and a little more. */
static const struct boldness bold = { 2.77f, 1.25f, 1.25f, 1.08f, 0.8f, 2 };
static const struct boldness careful = { 1.25f, 1.1f, 1.08f, 1.03f, 0.92f, UINT8_MAX };

static const struct boldness *boldness(const struct kg_rate *r)
{
	return r->careful ? &careful : &bold;
}

void kg_rate_init(struct kg_rate *r, const struct kg_rate_params *params, uint64_t now_us)
{
	*r = (struct kg_rate){
		.began_us = now_us,
		.sent_us = now_us,
		.last_us = now_us,
		.delivered = params->delivered,
		.lost = params->lost,
		.seed = params->seed | 1,
		.kind = (uint8_t)params->kind,
		.pause = PAUSE_LEAST,
		.part = 1,
		.careful = params->careful,
	};
	if (params->kind == KG_RATE_TOLD)
		r->pps = (float)KG_MAX(params->told_pps, 1u);
	else if (params->kind != KG_RATE_FOUND_OUT)
		kg_rate_window_init(r, now_us);
}

static uint32_t chance(struct kg_rate *r, uint32_t below)
{
	r->seed ^= r->seed << 13;
	r->seed ^= r->seed >> 17;
	r->seed ^= r->seed << 5;
	return r->seed % below;
}

/* What is under way without a queue. */
static float pipe_of(const struct kg_rate *r)
{
	return r->pps * (float)r->least_us / 1e6f;
}

/* How long a queue may be. */
static float queue_us(const struct kg_rate *r)
{
	float us = KG_MAX((float)r->least_us * QUEUE_PART, QUEUE_US);

	return r->room_us > 0 ? KG_MIN(us, r->room_us) : us;
}

/* ---- what is measured ---- */

static void best_of_rounds(struct kg_rate *r)
{
	r->pps = 0;
	for (size_t i = 0; i < KG_RATE_ROUNDS; i++)
		r->pps = KG_MAX(r->pps, r->rounds[i]);
}

/* What is lost, as far as it was found to be lost whatever is sent. */
static float lost_anyway(const struct kg_rate *r)
{
	return KG_MIN(KG_MIN(r->random, r->loss), TOLERATED_MOST);
}

/* Of what left at a gain so much was delivered: what the path would take. What it loses whatever
 * is sent has been sent, too. */
static void note_rate(struct kg_rate *r, float delivered_pps, float gain)
{
	float pps = delivered_pps / gain / (1 - lost_anyway(r));

	if (r->idle && pps < r->pps)
		return;
	r->rounds[r->at] = pps;
	r->at = (uint8_t)((r->at + 1) % KG_RATE_ROUNDS);
	best_of_rounds(r);
}

static void set_rate(struct kg_rate *r, float pps)
{
	for (size_t i = 0; i < KG_RATE_ROUNDS; i++)
		r->rounds[i] = 0;
	r->rounds[r->at] = r->pps = pps;
}

/* A path takes bytes, and rates are of datagrams: of those that are as long as this round's. In a
 * first round nothing is known that could be of others. */
static void note_bytes(struct kg_rate *r)
{
	float bytes, times;

	if (r->round_bytes == 0 || r->pps <= 0)
		return;
	bytes = (float)r->round_bytes / (float)r->round_segments;
	times = r->bytes > 0 ? r->bytes / bytes : 1;
	for (size_t i = 0; i < KG_RATE_ROUNDS; i++)
		r->rounds[i] *= times;
	r->pps *= times;
	r->before_pps *= times;
	r->bytes = bytes;
}

static void note_rtt(struct kg_rate *r, const struct kg_rate_news *news)
{
	if (news->rtt_us == 0)
		return;
	r->round_rtts++;
	r->round_sum_us += news->rtt_us;
	r->round_most_us = KG_MAX(r->round_most_us, news->rtt_us);
	if (r->round_least_us == 0 || news->rtt_us < r->round_least_us)
		r->round_least_us = news->rtt_us;
	if (r->least_us != 0 && news->rtt_us > r->least_us)
		return;
	r->least_us = news->rtt_us;
	r->least_at_us = news->now_us;
}

/* ---- stages ---- */

static void cruise(struct kg_rate *r, uint32_t rounds)
{
	r->stage = KG_RATE_CRUISING;
	r->left = (uint8_t)(rounds / 2 + chance(r, rounds + 1));
	r->fresh = true;
	r->loss = r->tolerated;
}

static bool shows_queue(const struct kg_rate *r, uint32_t rtt_us)
{
	return rtt_us > r->least_us + r->least_us / 8 + SEEN_US;
}

/* What leaves faster since a round's end arrives in the next but one. */
static void dip(struct kg_rate *r)
{
	r->stage = KG_RATE_DIPPING;
	r->left = 1;
	r->full = 0;
}

/* Not even the fastest of the round found the queue empty. */
static bool shows_rest(const struct kg_rate *r)
{
	return r->round_least_us > r->least_us + r->least_us / 64 + REST_US;
}

/* Where a start is careful a machine that is busy for some milliseconds hides what a round has
 * grown. But what the path does not take waits, or is lost. */
static bool is_flat(const struct kg_rate *r, float loss)
{
	bool empty = r->careful && !shows_rest(r) && loss <= LOSS_MORE;

	return r->flat >= (empty ? FLAT_EMPTY : FLAT);
}

/* Where much is lost and no more arrives the path has no more, although more might have left: what
 * holds it back, as the peer's window does, is wider than the path. */
static void end_start(struct kg_rate *r, float pps, uint32_t rtt_us, float loss)
{
	bool grown = pps > r->pps * boldness(r)->grown;

	if (!r->idle && pps < r->pps * FULL_GROWTH &&
	    shows_queue(r, r->careful ? r->round_least_us : rtt_us))
		r->flat = FLAT;
	else if (!grown && ((!r->fresh && !r->idle) || loss > FLAT_LOSS))
		r->flat++;
	else if (grown)
		r->flat = 0;
	r->fresh = grown;
	r->stage = KG_RATE_STARTING;
	note_rate(r, pps, 1);
	if (!is_flat(r, loss))
		return;
	r->flat = 0;
	r->stage = KG_RATE_DRAINING;
}

static void try_cut(struct kg_rate *r)
{
	r->before_pps = r->pps;
	set_rate(r, r->pps * (1 - KG_MIN(r->loss - r->tolerated, CUT_MOST)) * CUT);
	r->stage = KG_RATE_SETTLING;
}

static bool has_few(const struct kg_rate *r)
{
	return pipe_of(r) <= FEW_IN_PIPE;
}

/* The best of ten rounds is more than the path has where a round is so few datagrams that chance
 * decides, and the window with it. Then so much less may be under way that the round trip has, on
 * average, as much queue as it may. Slowly, for what chance does to a round is no reason. */
static void fit_window(struct kg_rate *r)
{
	float least_us = (float)r->least_us, wanted_us, part;

	if (r->round_rtts == 0 || !has_few(r) || pipe_of(r) < ANY_IN_PIPE) {
		r->part = 1;
		return;
	}
	wanted_us = least_us + queue_us(r) + PART_PKTS * 1e6f / r->pps;
	part = wanted_us * (float)r->round_rtts / (float)r->round_sum_us;
	part = r->part * (1 + PART_GAIN * (part - 1));
	r->part = KG_MIN(KG_MAX(part, PART_LEAST), 1.0f);
}

static void end_cruise(struct kg_rate *r, float pps, float loss)
{
	if (r->fresh) {
		r->fresh = false;
		return;
	}
	note_rate(r, pps, shows_rest(r) ? 1 : CRUISE);
	fit_window(r);
	r->loss += (loss - r->loss) / LOSS_SMOOTH;
	r->tolerated -= r->tolerated / 128;
	if (r->loss > r->tolerated * 1.25f + LOSS_MORE && !r->idle)
		try_cut(r);
	else if (r->left > 0)
		r->left--;
	else if (!r->idle)
		r->stage = KG_RATE_PROBING;
}

/* Where the queue was never empty although less was sent, it may be full of others'. */
static void judge(struct kg_rate *r, float loss)
{
	bool full = shows_rest(r) && pipe_of(r) >= ANY_IN_PIPE;

	if (full || kg_rate_is_ours(loss, r->loss, r->before_pps / r->pps)) {
		r->pause = PAUSE_LEAST;
		r->random = KG_MIN(r->random, r->tolerated);
	} else {
		set_rate(r, r->before_pps);
		r->tolerated = r->random = KG_MAX(loss, r->loss);
	}
	cruise(r, r->pause);
}

/* One probe after the other has brought more: there is much more than was known. */
static void start_again(struct kg_rate *r)
{
	r->stage = KG_RATE_STARTING;
	r->grows = r->flat = 0;
	r->fresh = false;
}

/* What a probe loses behind a queue tells how long that can be; what loses nothing, that it may be
 * longer. */
static void note_room(struct kg_rate *r, float loss)
{
	float seen_us = (float)r->round_most_us - (float)r->least_us;

	if (!has_few(r) && loss > r->loss + LOSS_MORE && seen_us > SEEN_US)
		r->room_us = ROOM_PART * seen_us;
	else
		r->room_us *= ROOM_MORE;
}

static void end_yield(struct kg_rate *r, float pps, float loss)
{
	const struct boldness *b = boldness(r);
	bool grown = pps > r->before_pps * (1 - r->tolerated) * b->probe_grown;
	bool capped = !grown && kg_rate_is_ours(r->loss, loss, b->probe / CRUISE);

	note_room(r, loss);

	if (capped)
		r->random = r->tolerated /= 2; /* some of it may have been our doing */
	else
		note_rate(r, pps, 1);
	if (grown)
		r->pause = PAUSE_LEAST;
	else if (capped)
		r->pause = PAUSE_LONG;
	else
		r->pause = (uint8_t)KG_MIN(r->pause + 2u, PAUSE_MOST);
	r->grows = grown ? (uint8_t)(r->grows + 1) : 0;
	cruise(r, grown ? 1 : r->pause);
	if (r->grows >= b->grows)
		start_again(r);
	r->full = shows_queue(r, r->round_least_us) ? (uint8_t)(r->full + 1) : 0;
	if (r->full >= FULL)
		dip(r);
}

static void end_dip(struct kg_rate *r, uint64_t now_us)
{
	if (r->left-- > 0)
		return;
	r->least_us = r->round_least_us;
	r->least_at_us = now_us;
	cruise(r, r->pause);
}

/* What is heard of together after a silence has not been delivered so fast as that: it took no less
 * time than it took to leave. */
static float took_us(const struct kg_rate *r, const struct kg_rate_news *news)
{
	uint64_t sent_us = news->sent_us - KG_MIN(r->sent_us, news->sent_us);
	uint64_t took_us = news->now_us - r->began_us;
	bool quiet = r->quiet_us != 0 && r->quiet_us + QUIET_US >= r->began_us;

	return (float)KG_MAX(quiet ? KG_MAX(took_us, sent_us) : took_us, 1ull);
}

static void end_stage(struct kg_rate *r, const struct kg_rate_round *round)
{
	note_bytes(r);
	switch ((enum kg_rate_stage)r->stage) {
	case KG_RATE_STARTING:
	case KG_RATE_BRAKING:
		end_start(r, round->pps, round->rtt_us, round->loss);
		break;
	case KG_RATE_DRAINING:
		if (++r->flat >= FLAT) {
			r->flat = 0;
			cruise(r, r->pause);
		}
		break;
	case KG_RATE_CRUISING:
		end_cruise(r, round->pps, round->loss);
		break;
	case KG_RATE_PROBING:
		note_rate(r, round->pps, CRUISE);
		r->before_pps = r->pps;
		r->loss = round->loss;
		r->stage = KG_RATE_YIELDING;
		break;
	case KG_RATE_YIELDING:
		end_yield(r, round->pps, round->loss);
		break;
	case KG_RATE_SETTLING:
		r->loss = round->loss;
		r->stage = KG_RATE_JUDGING;
		break;
	case KG_RATE_JUDGING:
		judge(r, round->loss);
		break;
	case KG_RATE_DIPPING:
		end_dip(r, round->now_us);
		break;
	}
	if (r->stage == KG_RATE_CRUISING && round->now_us - r->least_at_us > FORGET_US)
		dip(r);
}

static void end_round(struct kg_rate *r, const struct kg_rate_news *news)
{
	float delivered = (float)(news->delivered - r->delivered);
	float lost = KG_MAX((float)(int32_t)(news->lost - r->lost), 0.0f);
	const struct kg_rate_round round = {
		.now_us = news->now_us,
		.rtt_us = news->rtt_us,
		.delivered = delivered,
		.pps = delivered * 1e6f / took_us(r, news),
		.loss = lost / KG_MAX(delivered + lost, 1.0f),
	};

	if (r->kind == KG_RATE_FOUND_OUT)
		end_stage(r, &round);
	else if (r->kind == KG_RATE_TOLD)
		kg_rate_told_end(r, &round);
	else
		kg_rate_window_end(r, &round);
}

static bool is_over(const struct kg_rate *r, const struct kg_rate_news *news)
{
	uint32_t enough = r->stage == KG_RATE_JUDGING ? ENOUGH_TO_JUDGE : ENOUGH;

	return kg_rate_window_is_hit(r, news) ||
	       (news->sent_us >= r->began_us && news->delivered - r->delivered >= enough);
}

/* For longer than a few datagrams take, and a part of the round trip. */
static void note_quiet(struct kg_rate *r, uint64_t now_us)
{
	float few_us = r->pps > 0 ? QUIET_FEW * 1e6f / r->pps : 0;
	float least_us = (float)KG_MAX(r->least_us / QUIET_PART, QUIET_US);

	if ((float)(now_us - r->last_us) > KG_MAX(few_us, least_us))
		r->quiet_us = now_us;
	r->last_us = now_us;
}

static bool has_waited(const struct kg_rate *r, uint32_t rtt_us)
{
	return rtt_us > r->least_us + r->least_us / 16 + WAITED_US;
}

/* What a start sends beyond a queue that shows is lost, for the rest of a round. Or the queue that
 * it made is gone. */
static void watch_start(struct kg_rate *r, const struct kg_rate_news *news)
{
	if (r->stage == KG_RATE_DRAINING) {
		if ((float)news->under_way <= pipe_of(r))
			r->flat = FLAT;
		return;
	}
	r->waited = has_waited(r, news->rtt_us) ? (uint8_t)(r->waited + 1) : 0;
	if (r->waited >= WAITED && r->at >= BURST) {
		r->stage = KG_RATE_BRAKING;
		r->waited = 0;
	}
}

void kg_rate_hear(struct kg_rate *r, const struct kg_rate_news *news)
{
	note_quiet(r, news->now_us);
	note_rtt(r, news);
	if (r->kind != KG_RATE_FOUND_OUT)
		kg_rate_window_hear(r, news);
	else if (r->stage <= KG_RATE_DRAINING)
		watch_start(r, news);
	r->round_segments += news->segments;
	r->round_bytes += news->bytes;
	r->idle |= !news->backlogged;
	if (!is_over(r, news))
		return;
	end_round(r, news);
	r->began_us = news->now_us;
	r->sent_us = news->sent_us;
	r->delivered = news->delivered;
	r->lost = news->lost;
	r->round_least_us = r->round_most_us = r->round_rtts = 0;
	r->round_sum_us = r->round_bytes = 0;
	r->round_segments = 0;
	r->idle = false;
}

/* ---- what may leave ---- */

float kg_rate_pps(const struct kg_rate *r)
{
	const struct boldness *b = boldness(r);
	const float gains[] = {
		[KG_RATE_STARTING] = b->growth,     [KG_RATE_BRAKING] = 1,
		[KG_RATE_DRAINING] = 1 / b->growth, [KG_RATE_CRUISING] = CRUISE,
		[KG_RATE_PROBING] = b->probe,       [KG_RATE_YIELDING] = b->yield,
		[KG_RATE_SETTLING] = CRUISE,        [KG_RATE_JUDGING] = CRUISE,
		[KG_RATE_DIPPING] = CRUISE,
	};

	if (r->kind == KG_RATE_TOLD)
		return kg_rate_told_pps(r);
	if (r->kind != KG_RATE_FOUND_OUT)
		return kg_rate_window_pps(r);
	if (r->pps <= 0 || r->least_us == 0)
		return 0;
	return KG_MAX(r->pps * gains[r->stage], PACE_LEAST * 1e6f / (float)r->least_us);
}

float kg_rate_bytes(const struct kg_rate *r)
{
	return r->bytes;
}

float kg_rate_window(const struct kg_rate *r)
{
	float pipe = pipe_of(r);

	if (r->kind == KG_RATE_TOLD)
		return kg_rate_told_window(r);
	if (r->kind != KG_RATE_FOUND_OUT)
		return kg_rate_window_window(r);
	if (r->stage <= KG_RATE_BRAKING)
		return KG_MAX(boldness(r)->growth * pipe, WINDOW_FIRST);
	if (r->stage == KG_RATE_DIPPING)
		return KG_MAX((has_few(r) ? DIP_FEW : DIP) * pipe, WINDOW_LEAST);
	return (pipe + r->pps * queue_us(r) / 1e6f) * r->part + WINDOW_LEAST;
}
