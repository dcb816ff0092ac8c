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

/* Since `sn` so much else has left. Where less than that can leave now, the window will be shut
 * before another copy is acknowledged. */
static bool blocks(const struct kg_kcp *kcp, uint32_t sn)
{
	const struct kg_kcp_flight *f = &kcp->flight;
	int32_t left = (int32_t)(kcp->peer.edge - f->nxt);

	if (!kg_kcp_spreads(kcp))
		left = KG_MIN(left, (int32_t)(kcp->params.snd_wnd - (f->nxt - f->una)));
	return left < (int32_t)(f->nxt - sn);
}

void kg_kcp_repeat(struct kg_kcp *kcp, uint32_t sn)
{
	if (kcp->queue == NULL || !has_room(kcp))
		return;
	if (blocks(kcp, sn))
		kg_kcp_flight_repeat(&kcp->flight, sn);
	else
		kg_kcp_flight_save_twin(&kcp->flight);
}

/* FEC's parity does for it what a twin would. */
void kg_kcp_end_burst(struct kg_kcp *kcp)
{
	if (kg_kcp_holds_its_own(kcp) && !kcp->flight.patient)
		kg_kcp_flight_end_burst(&kcp->flight);
}
