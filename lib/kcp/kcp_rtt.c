/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The time-out rule.
 *
 *   rto = srtt + max(4 * rttvar, peak * 5/4, interval, srtt/8, 10 ms)
 *
 * and before a sample 200 ms, or twice the round trip that is expected, 50 ms to 1 s.
 *
 * Samples are in microseconds and never truncated. Each datagram that acknowledges something gives
 * two: its fastest and its slowest segment, whether an ACK or una released them, so the estimate
 * knows how long peers sit on their ACKs and what a thinned ACK hides. ACK.ts names the copy that
 * arrived, so retransmitted segments give samples as well; una gives some only where no hole held
 * it up.
 *
 * srtt and rttvar are the usual moving averages (gains 1/8 and 1/4). At thousands of samples per
 * round trip they follow the last millisecond and forget what the path does once per second.
 * `peak` remembers it: the largest recent excess of a sample over srtt, lowered by 1/16 every four
 * round trips. A needless time-out shows as such a sample, by the ts of the copy that was late, so
 * the margin widens by itself.
 *
 * A segment that times out waits longer each time, as nodelay says: 0 doubles (and gives the first
 * copy an eighth more), 1 adds a half, 2 adds half an rto, from the ninth time on a half like 1 so
 * that a dead path is not flooded. Never more than 10 s or four times rto, nor than 60 s. Backoff
 * belongs to the segment and is gone with it; time-outs are computed when asked for, so a better
 * estimate corrects all of them.
 *
 * With few segments in flight nothing sent later can show a loss, and a copy too many costs little.
 * There the first copy waits only
 *
 *   srtt + max(srtt, 4 * rttvar, peak * 5/4, 1 ms)
 *
 * and the second twice that, if rto is not sooner. A needless one raises peak like any other.
 *
 * `reorder` delays fast resends on paths that reorder: 0 until one proved needless, then as late
 * as that original was, lowered like peak.
 */
#include "kcp/kcp_rtt.h"

#define MARGIN_MIN_US   10000u  /* a poll loop or a busy peer may be this late */
#define PEAK_CAP_MIN_US 200000u /* one outage must not inflate the time-out for long */
#define DECAY_MIN_US    100000u
#define THIN_MIN_US     1000u
#define EXPECTED_MIN_US 50000u
#define EXPECTED_MAX_US 1000000u
#define LINEAR_BACKOFFS 8
/* A peer that hears nothing for 255 s is gone: a living one on a bad path must be tried often. */
#define BACKED_OFF_MAX_US 10000000ull

void kg_kcp_rtt_init(struct kg_kcp_rtt *rtt, uint8_t nodelay, uint16_t interval_ms)
{
	*rtt = (struct kg_kcp_rtt){
		.rto_us = KG_KCP_RTO_FIRST_US,
		.interval_us = interval_ms * KG_US_PER_MS,
		.nodelay = nodelay,
	};
}

void kg_kcp_rtt_expect(struct kg_kcp_rtt *rtt, uint32_t rtt_us)
{
	if (rtt->srtt8_us != 0 || rtt_us == 0)
		return;
	rtt->rto_us = KG_MAX(KG_MIN(2 * (uint64_t)rtt_us, EXPECTED_MAX_US), EXPECTED_MIN_US);
}

static void raise_peak(struct kg_kcp_rtt *rtt, uint32_t excess_us)
{
	uint32_t cap = KG_MAX(2 * kg_kcp_rtt_srtt_us(rtt), PEAK_CAP_MIN_US);

	rtt->peak_us = KG_MAX(rtt->peak_us, KG_MIN(excess_us, cap));
}

static void set_rto(struct kg_kcp_rtt *rtt)
{
	uint32_t srtt = kg_kcp_rtt_srtt_us(rtt);
	uint32_t margin = KG_MAX(rtt->rttvar4_us, rtt->peak_us + rtt->peak_us / 4);

	margin = KG_MAX(margin, rtt->interval_us);
	margin = KG_MAX(margin, srtt / 8);
	margin = KG_MAX(margin, MARGIN_MIN_US);
	rtt->rto_us = KG_MIN(srtt + margin, KG_KCP_RTO_MAX_US);
}

