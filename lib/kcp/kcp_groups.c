/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a conversation knows of the groups that FEC makes of its datagrams: where one begins, how
 * long it may pause, that parity has its place in the pace, and how much parity there is to be.
 *
 * So many of a group's data are lost on average, and now and then more: as much parity as covers
 * the mean and five deviations, for one group that stays open holds up a window of many. Where an
 * original's window is what limits, a hole costs its copies alone (kcp_foresee.c), and less parity
 * does: the mean, a deviation and half a row. More is wanted at once, less when none of
 * CALM_GROUPS has wanted it, and none when nothing was lost in CLEAN_GROUPS.
 */
#include "kcp/internal.h"

#define LULL_PART    16u /* of a round trip */
#define CALM_GROUPS  64u
#define CLEAN_GROUPS 255u
/* Data; of less it does not show what parity brought back: nothing is behind it. */
#define TELLING   4u
#define FULL_PART 4               /* of a window, that is left of one that is all but full */
#define CLEAN     (65536u / 1024) /* less is lost on average: nothing, lately */

/* A group of data in a window of it. */
void kg_kcp_update_group_part(struct kg_kcp *kcp)
{
	kcp->rtt.group_part = (uint16_t)KG_MIN(256u * kcp->group_data / kcp->params.snd_wnd, 256u);
}

void kg_kcp_set_groups(struct kg_kcp *kcp, uint8_t data, uint8_t parity)
{
	kcp->group_data = data;
	kcp->group_parity = parity;
	kg_kcp_flight_set_groups(&kcp->flight, data);
	kcp->flight.patient = true;
	kg_kcp_update_group_part(kcp);
}

/* An original's window is what limits, and is all but full. */
static bool is_shut(const struct kg_kcp *kcp)
{
	int32_t left = (int32_t)(kg_kcp_edge(kcp) - kcp->flight.nxt);

	return kcp->original && kcp->queue != NULL && left < kcp->peer.wnd / FULL_PART;
}

/* Of losses in a group, in 256ths: the mean; that of random losses is their variance, too. */
static uint8_t wanted(struct kg_kcp *kcp, uint8_t most)
{
	uint32_t loss = kg_kcp_flight_loss(&kcp->flight);
	uint32_t mean = kcp->group_data * loss / 256, least = mean, rows = 0;
	uint32_t deviations = 5;

	if (kcp->group_data < TELLING)
		return most;
	if (loss < CLEAN)
		return 0;
	if (is_shut(kcp)) {
		least += 128;
		deviations = 1;
	}
	while (rows < most && (256 * rows < least || (256 * rows - least) * (256 * rows - least) <
							     deviations * deviations * 256 * mean))
		rows++;
	return (uint8_t)rows;
}

void kg_kcp_next_group(struct kg_kcp *kcp)
{
	struct kg_kcp_flight *f = &kcp->flight;

	if (kg_kcp_flight_next_group(f) && f->calm < UINT8_MAX)
		f->calm++;
}

uint8_t kg_kcp_parity(struct kg_kcp *kcp, uint8_t most)
{
	uint8_t rows = wanted(kcp, most);
	struct kg_kcp_flight *f = &kcp->flight;

	if (rows >= kcp->group_parity) {
		kcp->group_parity = rows;
		f->calm = 0;
	} else if (f->calm >= (kcp->group_parity > 1 ? CALM_GROUPS : CLEAN_GROUPS)) {
		kcp->group_parity--;
		f->calm = 0;
	}
	f->patient = kcp->group_parity > 0;
	return kcp->group_parity;
}

uint32_t kg_kcp_lull_us(const struct kg_kcp *kcp)
{
	uint64_t others_us = 0;

	if (kcp->queue == NULL)
		return 0;
	if (kcp->shared)
		others_us = kcp->member.share->busy * (uint64_t)kcp->member.share->pace.gap >>
			    KG_KCP_PACE_SHIFT;
	return (uint32_t)KG_MIN(KG_MAX(others_us, kg_kcp_rtt_srtt_us(&kcp->rtt) / LULL_PART),
				(uint64_t)KG_US_PER_S);
}

void kg_kcp_on_parity(struct kg_kcp *kcp, uint64_t now_us)
{
	kg_kcp_pace_take(kg_kcp_pace_of(kcp), kg_kcp_clock(kcp, now_us));
}
