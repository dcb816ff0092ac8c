/* SPDX-License-Identifier: BSD-3-Clause */
/* Moves the congestion window: up with ACKs, down with losses, back when there was none. */
#include "kcp/kcp_cwnd.h"

#define SSTHRESH_MIN 2u
/* A cut so many copies ago is over; forgotten long before the order wraps around. */
#define CUT_STALE (1u << 24)

void kg_kcp_cwnd_init(struct kg_kcp_cwnd *cwnd, uint16_t mss)
{
	*cwnd = (struct kg_kcp_cwnd){
		.window = 1,
		.ssthresh = SSTHRESH_MIN,
		.incr_bytes = mss,
	};
}

void kg_kcp_cwnd_on_advance(struct kg_kcp_cwnd *cwnd, uint16_t mss, uint32_t rmt_wnd,
			    uint32_t next_order)
{
	if (next_order - cwnd->cut_order > CUT_STALE)
		cwnd->cut = false;
	if (cwnd->window >= rmt_wnd)
		return;
	if (cwnd->window < cwnd->ssthresh) {
		cwnd->window++;
		cwnd->incr_bytes += mss;
		return;
	}
	cwnd->incr_bytes = KG_MAX(cwnd->incr_bytes, mss);
	cwnd->incr_bytes += mss * (uint32_t)mss / cwnd->incr_bytes + mss / 16;
	if ((cwnd->window + 1) * mss <= cwnd->incr_bytes)
		cwnd->window = (cwnd->incr_bytes + mss - 1) / mss;
	if (cwnd->window > rmt_wnd) {
		cwnd->window = rmt_wnd;
		cwnd->incr_bytes = rmt_wnd * mss;
	}
}

/* False when the last cut already answers for this loss; a resend's does not for a time-out. */
static bool begin_cut(struct kg_kcp_cwnd *cwnd, bool timeout, uint32_t order, uint32_t next_order)
{
	bool same_round = cwnd->cut && (int32_t)(order - cwnd->cut_order) < 0;

	if (same_round && (cwnd->cut_by_timeout || !timeout))
		return false;
	cwnd->cut_by_timeout = timeout;
	cwnd->before_window = cwnd->window;
	cwnd->before_ssthresh = cwnd->ssthresh;
	cwnd->cut_order = next_order;
	cwnd->cut = true;
	return true;
}

void kg_kcp_cwnd_on_fast(struct kg_kcp_cwnd *cwnd, uint16_t mss, uint32_t span, uint8_t resend,
			 uint32_t order, uint32_t next_order)
{
	if (!begin_cut(cwnd, false, order, next_order))
		return;
	cwnd->ssthresh = KG_MAX(span / 2, SSTHRESH_MIN);
	cwnd->window = cwnd->ssthresh + resend;
	cwnd->incr_bytes = cwnd->window * mss;
}

void kg_kcp_cwnd_on_timeout(struct kg_kcp_cwnd *cwnd, uint16_t mss, uint32_t order,
			    uint32_t next_order)
{
	if (!begin_cut(cwnd, true, order, next_order))
		return;
	cwnd->ssthresh = KG_MAX(cwnd->window / 2, SSTHRESH_MIN);
	cwnd->window = 1;
	cwnd->incr_bytes = mss;
}

void kg_kcp_cwnd_on_needless(struct kg_kcp_cwnd *cwnd, uint16_t mss)
{
	if (cwnd->before_window <= cwnd->window)
		return;
	cwnd->window = cwnd->before_window;
	cwnd->ssthresh = cwnd->before_ssthresh;
	cwnd->incr_bytes = cwnd->window * mss;
	cwnd->before_window = 0;
}
