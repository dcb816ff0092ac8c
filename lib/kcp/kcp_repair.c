/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Says what goes more than once: what was lost, where it holds up a window and the path has room,
 * and the end of a burst, whose loss nothing would show.
 */
#include "kcp/internal.h"

#define WINDOWS       4u  /* in one of them a hole may stay */
#define WINDOWS_AHEAD 32u /* where that is foreseen: then all that has left is refused */
#define RUN           8u  /* segments that were hardly all lost */

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

/* Not acknowledged yet. */
static bool waits(const struct kg_kcp_flight *f, uint32_t sn)
{
	return kg_kcp_flight_spans(f, sn) && kg_kcp_flight_slot(f, sn)->buf != NULL;
}

/* Of an original a lost datagram of ACKs looks like a run of losses. What una has come to is lost,
 * and what is beyond the edge may have been refused. */
static bool is_in_run(const struct kg_kcp *kcp, uint32_t sn)
{
	const struct kg_kcp_flight *f = &kcp->flight;
	uint32_t run = 1;

	if (!kcp->original || sn == f->una || (int32_t)(sn - kcp->peer.edge) >= 0)
		return false;
	for (uint32_t next = sn + 1; run < RUN && waits(f, next); next++)
		run++;
	for (uint32_t before = sn - 1; run < RUN && waits(f, before); before--)
		run++;
	return run == RUN;
}

/* Parity of the peer may bring back such ACKs. */
bool kg_kcp_doubt(struct kg_kcp *kcp, uint32_t sn)
{
	const struct kg_kcp_slot *slot = kg_kcp_flight_slot(&kcp->flight, sn);

	if (!kcp->original || kcp->group_data == 0 || kcp->params.prompt || slot->copies > 1 ||
	    slot->backoff > 0)
		return false;
	if (!has_room(kcp) || !blocks(kcp, sn) || !is_in_run(kcp, sn))
		return false;
	kg_kcp_flight_doubt(&kcp->flight, sn);
	return true;
}

/* Of a run few are lost: as if it had gone once more. With FEC hardly any, for parity has filled
 * most of what was. */
static void repeat(struct kg_kcp *kcp, uint32_t sn)
{
	struct kg_kcp_flight *f = &kcp->flight;
	bool in_run = is_in_run(kcp, sn);
	const struct kg_kcp_repeats how = {
		.most = copies_max(kcp),
		.before = in_run ? 1 + f->patient : 0,
		.windows = kcp->original ? WINDOWS_AHEAD : WINDOWS,
	};

	if (in_run) {
		kg_kcp_flight_note_needless(f, 1);
		kg_kcp_flight_slot(f, sn)->fast = false;
	}
	if (kg_kcp_flight_repeat(f, sn, &how) && kcp->original)
		kg_kcp_mend(kcp, sn);
}

void kg_kcp_repeat(struct kg_kcp *kcp, uint32_t sn)
{
	if (kcp->queue == NULL || !has_room(kcp))
		return;
	if (blocks(kcp, sn))
		repeat(kcp, sn);
	else
		kg_kcp_flight_save_twin(&kcp->flight);
}

/* FEC's parity does for it what a twin would. */
void kg_kcp_end_burst(struct kg_kcp *kcp)
{
	if (kg_kcp_holds_its_own(kcp) && !kcp->flight.patient)
		kg_kcp_flight_end_burst(&kcp->flight);
}
