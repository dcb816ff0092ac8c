/* SPDX-License-Identifier: BSD-3-Clause */
/* Round-trip estimate and everything timed by it; kcp_rtt.c states the rule. */
#pragma once

#include "base/base.h"

#define KG_KCP_RTO_FIRST_US 200000u   /* until there is a sample (docs/kcp.md §7.3) */
#define KG_KCP_RTO_MAX_US   60000000u /* bounds every time-out and every sample */
#define KG_KCP_BACKOFF_MAX  15        /* time-outs of one segment that are told apart */

#define KG_KCP_GROUP_WAIT_US 3000u /* a pause that ends a group (fec/fec.h), and then some */
#define KG_KCP_QUEUE_MIN_US  2000u /* a round trip longer by less shows no queue */

struct kg_kcp_rtt {
	uint32_t srtt8_us; /* smoothed sample, times 8 so that nothing is truncated; 0: none yet */
	uint32_t rttvar4_us; /* smoothed deviation, times 4 */
	uint32_t latest_us;  /* last sample */
	uint32_t min_us;     /* smallest sample, drifting towards srtt */
	uint32_t peak_us;    /* largest recent excess of a sample over srtt */
	uint32_t reorder_us; /* how long a hole waits for the late original; 0: not at all */
	uint32_t rto_us;
	uint32_t interval_us; /* how long the peer may sit on its ACKs */
	uint32_t decayed_us;  /* when peak and reorder were last lowered: low bits */
	uint8_t nodelay;
	uint16_t group_part; /* of a round trip that a group takes, in parts of 256 */
};

void kg_kcp_rtt_init(struct kg_kcp_rtt *rtt, uint8_t nodelay, uint16_t interval_ms);

/* What is known of the peer from elsewhere; counts until the first sample. 0: nothing. */
void kg_kcp_rtt_expect(struct kg_kcp_rtt *rtt, uint32_t rtt_us);

/* A segment was acknowledged sample_us after the copy that arrived had left. */
void kg_kcp_rtt_sample(struct kg_kcp_rtt *rtt, uint64_t sample_us, uint64_t now_us);

/* A fast resend was needless: the original was only overtaken and acknowledged after so long. */
void kg_kcp_rtt_on_overtaken(struct kg_kcp_rtt *rtt, uint64_t arrived_after_us);

/* How long a copy may stay unacknowledged after `backoff` time-outs of its segment. */
uint64_t kg_kcp_rtt_timeout_us(const struct kg_kcp_rtt *rtt, unsigned int backoff);

/* The same for a segment with few others in flight, `copies` of which have gone so far. */
uint64_t kg_kcp_rtt_thin_us(const struct kg_kcp_rtt *rtt, unsigned int copies);

static inline uint32_t kg_kcp_rtt_srtt_us(const struct kg_kcp_rtt *rtt)
{
	return rtt->srtt8_us / 8;
}

/* Longer by an eighth than the least, and by more than peers sit on their ACKs. */
static inline bool kg_kcp_rtt_shows_queue(const struct kg_kcp_rtt *rtt)
{
	return kg_kcp_rtt_srtt_us(rtt) > rtt->min_us + rtt->min_us / 8 + KG_KCP_QUEUE_MIN_US;
}

/* How long a hole waits for what may bring it back from behind its group: one that is sent without
 * a pause, or ends with one, is over by then. */
static inline uint32_t kg_kcp_rtt_group_us(const struct kg_kcp_rtt *rtt)
{
	uint64_t srtt = kg_kcp_rtt_srtt_us(rtt);

	return (uint32_t)(KG_KCP_GROUP_WAIT_US + srtt / 16 + srtt * rtt->group_part / 256);
}
