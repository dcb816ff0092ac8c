/* SPDX-License-Identifier: BSD-3-Clause */
/* Notes conversations, and finds those noted lately. A place holds the upper half of a
 * conversation's hash and the second it was noted, plus one. */
#include "recent.h"

#define SEED UINT64_C(0x5bd1e995) /* a wrong guess costs a datagram, so it need not be secret */

static uint64_t second_of(uint64_t now_us)
{
	return now_us / KG_US_PER_S + 1;
}

void kg_recent_note(struct kg_recent *recent, const struct kg_tuple *tuple, uint64_t now_us)
{
	uint64_t hash = kg_tuple_hash(tuple, SEED);

	atomic_store_explicit(&recent->places[hash % KG_RECENT_PLACES],
			      (hash & ~(uint64_t)UINT32_MAX) | (uint32_t)second_of(now_us),
			      memory_order_relaxed);
}

bool kg_recent_has(const struct kg_recent *recent, const struct kg_tuple *tuple, uint64_t now_us)
{
	uint64_t hash = kg_tuple_hash(tuple, SEED);
	uint64_t place = atomic_load_explicit(&recent->places[hash % KG_RECENT_PLACES],
					      memory_order_relaxed);

	return (uint32_t)place != 0 && place >> 32 == hash >> 32 &&
	       (uint32_t)second_of(now_us) - (uint32_t)place <= KG_RECENT_KEEP_S;
}
