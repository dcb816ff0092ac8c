/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes of what arrives what a sender would know, and grants by the rate that follows. */
#include "rate/pull.h"

#define OPEN_LEAST  4u  /* so that something comes, and with it the next grant */
#define BUSY        16u /* segments in a round trip */
#define FIRST       64u
#define COPIES      1
#define NEAR        32u   /* of the latest: what comes there is late, and was not lost */
#define LATE_US     2000u /* of grants that were due: a worker may sleep */
#define GRAIN_US    1000.0f
#define ROUND_US    2u                    /* so that a grant that is due is a whole segment */
#define RTT_US      (100u * KG_US_PER_MS) /* before anything is known */
#define RENEW_US    (10u * KG_US_PER_S)
#define FORGET_US   (10u * KG_US_PER_S)
#define ANSWERED_US 5000u
#define ANSWERS     4u /* round trips: then there is none */
#define HOUR_US     (3600ull * KG_US_PER_S)

/* Of what came before, as much counts as has come when a first download begins: what it was granted
 * at first, and what answered the grant that showed that it uses them. It may have been that. */
static void begin(struct kg_pull *p, uint32_t seed, uint64_t now_us)
{
	const struct kg_rate_params params = {
		.kind = KG_RATE_FOUND_OUT,
		.seed = seed,
		.careful = true,
		.delivered = p->delivered - KG_MIN(p->delivered, FIRST),
		.lost = p->lost,
	};

	kg_rate_init(&p->rate, &params, now_us);
}

void kg_pull_init(struct kg_pull *p, uint32_t seed, uint64_t now_us)
{
	*p = (struct kg_pull){
		.round_us = now_us,
		.renewed_us = now_us,
		.free_us = now_us,
		.way = { UINT64_MAX, UINT64_MAX },
		.rest = { UINT64_MAX, UINT64_MAX },
		.busy = 1,
	};
	begin(p, seed, now_us);
}

/* ---- what is least ---- */

static uint64_t least(const struct kg_pull_least *l)
{
	return KG_MIN(l->now_us, l->before_us);
}

static void note(struct kg_pull_least *l, uint64_t us)
{
	l->now_us = KG_MIN(l->now_us, us);
}

static void renew(struct kg_pull_least *l)
{
	l->before_us = l->now_us;
	l->now_us = UINT64_MAX;
}

/* ---- what came ---- */

static struct kg_pull_flow *flow_of(struct kg_pull *p, uint32_t conv)
{
	return &p->flows[conv % KG_PULL_FLOWS];
}

/* A stock peer sends each up to five times within a round trip, and what is granted is to leave
 * room for that. Below 0: so many were not. */
static void note_lost(struct kg_pull *p, int32_t lost)
{
	float pps = kg_rate_pps(&p->rate);

	p->lost += (uint32_t)lost;
	if (pps > 0)
		p->free_us += (uint64_t)(int64_t)((float)(lost * COPIES) * 1e6f / pps);
}

/* Gaps before it are lost, until what is in them comes late. */
static void note_gaps(struct kg_pull *p, struct kg_pull_flow *flow, const struct kg_pull_news *news)
{
	int32_t beyond = (int32_t)(news->sn + 1 - flow->top);

	if (beyond > 0) {
		note_lost(p, KG_MAX(beyond - (int32_t)news->came, 0));
		flow->top = news->sn + 1;
	} else if (beyond < 0 && (uint32_t)-beyond < NEAR && (int32_t)(news->ts - flow->ts) <= 0) {
		note_lost(p, -(int32_t)news->came);
	}
	if ((int32_t)(news->ts - flow->ts) > 0)
		flow->ts = news->ts;
}

static bool is_latest(const struct kg_pull *p, const struct kg_pull_flow *flow, uint16_t rounds)
{
	return (uint16_t)(p->round - flow->round) <= rounds;
}

