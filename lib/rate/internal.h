/* SPDX-License-Identifier: BSD-3-Clause */
/* What the kinds of controllers tell each other. */
#pragma once

#include "rate/rate.h"

/* A round that is over. */
struct kg_rate_round {
	uint64_t now_us;
	uint32_t rtt_us; /* of the latest */
	float delivered, pps, loss;
};

/* Where so much was sent as `ratio` times less: whether the loss grew as if nothing more than
 * before could arrive, rather than not at all. */
static inline bool kg_rate_is_ours(float slow_loss, float fast_loss, float ratio)
{
	float if_ours = 1 - (1 - slow_loss) / ratio;

	return fast_loss > (slow_loss + if_ours) / 2;
}

void kg_rate_told_end(struct kg_rate *rate, const struct kg_rate_round *round);
float kg_rate_told_pps(const struct kg_rate *rate);
float kg_rate_told_window(const struct kg_rate *rate);

void kg_rate_window_init(struct kg_rate *rate, uint64_t now_us);
void kg_rate_window_hear(struct kg_rate *rate, const struct kg_rate_news *news);
void kg_rate_window_end(struct kg_rate *rate, const struct kg_rate_round *round);
/* So much as this is heard in the midst of a round ends it. */
bool kg_rate_window_is_hit(const struct kg_rate *rate, const struct kg_rate_news *news);
float kg_rate_window_pps(const struct kg_rate *rate);
float kg_rate_window_window(const struct kg_rate *rate);
