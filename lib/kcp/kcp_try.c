/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finds out that a path is there again that passed nothing (docs/kcp.md §7.3). Nobody tells: it
 * shows in the answer to something, and what has been lost goes at ever longer intervals. The
 * oldest segment does not, where few share the path (kcp_flight.h). And what is of use for a time
 * only need not be lost to show it: the next message goes every so often, whatever the windows
 * hold, and may be the first that arrives. Where many share a path each of them tries the less
 * often.
 */
#include "kcp/internal.h"

static uint64_t interval_us(const struct kg_kcp *kcp)
{
	uint32_t members = kcp->shared ? kcp->member.share->members : 1;

	return (uint64_t)KG_MAX(kg_kcp_rtt_srtt_us(&kcp->rtt), KG_KCP_TRY_US) *
	       ((members + KG_KCP_TRIERS - 1) / KG_KCP_TRIERS);
}

/* In a conversation that has such messages whatever is next: a word of the protocol in front of
 * them must not hold them up. */
static bool has_next(const struct kg_kcp *kcp)
{
	return kcp->expires && kcp->queue != NULL && !kcp->ring_stuck && kg_kcp_peer_allows(kcp);
}

/* Its oldest segment has timed out, and nothing has come that left as late as its newest. */
static bool is_silent(const struct kg_kcp_flight *f)
{
	return f->count > 0 && kg_kcp_flight_slot(f, f->una)->backoff > 0 &&
	       (int32_t)(kg_kcp_flight_slot(f, f->nxt - 1)->order - f->newest_acked) > 0;
}

uint64_t kg_kcp_try_us(const struct kg_kcp *kcp)
{
	const struct kg_kcp_flight *f = &kcp->flight;
	uint32_t age_ms;

	if (!has_next(kcp) || !is_silent(f))
		return KG_NEVER_US;
	age_ms = kg_kcp_ts(kcp, kcp->now_us) - kg_kcp_flight_slot(f, f->nxt - 1)->first_ts;
	return kcp->now_us + interval_us(kcp) - age_ms * (uint64_t)KG_US_PER_MS;
}

bool kg_kcp_may_try(const struct kg_kcp *kcp)
{
	return kg_kcp_try_us(kcp) <= kcp->now_us;
}
