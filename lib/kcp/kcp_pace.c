/* SPDX-License-Identifier: BSD-3-Clause */
#include "kcp/kcp_pace.h"

#define BURST_SEGMENTS 16u
#define BURST_US       1000u /* a worker may sleep so long */
/* A window in four fifths of a round trip: one that a hole held up catches up. */
#define GAIN_NUMERATOR   5u
#define GAIN_DENOMINATOR 4u

void kg_kcp_pace_update(struct kg_kcp_pace *pace, uint32_t window, uint32_t srtt_us,
			uint64_t now_us)
{
	if (now_us - pace->set_us < srtt_us / 8)
		return;
	pace->set_us = now_us;
	pace->gap = ((uint64_t)srtt_us << KG_KCP_PACE_SHIFT) * GAIN_DENOMINATOR /
		    (KG_MAX(window, 1u) * (uint64_t)GAIN_NUMERATOR);
	pace->burst = KG_MAX(BURST_SEGMENTS * pace->gap, (uint64_t)BURST_US << KG_KCP_PACE_SHIFT);
}
