/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How far an original's window will reach when what leaves now arrives there. It takes what lies
 * within a whole window of its oldest hole at that moment, and what we know of that is a round trip
 * old. A hole of which enough copies are under way will have been filled; and what leaves behind
 * these copies arrives behind them. So the window counts from the first segment that is neither
 * acknowledged nor mended like that, `sure`, as far as the peer's edge that we know.
 *
 *   una [x] … [x] sure … [edge] … nxt          x: acknowledged or mended
 *
 * If all copies of the oldest hole are lost nonetheless, what has left beyond the edge is refused
 * and lost. Then nothing is foreseen until all that had left by then has arrived.
 */
#include "kcp/internal.h"

void kg_kcp_look_ahead(struct kg_kcp *kcp)
{
	struct kg_kcp_flight *f = &kcp->flight;
	uint32_t sn = kg_kcp_flight_full_sn(f, f->sure);
	struct kg_kcp_slot *slot;

	if ((int32_t)(f->nxt - sn) < 0) /* una has passed it */
		sn = f->una;
	if (f->wary) {
		f->wary = sn != f->una;
		return;
	}
	if (!f->ahead)
		sn = f->una;
	for (; sn != f->nxt && (int32_t)(kcp->peer.edge - sn) > 0; sn++) {
		slot = kg_kcp_flight_slot(f, sn);
		if (slot->buf != NULL && !slot->mended)
			break;
	}
	f->sure = (uint16_t)sn;
	f->ahead = sn != f->una;
}

void kg_kcp_mend(struct kg_kcp *kcp, uint32_t sn)
{
	if (kcp->flight.wary || (int32_t)(sn - kcp->peer.edge) >= 0)
		return;
	kg_kcp_flight_slot(&kcp->flight, sn)->mended = true;
	kg_kcp_look_ahead(kcp);
}

uint32_t kg_kcp_edge_ahead(const struct kg_kcp *kcp)
{
	const struct kg_kcp_flight *f = &kcp->flight;
	uint32_t edge = kcp->peer.edge + (kg_kcp_flight_full_sn(f, f->sure) - kcp->peer.una);

	return f->una + KG_MIN(edge - f->una, (uint32_t)KG_KCP_WINDOW_MAX);
}
