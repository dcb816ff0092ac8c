/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finds out how large our window has to be (docs/kcp.md §8.3).
 *
 * A window that is less than what a path holds makes the path slow, and one loss holds up all of
 * it. What comes shows it: more than half a window in a round trip, or a segment that lies more
 * than half a window beyond a hole. Then the window doubles, as far as memory goes and only while
 * the reader keeps up; for more than he takes need not be here. What is not needed is given up bit
 * by bit, and all of it in silence.
 */
#include "kcp/internal.h"

#define KEEPS_UP    4u /* of the window, the part that may be unread */
#define NEEDLESS    8u /* times what is needed: too large */
#define GIVEN_UP    8u /* the part of it that goes in a round trip */
#define SHARE_SPARE 8u /* of our share of the memory, the part that is left: others may come */

static void grow(struct kg_kcp *kcp)
{
	uint32_t share = kg_kcp_recv_share(&kcp->recv, kcp->pool);
	uint32_t wnd = KG_MIN(2u * kcp->recv.wnd, share - share / SHARE_SPARE);

	wnd = KG_MIN(wnd, (uint32_t)KG_KCP_WINDOW_MAX);
	if (wnd > kcp->recv.wnd)
		kg_kcp_recv_set_window(&kcp->recv, (uint16_t)wnd);
}

void kg_kcp_need_note(struct kg_kcp *kcp, uint32_t came, uint32_t furthest)
{
	const struct kg_kcp_recv *recv = &kcp->recv;
	int32_t beyond = (int32_t)(furthest - recv->nxt) + 1;

	kcp->came = (uint16_t)KG_MIN(kcp->came + came, (uint32_t)UINT16_MAX);
	if (2 * KG_MAX((int32_t)kcp->came, beyond) <= recv->wnd)
		return;
	if (recv->listed <= recv->wnd / KEEPS_UP)
		grow(kcp);
}

static void shrink(struct kg_kcp *kcp)
{
	uint16_t wnd = kcp->recv.wnd;

	kg_kcp_recv_set_window(&kcp->recv,
			       KG_MAX(kcp->params.rcv_wnd, (uint16_t)(wnd - wnd / GIVEN_UP)));
}

void kg_kcp_need_update(struct kg_kcp *kcp, uint32_t now_ms)
{
	uint32_t srtt_us = kg_kcp_rtt_srtt_us(&kcp->rtt);
	uint32_t round_us = srtt_us > 0 ? srtt_us : kcp->rtt.rto_us / 2;

	if ((uint16_t)(now_ms - kcp->since_ms) * KG_US_PER_MS < round_us)
		return;
	if (kcp->recv.wnd > kcp->params.rcv_wnd &&
	    NEEDLESS * KG_MAX((uint32_t)kcp->came, kcp->recv.held) < kcp->recv.wnd)
		shrink(kcp);
	kcp->came = 0;
	kcp->since_ms = (uint16_t)now_ms;
}