bool kg_pull_is_busy(const struct kg_pull *p, uint32_t conv)
{
	const struct kg_pull_flow *flow = &p->flows[conv % KG_PULL_FLOWS];

	return flow->conv == conv && is_latest(p, flow, 1) &&
	       (flow->came >= BUSY || (is_latest(p, flow, 0) && flow->was_busy));
}

static void note_flow(struct kg_pull *p, const struct kg_pull_news *news)
{
	struct kg_pull_flow *flow = flow_of(p, news->conv);

	if (flow->conv != news->conv)
		*flow = (struct kg_pull_flow){
			.conv = news->conv,
			.top = news->sn + 1,
			.ts = news->ts,
			.edge = news->sn + 1 + news->open,
			.round = p->round,
		};
	if (flow->round != p->round) {
		flow->was_busy = is_latest(p, flow, 1) && flow->came >= BUSY;
		flow->came = 0;
	}
	flow->round = p->round;
	flow->came = (uint16_t)KG_MIN(flow->came + news->came, (uint32_t)UINT16_MAX);
	note_gaps(p, flow, news);
	p->delivered += news->came;
}

/* How long it has waited on its way. */
static uint32_t queue_us(struct kg_pull *p, const struct kg_pull_news *news)
{
	int64_t left_us = (int64_t)(int32_t)(news->ts - p->first_ts) * KG_US_PER_MS;
	uint64_t way_us = (uint64_t)((int64_t)(news->now_us - p->first_us + HOUR_US) - left_us);

	note(&p->way, way_us);
	return (uint32_t)KG_MIN(way_us - least(&p->way), (uint64_t)KG_US_PER_S);
}

/* A round trip without a queue. */
uint32_t kg_pull_rest_us(const struct kg_pull *p, uint32_t rtt_us)
{
	uint64_t rest = least(&p->rest);

	if (rest != UINT64_MAX)
		return (uint32_t)rest;
	return rtt_us > 0 ? rtt_us : RTT_US;
}

/* A peer that has nothing to say answers no grant, or late. One that had no CPU after it looked at
 * its clock seems to have sent before it heard: what the answer itself has waited says nothing, but
 * a queue is met by all. */
static void note_answer(struct kg_pull *p, const struct kg_pull_news *news, uint32_t waited_us)
{
	uint32_t rest = kg_pull_rest_us(p, news->rtt_us);
	uint64_t took_us = news->now_us - p->asked_us;

	if (p->asked_us == 0)
		return;
	p->asked_queue_us = KG_MIN(p->asked_queue_us, waited_us);
	if (news->conv == p->asked_conv && (int32_t)(news->sn - p->asked_sn) >= 0) {
		took_us -= KG_MIN(took_us, (uint64_t)p->asked_queue_us);
		note(&p->rest, KG_MAX(took_us, 1ull));
		p->used = took_us <= rest + rest / 2 + ANSWERED_US;
		p->asked_us = 0;
	} else if (took_us > (uint64_t)ANSWERS * rest + FORGET_US / 10) {
		p->used = false;
		p->asked_us = 0;
	}
}

static void end_round(struct kg_pull *p, uint64_t now_us)
{
	unsigned int busy = 0;

	for (unsigned int i = 0; i < KG_PULL_FLOWS; i++)
		busy += is_latest(p, &p->flows[i], 0) && p->flows[i].came >= BUSY;
	p->busy = (uint16_t)KG_MAX(busy, 1u);
	p->round++;
	p->round_us = now_us;
}

static void look_at_clock(struct kg_pull *p, const struct kg_pull_news *news)
{
	if (p->last_us != 0 && news->now_us > p->last_us + FORGET_US)
		kg_pull_init(p, p->rate.seed, news->now_us);
	if (p->last_us == 0) {
		p->first_us = news->now_us;
		p->first_ts = news->ts;
	}
	p->last_us = news->now_us;
	if (news->now_us < p->renewed_us + RENEW_US)
		return;
	p->renewed_us = news->now_us;
	renew(&p->way);
	renew(&p->rest);
}

