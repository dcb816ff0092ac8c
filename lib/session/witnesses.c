/* SPDX-License-Identifier: BSD-3-Clause */
/* Remembers long datagrams until their acknowledgement could have come. */
#include "session/witnesses.h"

void kg_witnesses_add(struct kg_witnesses *w, uint32_t conv, uint32_t order, uint16_t bytes)
{
	if (w->count == KG_WITNESSES)
		return;
	w->all[w->count].conv = conv;
	w->all[w->count].order = order;
	w->all[w->count++].bytes = bytes;
}

uint16_t kg_witnesses_hear(struct kg_witnesses *w, uint32_t conv, uint32_t newest)
{
	uint16_t bytes = 0;
	uint8_t left = 0;

	for (uint8_t i = 0; i < w->count; i++) {
		bool over = w->all[i].conv == conv && (int32_t)(newest - w->all[i].order) >= 0;

		if (over && w->all[i].order == newest)
			bytes = w->all[i].bytes;
		if (!over)
			w->all[left++] = w->all[i];
	}
	w->count = left;
	return bytes;
}
