/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Has a box stand still for a while, as one does that gets no CPU: at any time, or where it hurts
 * most, when datagrams wait for the pace of their burst. Its frames gather in its ports.
 */
#include "boxes/boxes.h"

#include "conn/burst.h"

#define SOON_US (100 * KG_US_PER_MS) /* what waits for its pace waits for less */

static bool burst_waits(const struct kg_worker *w, uint64_t now_us)
{
	for (unsigned int i = 0; i < KG_BURSTS_MAX; i++) {
		if (w->bursts[i] != NULL && w->bursts[i]->timer.deadline_us < now_us + SOON_US)
			return true;
	}
	return false;
}

static bool is_due(const struct boxes *boxes, int side, const struct halt *halt)
{
	bool waits = !halt->in_burst;

	if (halt->for_us == 0 || boxes->now_us < halt->from_us)
		return false;
	for (unsigned int w = 0; !waits && w < boxes->two.queues; w++)
		waits = burst_waits(boxes->two.boxes[side].workers[w], boxes->now_us);
	return waits;
}

void halt_turn(struct boxes *boxes)
{
	for (int side = CLIENT; side < SIDES; side++) {
		unsigned int next = boxes->halted[side];
		const struct halt *halt = &boxes->scenario.halts[side][next];

		if (next == BOXES_HALTS || halt_until_us(boxes, side) > 0 ||
		    !is_due(boxes, side, halt))
			continue;
		boxes->halted[side]++;
		boxes->halted_until_us[side] = boxes->now_us + halt->for_us;
	}
}

uint64_t halt_until_us(const struct boxes *boxes, int side)
{
	uint64_t until_us = boxes->halted_until_us[side];

	return boxes->now_us < until_us ? until_us : 0;
}
