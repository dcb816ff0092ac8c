/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sets of eight slots, one cache line each; a digest lives in the set its low bits name. A slot is
 * one word: 40 bits of digest and the second of entry modulo 2^24. 0 is an empty slot.
 *
 * Two workers that are given the same digest at the same time both write it and then look again:
 * at least one of them finds the other's copy, so never do both answer "new".
 */
#include "base/seen.h"

#include <stdatomic.h>

#define SET_SLOTS 8
#define TIME_BITS 24
#define TIME_MASK ((1u << TIME_BITS) - 1)

struct set {
	_Atomic uint64_t slots[SET_SLOTS];
};

struct kg_seen {
	struct kg_mem *mem;
	size_t bytes;
	uint32_t keep_s;
	uint32_t set_mask;
	struct set sets[];
};

struct kg_seen *kg_seen_create(struct kg_mem *mem, uint32_t entries, uint32_t keep_s)
{
	uint32_t sets = 1;
	struct kg_seen *seen;
	size_t bytes;

	while (sets < entries / SET_SLOTS + (entries % SET_SLOTS != 0))
		sets *= 2;
	bytes = sizeof(*seen) + sets * sizeof(struct set);
	seen = kg_mem_alloc(mem, bytes);
	if (seen == NULL)
		return NULL;
	seen->mem = mem;
	seen->bytes = bytes;
	seen->keep_s = KG_MIN(keep_s, TIME_MASK / 2);
	seen->set_mask = sets - 1;
	return seen;
}

void kg_seen_destroy(struct kg_seen *seen)
{
	if (seen != NULL)
		kg_mem_free(seen->mem, seen, seen->bytes);
}

static uint64_t tag_of(uint64_t word)
{
	return word >> TIME_BITS;
}

/* Another worker's clock may be a little ahead of ours: the future counts as now. */
static uint32_t age_s(uint64_t word, uint32_t now_s)
{
	uint32_t age = (now_s - (uint32_t)word) & TIME_MASK;

	return age > TIME_MASK / 2 ? 0 : age;
}

/* Does a slot other than `except` hold the tag, young enough? */
static bool holds(struct kg_seen *seen, struct set *set, uint64_t tag, uint32_t now_s,
		  unsigned int except)
{
	for (unsigned int i = 0; i < SET_SLOTS; i++) {
		uint64_t word = atomic_load(&set->slots[i]);

		if (i != except && tag_of(word) == tag && age_s(word, now_s) <= seen->keep_s)
			return true;
	}
	return false;
}

/* The empty or oldest slot; *word is what it held. */
static unsigned int victim_of(struct set *set, uint32_t now_s, uint64_t *word)
{
	unsigned int victim = 0;

	*word = atomic_load(&set->slots[0]);
	for (unsigned int i = 1; i < SET_SLOTS && *word != 0; i++) {
		uint64_t other = atomic_load(&set->slots[i]);

		if (other != 0 && age_s(other, now_s) <= age_s(*word, now_s))
			continue;
		victim = i;
		*word = other;
	}
	return victim;
}

bool kg_seen_test_and_set(struct kg_seen *seen, uint64_t digest, uint64_t now_us)
{
	struct set *set = &seen->sets[digest & seen->set_mask];
	uint32_t now_s = (uint32_t)(now_us / KG_US_PER_S) & TIME_MASK;
	uint64_t tag = KG_MAX(tag_of(digest), (uint64_t)1);
	unsigned int slot;
	uint64_t old;

	if (holds(seen, set, tag, now_s, SET_SLOTS))
		return true;
	slot = victim_of(set, now_s, &old);
	if (!atomic_compare_exchange_strong(&set->slots[slot], &old, tag << TIME_BITS | now_s))
		return true;
	return holds(seen, set, tag, now_s, slot);
}
