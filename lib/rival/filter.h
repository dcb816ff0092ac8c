/* SPDX-License-Identifier: BSD-3-Clause */
/* What several rivals measure: rounds, the best of some rounds, the least of some time. */
#pragma once

#include "rival/rival.h"

/* A round is over when something is acknowledged that left after the round began. */
struct kg_rival_round {
	uint64_t ends, count;
};

static inline bool kg_rival_round_ends(struct kg_rival_round *round, const struct kg_rival_ack *ack)
{
	if (ack->delivered_then < round->ends)
		return false;
	round->ends = ack->delivered;
	round->count++;
	return true;
}

/* The greatest of the last KG_RIVAL_ROUNDS rounds. */
#define KG_RIVAL_ROUNDS 10
struct kg_rival_best {
	double of[KG_RIVAL_ROUNDS];
	uint64_t round;
};

static inline void kg_rival_best_add(struct kg_rival_best *best, uint64_t round, double value)
{
	for (; best->round < round; best->round++)
		best->of[(best->round + 1) % KG_RIVAL_ROUNDS] = 0;
	best->of[round % KG_RIVAL_ROUNDS] = KG_MAX(best->of[round % KG_RIVAL_ROUNDS], value);
}

static inline double kg_rival_best_get(const struct kg_rival_best *best)
{
	double value = 0;

	for (int i = 0; i < KG_RIVAL_ROUNDS; i++)
		value = KG_MAX(value, best->of[i]);
	return value;
}

/* The least of the last span_us: rising values, each younger than the one before it. */
#define KG_RIVAL_LEAST 32
struct kg_rival_least {
	struct {
		uint64_t at_us;
		uint32_t value;
	} of[KG_RIVAL_LEAST];
	uint32_t first, count;
};

static inline uint32_t kg_rival_least_add(struct kg_rival_least *least, uint64_t now_us,
					  uint64_t span_us, uint32_t value)
{
	while (least->count > 0 &&
	       least->of[(least->first + least->count - 1) % KG_RIVAL_LEAST].value >= value)
		least->count--;
	while (least->count > 0 && least->of[least->first].at_us + span_us < now_us) {
		least->first = (least->first + 1) % KG_RIVAL_LEAST;
		least->count--;
	}
	if (least->count < KG_RIVAL_LEAST) {
		uint32_t at = (least->first + least->count++) % KG_RIVAL_LEAST;

		least->of[at].at_us = now_us;
		least->of[at].value = value;
	}
	return least->of[least->first].value;
}