static void tell_rate(struct kg_pull *p, const struct kg_pull_news *news, uint32_t rtt_us)
{
	const struct kg_rate_news told = {
		.now_us = news->now_us,
		.sent_us = news->now_us - KG_MIN(rtt_us, news->now_us),
		.rtt_us = rtt_us,
		.delivered = p->delivered,
		.lost = p->lost,
		.under_way = news->open * p->busy,
		.backlogged = p->used,
	};

	kg_rate_hear(&p->rate, &told);
}

void kg_pull_hear(struct kg_pull *p, const struct kg_pull_news *news)
{
	uint32_t waited_us, rtt_us;

	look_at_clock(p, news);
	note_flow(p, news);
	waited_us = queue_us(p, news);
	note_answer(p, news, waited_us);
	rtt_us = kg_pull_rest_us(p, news->rtt_us) + waited_us;
	if (p->used && !p->begun)
		begin(p, p->rate.seed, news->now_us);
	p->begun |= p->used;
	if (p->begun)
		tell_rate(p, news, rtt_us);
	if (news->now_us >= p->round_us + rtt_us)
		end_round(p, news->now_us);
}

/* ---- what is granted ---- */

static uint32_t most_of(const struct kg_pull *p)
{
	uint32_t most = (uint32_t)KG_MIN(kg_rate_window(&p->rate), 65535.0f);

	return KG_MAX(most / p->busy, OPEN_LEAST);
}

/* What was not granted in time is lost, but for what is granted at once. */
static uint64_t since_us(const struct kg_pull *p, float pps, uint64_t now_us)
{
	return KG_MAX(p->free_us, now_us - KG_MIN((uint64_t)(1e6f / pps) + LATE_US, now_us));
}

static float due(const struct kg_pull *p, float pps, uint64_t now_us)
{
	return (float)(now_us - KG_MIN(since_us(p, pps, now_us), now_us)) * pps / 1e6f;
}

uint32_t kg_pull_window(const struct kg_pull *p, uint32_t open, uint64_t now_us)
{
	uint32_t most = most_of(p), more;
	float pps = kg_rate_pps(&p->rate);

	if (open >= most)
		return most;
	more = most - open;
	if (pps > 0)
		more = (uint32_t)KG_MIN((float)more, due(p, pps, now_us));
	return KG_MAX(open + more, OPEN_LEAST);
}

/* What was granted before may have left long ago. */
static void ask(struct kg_pull *p, uint32_t conv, uint32_t edge, uint64_t now_us)
{
	struct kg_pull_flow *flow = flow_of(p, conv);
	uint32_t before = flow->edge;

	if (flow->conv != conv || (int32_t)(edge - before) <= 0)
		return;
	flow->edge = edge;
	if (p->asked_us != 0 || flow->came < BUSY)
		return;
	p->asked_us = now_us;
	p->asked_conv = conv;
	p->asked_sn = before;
	p->asked_queue_us = UINT32_MAX;
}

void kg_pull_granted(struct kg_pull *p, uint32_t conv, uint32_t sn, uint32_t more, uint64_t now_us)
{
	float pps = kg_rate_pps(&p->rate);

	if (more == 0)
		return;
	if (pps > 0)
		p->free_us = since_us(p, pps, now_us) + (uint64_t)((float)more * 1e6f / pps);
	ask(p, conv, sn + more, now_us);
}

void kg_pull_put_off(struct kg_pull *p, uint64_t now_us)
{
	p->free_us = now_us;
}

uint64_t kg_pull_due_us(const struct kg_pull *p, uint32_t conv, uint32_t open)
{
	const struct kg_pull_flow *flow = &p->flows[conv % KG_PULL_FLOWS];
	float pps = kg_rate_pps(&p->rate), gap_us, wait_us;
	uint32_t most = most_of(p);

	if (flow->conv != conv || !is_latest(p, flow, 1) || open >= most || pps <= 0)
		return KG_NEVER_US;
	gap_us = 1e6f / pps;
	wait_us = KG_MAX(gap_us, KG_MIN(GRAIN_US, gap_us * (float)(most - open)));
	return p->free_us + (uint64_t)wait_us + ROUND_US;
}
