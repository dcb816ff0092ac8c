/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sends as fast as somebody has said, and so much faster as is lost, that what he said arrives. No
 * loss slows it down; more than three tenths it does not make good, so that a path which is full is
 * not drowned altogether.
 */
#include "rate/internal.h"

#define LOSS_SMOOTH  8.0f
#define LOSS_MOST    0.3f
#define WINDOW_TIMES 2.0f /* of what is under way at the rate, so that it is no limit */
#define WINDOW_LEAST 32.0f

void kg_rate_told_end(struct kg_rate *r, const struct kg_rate_round *round)
{
	r->loss += (round->loss - r->loss) / LOSS_SMOOTH;
}

float kg_rate_told_pps(const struct kg_rate *r)
{
	return r->pps / (1 - KG_MIN(r->loss, LOSS_MOST));
}

float kg_rate_told_window(const struct kg_rate *r)
{
	float under_way = kg_rate_told_pps(r) * (float)r->window.rtt_us / 1e6f;

	return KG_MAX(under_way * WINDOW_TIMES, WINDOW_LEAST);
}
