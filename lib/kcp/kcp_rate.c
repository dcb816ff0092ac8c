/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tells the controller (rate/rate.h) what ACKs have told, and has it say how fast data leaves and
 * how much is under way. Nobody is asked while nothing waits: who says little needs no rate.
 */
#include "kcp/internal.h"
#include "rate/rate.h"
#include "rate/told.h"

/* Of what was delivered before, a first window counts: it may have been that of now. */
static void init(struct kg_rate *rate, const struct kg_kcp *kcp, const struct kg_rate_news *before)
{
	const struct kg_rate_params params = {
		.kind = kcp->params.rate_kind,
		.told_pps = kg_rate_told(kcp->params.rate_told),
		.seed = kcp->params.conv ^ kg_kcp_ts(kcp, kcp->now_us),
		.delivered = before->delivered - KG_MIN(before->delivered, KG_KCP_RATE_FIRST),
		.lost = before->lost,
	};

	kg_rate_init(rate, &params, kcp->now_us);
}

static bool begin_share(struct kg_kcp *kcp, const struct kg_rate_news *before)
{
	struct kg_kcp_share *share = kcp->member.share;
	bool waits = kg_kcp_is_alone(kcp) ? kcp->queue != NULL : !TAILQ_EMPTY(&share->sending);

	if (!share->begun && !waits)
		return false;
	if (!share->begun)
		init(&share->rate, kcp, before);
	share->begun = true;
	return true;
}

static bool begin(struct kg_kcp *kcp, const struct kg_rate_news *before)
{
	if (kcp->shared)
		return begin_share(kcp, before);
	if (kcp->pace.rate != NULL)
		return true;
	if (kcp->queue == NULL)
		return false;
	kcp->pace.rate = kg_mem_alloc(kcp->mem, sizeof(*kcp->pace.rate));
	if (kcp->pace.rate == NULL)
		return false;
	init(kcp->pace.rate, kcp, before);
	return true;
}

/* With FEC parity has its place in the pace, too. */
static uint32_t gap_of(const struct kg_kcp *kcp, float pps)
{
	float datagrams = kcp->group_data + kcp->group_parity;
	float all_pps = kcp->group_data > 0 ? pps * datagrams / kcp->group_data : pps;
	float gap = (float)((uint64_t)KG_US_PER_S << KG_KCP_PACE_SHIFT) / all_pps;

	return gap < (float)(UINT32_MAX / 2) ? (uint32_t)gap : UINT32_MAX / 2;
}

/* A conversation's window has 16 bits; those of many add up. */
static float most_of(const struct kg_kcp *kcp)
{
	return kcp->shared ? (float)(1u << 24) : (float)KG_KCP_WINDOW_MAX;
}

/* Data has waited for the rate, since the last time. */
static bool was_backlogged(struct kg_kcp *kcp)
{
	bool held_back = kcp->held_back;

	kcp->held_back = false;
	if (kg_kcp_is_free(kcp))
		return kcp->queue != NULL && !held_back;
	return !TAILQ_EMPTY(&kcp->member.share->sending) ||
	       !TAILQ_EMPTY(&kcp->member.share->mending);
}

static struct kg_rate_news own_news(const struct kg_kcp *kcp)
{
	struct kg_kcp_account account = kg_kcp_account(kcp);

	return (struct kg_rate_news){
		.delivered = account.delivered,
		.lost = account.lost,
		.under_way = account.under_way,
	};
}

static struct kg_rate_news shared_news(const struct kg_kcp_share *share)
{
	return (struct kg_rate_news){
		.delivered = share->delivered,
		.lost = share->lost,
		.under_way = share->under_way,
	};
}

/* What is shorter or longer than the datagrams that were counted takes as much less or more. */
static void set_gap(struct kg_kcp *kcp, const struct kg_rate *rate, float pps)
{
	struct kg_kcp_pace *pace = kg_kcp_pace_of(kcp);
	uint32_t gap = gap_of(kcp, pps);
	float bytes = kg_rate_bytes(rate);

	kg_kcp_pace_set_gap(pace, gap, kcp->now_us);
	pace->byte_gap = bytes > 0 ? (float)gap / bytes : 0;
}

void kg_kcp_rate_hear(struct kg_kcp *kcp, const struct kg_kcp_heard *heard)
{
	struct kg_rate_news news = kcp->shared ? shared_news(kcp->member.share) : own_news(kcp);
	struct kg_kcp_pace *pace = kg_kcp_pace_of(kcp);
	struct kg_rate *rate;
	float pps;

	if (!begin(kcp, &news))
		return;
	news.backlogged = was_backlogged(kcp);
	news.now_us = kcp->now_us;
	news.sent_us = heard->sent_us;
	news.rtt_us = heard->rtt_us;
	news.segments = heard->segments;
	news.bytes = heard->bytes;
	rate = kcp->shared ? &kcp->member.share->rate : kcp->pace.rate;
	kg_rate_hear(rate, &news);
	pps = kg_rate_pps(rate);
	if (pps <= 0)
		return;
	pace->window = (uint32_t)KG_MIN(kg_rate_window(rate), most_of(kcp));
	set_gap(kcp, rate, pps);
}

void kg_kcp_forget_rate(struct kg_kcp *kcp)
{
	if (!kcp->params.rate_auto) {
		kg_kcp_pace_trim(&kcp->pace, kcp->mem);
		return;
	}
	if (kcp->pace.rate != NULL)
		kg_mem_free(kcp->mem, kcp->pace.rate, sizeof(*kcp->pace.rate));
	kcp->pace = (struct kg_kcp_pace){ 0 };
}
