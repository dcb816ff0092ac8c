/* SPDX-License-Identifier: BSD-3-Clause */
/* Tells an answer to what this conversation has said from one to what another has (docs/wire.md
 * §4.2). */
#include "kcp/internal.h"
#include "kcp/kcp_segment.h"

/* By which the peer's clock may be ahead of ours, since it took ours. */
#define SLACK_MS 1000u

/* An ACK has our clock as we sent it. A PUSH has it where the peer took it over, and went on. */
static bool has_clock(const struct kg_kcp_segment *seg, uint32_t since_ts, uint32_t now_ts)
{
	return (seg->cmd == KG_KCP_ACK || seg->cmd == KG_KCP_PUSH) &&
	       seg->ts - since_ts <= now_ts - since_ts + SLACK_MS;
}

/* What we have said ourselves, and comes back, acknowledges nothing. */
static bool has_heard(const struct kg_kcp *kcp, const struct kg_kcp_segment *seg)
{
	return (int32_t)(seg->una - kcp->params.first_sn) > 0;
}

bool kg_kcp_is_echo(const struct kg_kcp *kcp, const uint8_t *data, size_t len, uint64_t since_us,
		    uint64_t now_us)
{
	uint32_t since_ts = kg_kcp_ts(kcp, since_us), now_ts = kg_kcp_ts(kcp, now_us);
	struct kg_kcp_segment seg;
	size_t bytes;

	while ((bytes = kg_kcp_segment_decode(data, len, &seg)) > 0) {
		if (has_clock(&seg, since_ts, now_ts) && has_heard(kcp, &seg))
			return true;
		data += bytes;
		len -= bytes;
	}
	return false;
}

uint32_t kg_kcp_clock_offset_ms(uint32_t ts, uint64_t now_us)
{
	return ts - (uint32_t)(now_us / KG_US_PER_MS);
}
