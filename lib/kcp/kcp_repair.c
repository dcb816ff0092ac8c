/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Says what goes more than once: what was lost, where it holds up a window and the path has room,
 * and the end of a burst, whose loss nothing would show.
 */
#include "kcp/internal.h"

/* Where there is no queue. */
static bool has_room(const struct kg_kcp *kcp)
{
	return kg_kcp_holds_its_own(kcp) && !kg_kcp_rtt_shows_queue(&kcp->rtt);
}

/* What may lie between the oldest hole and what leaves. */
static int32_t window(const struct kg_kcp *kcp)
{
	const struct kg_kcp_flight *f = &kcp->flight;
	int32_t edge = (int32_t)(kcp->peer.edge - f->una);

	return kg_kcp_spreads(kcp) ? edge : KG_MIN(edge, (int32_t)kcp->params.snd_wnd);
}

/*
 * Since `sn` so much else has left, and as much leaves before its copy is acknowledged. Where the
 * window lets less than that go now, it will be shut by then. But older holes shut it, whose copies
 * are under way; a window of three times as much stays open even when this copy is lost, too.
 */
static bool blocks(const struct kg_kcp *kcp, uint32_t sn)
{
	const struct kg_kcp_flight *f = &kcp->flight;
	int32_t since = (int32_t)(f->nxt - sn), most = window(kcp);
	int32_t left = most - (int32_t)(f->nxt - f->una);

	return left < since && (left <= 0 || most < 3 * since);
}

/* Where the window is less than the path takes it is shut for longer than it is open, and one hole
 * that stays costs as much again. In a wider one a few that stay are hardly seen. */
static unsigned int copies_max(const struct kg_kcp *kcp)
{
	return window(kcp) < (int32_t)kcp->pace.window ? KG_KCP_HOLE_COPIES : 2;
}

void kg_kcp_repeat(struct kg_kcp *kcp, uint32_t sn)
{
	if (kcp->queue == NULL || !has_room(kcp))
		return;
	if (blocks(kcp, sn))
		kg_kcp_flight_repeat(&kcp->flight, sn, copies_max(kcp));
	else
		kg_kcp_flight_save_twin(&kcp->flight);
}

/* FEC's parity does for it what a twin would. */
void kg_kcp_end_burst(struct kg_kcp *kcp)
{
	if (kg_kcp_holds_its_own(kcp) && !kcp->flight.patient)
		kg_kcp_flight_end_burst(&kcp->flight);
}
