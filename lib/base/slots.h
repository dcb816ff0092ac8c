/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Places for what comes and goes and is named by a number: an id is a place and a generation, so
 * that one which is kept too long finds nothing, never what has the place now. An id comes again
 * after its place has had KG_SLOT_GENERATIONS others; places are taken in the order in which they
 * became free.
 *
 * One owner draws ids; each thread has slots of its own for what it holds under them.
 */
#pragma once

#include "base/base.h"

#define KG_SLOTS            256
#define KG_SLOT_GENERATIONS 255
#define KG_SLOT_IDS         (KG_SLOTS * KG_SLOT_GENERATIONS) /* every id is below */

/* All 0: empty. */
struct kg_slots {
	void *places[KG_SLOTS];
	uint16_t ids[KG_SLOTS]; /* of what stands there */
	void *all[KG_SLOTS];    /* what there is, in the order in which it came */
	unsigned int count;
};

/* NULL: it has gone, or never was here. */
static inline void *kg_slots_get(const struct kg_slots *slots, uint16_t id)
{
	unsigned int place = id % KG_SLOTS;

	return slots->ids[place] == id ? slots->places[place] : NULL;
}

/* The place is empty. */
void kg_slots_put(struct kg_slots *slots, uint16_t id, void *what);
/* Harmless for what is not there. */
void kg_slots_remove(struct kg_slots *slots, uint16_t id);

struct kg_slot_ids {
	uint8_t generations[KG_SLOTS]; /* of the next id of the place */
	uint8_t free[KG_SLOTS];        /* places; the one that has been free longest is at `head` */
	unsigned int head, count;
};

void kg_slot_ids_init(struct kg_slot_ids *ids);
/* False: none is free. The first ones count up from 0. */
bool kg_slot_ids_draw(struct kg_slot_ids *ids, uint16_t *id);
void kg_slot_ids_give_back(struct kg_slot_ids *ids, uint16_t id);