static void decay(struct kg_kcp_rtt *rtt, uint64_t now_us)
{
	uint32_t srtt = kg_kcp_rtt_srtt_us(rtt);

	if ((uint32_t)now_us - rtt->decayed_us < KG_MAX(4 * srtt, DECAY_MIN_US))
		return;
	rtt->decayed_us = (uint32_t)now_us;
	rtt->peak_us -= rtt->peak_us / 16;
	rtt->reorder_us -= rtt->reorder_us / 16;
	if (srtt > rtt->min_us)
		rtt->min_us += (srtt - rtt->min_us) / 16;
}

void kg_kcp_rtt_sample(struct kg_kcp_rtt *rtt, uint64_t sample_us, uint64_t now_us)
{
	uint32_t sample = (uint32_t)sample_us;
	int32_t excess;

	if (sample_us > KG_KCP_RTO_MAX_US)
		return;
	rtt->latest_us = sample;
	if (rtt->srtt8_us == 0) {
		rtt->srtt8_us = KG_MAX(sample * 8, 1u);
		rtt->rttvar4_us = sample * 2;
		rtt->min_us = sample;
		rtt->decayed_us = (uint32_t)now_us;
	} else {
		excess = (int32_t)(sample - kg_kcp_rtt_srtt_us(rtt));
		rtt->srtt8_us = KG_MAX(rtt->srtt8_us + (uint32_t)excess, 1u);
		rtt->rttvar4_us += (excess < 0 ? -excess : excess) - rtt->rttvar4_us / 4;
		rtt->min_us = KG_MIN(rtt->min_us, sample);
		if (excess > 0)
			raise_peak(rtt, (uint32_t)excess);
		decay(rtt, now_us);
	}
	set_rto(rtt);
}

void kg_kcp_rtt_on_overtaken(struct kg_kcp_rtt *rtt, uint64_t arrived_after_us)
{
	uint32_t srtt = kg_kcp_rtt_srtt_us(rtt);
	uint64_t late_us = arrived_after_us > srtt ? arrived_after_us - srtt : 0;
	uint64_t wanted_us = KG_MAX(late_us + late_us / 4, rtt->reorder_us + srtt / 16 + 100u);

	rtt->reorder_us = (uint32_t)KG_MIN(wanted_us, (uint64_t)KG_MAX(srtt, KG_US_PER_MS));
}

uint64_t kg_kcp_rtt_thin_us(const struct kg_kcp_rtt *rtt, unsigned int copies)
{
	uint64_t rto_us = kg_kcp_rtt_timeout_us(rtt, 0);
	uint64_t srtt = kg_kcp_rtt_srtt_us(rtt);
	uint64_t margin = KG_MAX(rtt->rttvar4_us, rtt->peak_us + rtt->peak_us / 4);

	if (rtt->srtt8_us == 0 || copies > 2)
		return rto_us;
	margin = KG_MAX(KG_MAX(margin, srtt), (uint64_t)THIN_MIN_US);
	return KG_MIN((srtt + margin) * copies, rto_us);
}

static uint64_t grow(const struct kg_kcp_rtt *rtt, uint64_t wait_us, unsigned int backoff)
{
	if (rtt->nodelay == 0)
		return wait_us * 2;
	if (rtt->nodelay == 1 || backoff > LINEAR_BACKOFFS)
		return wait_us + wait_us / 2;
	return wait_us + rtt->rto_us / 2;
}

uint64_t kg_kcp_rtt_timeout_us(const struct kg_kcp_rtt *rtt, unsigned int backoff)
{
	uint64_t wait_us = rtt->rto_us;

	if (backoff == 0)
		return rtt->nodelay == 0 ? wait_us + wait_us / 8 : wait_us;
	for (unsigned int i = 1; i <= backoff; i++)
		wait_us = grow(rtt, wait_us, i);
	wait_us = KG_MIN(wait_us, KG_MAX(BACKED_OFF_MAX_US, 4ull * rtt->rto_us));
	return KG_MIN(wait_us, (uint64_t)KG_KCP_RTO_MAX_US);
}
