/* SPDX-License-Identifier: BSD-3-Clause */
/* Puts things into places and takes them out, and gives each place a new generation afterwards. */
#include "base/slots.h"

#include <string.h>

void kg_slots_put(struct kg_slots *slots, uint16_t id, void *what)
{
	slots->places[id % KG_SLOTS] = what;
	slots->ids[id % KG_SLOTS] = id;
	slots->all[slots->count++] = what;
}

void kg_slots_remove(struct kg_slots *slots, uint16_t id)
{
	const void *what = kg_slots_get(slots, id);
	unsigned int at = 0;

	if (what == NULL)
		return;
	while (slots->all[at] != what)
		at++;
	slots->count--;
	memmove(&slots->all[at], &slots->all[at + 1], (slots->count - at) * sizeof(slots->all[0]));
	slots->places[id % KG_SLOTS] = NULL;
}

/* ---- ids ---- */

void kg_slot_ids_init(struct kg_slot_ids *ids)
{
	*ids = (struct kg_slot_ids){ .count = KG_SLOTS };
	for (unsigned int i = 0; i < KG_SLOTS; i++)
		ids->free[i] = (uint8_t)i;
}

bool kg_slot_ids_draw(struct kg_slot_ids *ids, uint16_t *id)
{
	uint8_t place = ids->free[ids->head];

	if (ids->count == 0)
		return false;
	ids->head = (ids->head + 1) % KG_SLOTS;
	ids->count--;
	*id = (uint16_t)(ids->generations[place] * KG_SLOTS + place);
	return true;
}

void kg_slot_ids_give_back(struct kg_slot_ids *ids, uint16_t id)
{
	uint8_t place = (uint8_t)(id % KG_SLOTS);

	ids->generations[place] = (uint8_t)((ids->generations[place] + 1) % KG_SLOT_GENERATIONS);
	ids->free[(ids->head + ids->count) % KG_SLOTS] = place;
	ids->count++;
}
