/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Congestion window of conversations with nc 0 (docs/kcp.md §9.1): slow start, then a segment
 * per window; half on a fast resend, one segment on a time-out. Kept with nc 1 too, where nobody
 * asks for it.
 *
 * Deviations from the original: one cut per round trip, not per flush, and a cut whose loss
 * proved to be none is taken back.
 */
#pragma once

#include "base/base.h"

struct kg_kcp_cwnd {
	uint32_t window;                         /* segments */
	uint32_t ssthresh;                       /* segments */
	uint32_t incr_bytes;                     /* the window in bytes, between whole segments */
	uint32_t before_window, before_ssthresh; /* before the last cut; 0: nothing to take back */
	uint32_t cut_order; /* copies sent before this order belong to the last cut */
	bool cut, cut_by_timeout;
};

void kg_kcp_cwnd_init(struct kg_kcp_cwnd *cwnd, uint16_t mss);

/* Once per datagram that advanced snd_una. */
void kg_kcp_cwnd_on_advance(struct kg_kcp_cwnd *cwnd, uint16_t mss, uint32_t rmt_wnd,
			    uint32_t next_order);

/* The copy with transmit order `order` was lost; `next_order` is that of the next copy. */
void kg_kcp_cwnd_on_fast(struct kg_kcp_cwnd *cwnd, uint16_t mss, uint32_t span, uint8_t resend,
			 uint32_t order, uint32_t next_order);
void kg_kcp_cwnd_on_timeout(struct kg_kcp_cwnd *cwnd, uint16_t mss, uint32_t order,
			    uint32_t next_order);
void kg_kcp_cwnd_on_needless(struct kg_kcp_cwnd *cwnd, uint16_t mss);
