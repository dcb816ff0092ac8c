/* SPDX-License-Identifier: BSD-3-Clause */
/* Tells our window: all of it, or as much of it as a peer that knows no rate is granted
 * (rate/pull.h). */
#include "kcp/internal.h"

#define SLACK 2u /* round trips that a peer is to wait longer before it sends again */

void kg_kcp_share_pull(struct kg_kcp_share *share, struct kg_pull *pull)
{
	share->pull = pull;
}

void kg_kcp_pull(struct kg_kcp *kcp, bool on)
{
	kcp->recv.pulled = on && !kcp->recv.asked && !kcp->params.prompt && kcp->shared &&
			   kcp->member.share->pull != NULL;
}

/* It looks at the ts of our ACK, which is that of the question, and not an earlier one. */
void kg_kcp_pull_asked(struct kg_kcp *kcp)
{
	kcp->recv.asked = true;
	kcp->recv.pulled = false;
}

/* Granted, and not come. */
static uint32_t open_of(const struct kg_kcp_recv *recv)
{
	int32_t open = (int32_t)(recv->advertised - recv->nxt - recv->held);

	return open > 0 ? (uint32_t)open : 0;
}

/* More than a peer of our preset has under way from the oldest hole on is not granted: it would be
 * kept, and leave in one burst when the hole is filled. Nor is what the reader has no room for. */
static uint32_t most_of(const struct kg_kcp *kcp)
{
	uint32_t window = kg_kcp_recv_window(&kcp->recv, kcp->pool);

	return kcp->recv.pulled ? KG_MIN(window, (uint32_t)kcp->params.snd_wnd) : window;
}

uint16_t kg_kcp_window(const struct kg_kcp *kcp)
{
	const struct kg_kcp_recv *recv = &kcp->recv;
	uint32_t most = most_of(kcp), granted;

	if (KG_LIKELY(!kcp->recv.pulled))
		return (uint16_t)most;
	granted = kg_pull_window(kcp->member.share->pull, open_of(recv), kcp->now_us);
	return (uint16_t)KG_MIN(most, granted + recv->held);
}

void kg_kcp_told(struct kg_kcp *kcp, uint16_t window)
{
	uint32_t before = kcp->recv.advertised;
	int32_t more;

	kg_kcp_recv_told(&kcp->recv, window);
	if (KG_LIKELY(!kcp->recv.pulled))
		return;
	kcp->recv.advertised = kcp->recv.nxt + window;
	more = (int32_t)(kcp->recv.advertised - before);
	if (more > 0)
		kg_pull_granted(kcp->member.share->pull, kcp->params.conv, before, (uint32_t)more,
				kcp->now_us);
	else if (kg_kcp_pull_due_us(kcp) <= kcp->now_us)
		kg_pull_put_off(kcp->member.share->pull, kcp->now_us);
}

uint16_t kg_kcp_advertise(struct kg_kcp *kcp)
{
	uint16_t window = kg_kcp_window(kcp);

	kg_kcp_told(kcp, window);
	return window;
}

uint64_t kg_kcp_pull_due_us(const struct kg_kcp *kcp)
{
	const struct kg_kcp_recv *recv = &kcp->recv;

	if ((int32_t)(recv->nxt + most_of(kcp) - recv->advertised) <= 0)
		return KG_NEVER_US;
	return kg_pull_due_us(kcp->member.share->pull, kcp->params.conv, open_of(recv));
}

static bool is_busy(const struct kg_kcp *kcp)
{
	return kg_pull_is_busy(kcp->member.share->pull, kcp->params.conv);
}

static uint32_t rest_us(const struct kg_kcp *kcp)
{
	return kg_pull_rest_us(kcp->member.share->pull, kg_kcp_rtt_srtt_us(&kcp->rtt));
}

uint64_t kg_kcp_pull_acks_due_us(const struct kg_kcp *kcp)
{
	uint32_t round_ms = rest_us(kcp) / KG_US_PER_MS;

	if (kcp->acks.count == kcp->acks.again || !is_busy(kcp))
		return 0;
	return kg_kcp_acks_seldom_due_us(&kcp->acks, round_ms + round_ms / 4,
					 kg_kcp_ts(kcp, kcp->now_us), kcp->now_us);
}

uint32_t kg_kcp_pull_slack_ms(const struct kg_kcp *kcp)
{
	if (!is_busy(kcp))
		return 0;
	return SLACK * rest_us(kcp) / KG_US_PER_MS;
}

void kg_kcp_pull_hear(struct kg_kcp *kcp, uint32_t sn, uint32_t ts, uint32_t came)
{
	const struct kg_pull_news news = {
		.now_us = kcp->now_us,
		.conv = kcp->params.conv,
		.sn = sn,
		.ts = ts,
		.came = came,
		.open = open_of(&kcp->recv),
		.rtt_us = kg_kcp_rtt_srtt_us(&kcp->rtt),
	};

	kg_pull_hear(kcp->member.share->pull, &news);
}
