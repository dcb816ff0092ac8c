/* SPDX-License-Identifier: BSD-3-Clause */
/* Counts troubles, and says when one is to be told. A slot belongs to whoever came first, until it
 * was quiet for as long as he may not be told again. */
#include "telemetry/troubles.h"

#include <string.h>

static const struct {
	const char *name;
	const char *help;
} troubles[KG_TROUBLE_COUNT] = {
#define TROUBLE_TEXT(id, text, about) [KG_TROUBLE_##id] = { text, about },
	KG_TROUBLE_LIST(TROUBLE_TEXT)
#undef TROUBLE_TEXT
};

const char *kg_trouble_name(enum kg_trouble trouble)
{
	return troubles[trouble].name;
}

const char *kg_trouble_help(enum kg_trouble trouble)
{
	return troubles[trouble].help;
}

static bool is_of(const struct kg_trouble_slot *slot, enum kg_trouble trouble, uint16_t tunnel,
		  const struct kg_ip *peer)
{
	return slot->trouble == trouble && slot->tunnel == tunnel && kg_ip_equal(&slot->peer, peer);
}

uint32_t kg_troubles_note(struct kg_troubles *t, enum kg_trouble trouble, uint16_t tunnel,
			  const struct kg_ip *peer, uint64_t now_us)
{
	struct kg_endpoint key = { .ip = *peer, .port = tunnel };
	struct kg_trouble_slot *slot = &t->slots[kg_endpoint_hash(&key, trouble) % KG_TROUBLES_MAX];
	bool due = slot->told_us == 0 || now_us - slot->told_us >= KG_TROUBLE_EVERY_US;
	uint32_t count;

	if (!is_of(slot, trouble, tunnel, peer)) {
		if (!due)
			return 0;
		*slot = (struct kg_trouble_slot){ .peer = *peer,
						  .tunnel = tunnel,
						  .trouble = (uint8_t)trouble };
	}
	count = ++slot->count;
	if (!due)
		return 0;
	slot->count = 0;
	slot->told_us = now_us;
	return count;
}
