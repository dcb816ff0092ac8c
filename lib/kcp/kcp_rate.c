/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tells the controller (rate/rate.h) what ACKs have told, and has it say how fast data leaves and
 * how much is under way. Nobody is asked while nothing waits: who says little needs no rate.
 */
#include "kcp/internal.h"
#include "rate/rate.h"

static bool begin(struct kg_kcp *kcp)
{
	if (kcp->pace.rate != NULL)
		return true;
	if (kcp->queue == NULL)
		return false;
	kcp->pace.rate = kg_mem_alloc(kcp->mem, sizeof(*kcp->pace.rate));
	if (kcp->pace.rate == NULL)
		return false;
	kg_rate_init(kcp->pace.rate, kcp->params.conv ^ kg_kcp_ts(kcp, kcp->now_us), kcp->now_us);
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

void kg_kcp_rate_hear(struct kg_kcp *kcp, uint64_t sent_us, uint32_t rtt_us)
{
	const struct kg_kcp_counters *stats = &kcp->stats;
	const struct kg_rate_news news = {
		.now_us = kcp->now_us,
		.sent_us = sent_us,
		.rtt_us = rtt_us,
		.delivered = stats->sent - kcp->flight.count,
		.lost = stats->resent_fast + stats->resent_timeout - stats->resent_needless,
		.under_way = kcp->flight.count,
		.backlogged = kcp->queue != NULL && !kcp->held_back,
	};
	struct kg_rate *rate;
	float pps;

	kcp->held_back = false;
	if (!begin(kcp))
		return;
	rate = kcp->pace.rate;
	kg_rate_hear(rate, &news);
	pps = kg_rate_pps(rate);
	if (pps <= 0)
		return;
	kcp->pace.window = (uint32_t)KG_MIN(kg_rate_window(rate), (float)KG_KCP_WINDOW_MAX);
	kg_kcp_pace_set_gap(&kcp->pace, gap_of(kcp, pps), kcp->now_us);
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
