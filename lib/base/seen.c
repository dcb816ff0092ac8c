/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sets of seven slots and a mark, one cache line each; a digest lives in the set its low bits name.
 * A slot is one word: 40 bits of digest and the second of the stamp, by our monotonic clock, modulo
 * 2^24. 0 is an empty slot. The mark is the latest stamp that the set has forgotten too early; it
 * begins with second 0, in which the table was made.
 *
 * Two workers that are given the same digest at the same time both write it and then look again:
 * at least one of them finds the other's copy, so never do both answer "new".
 */
#include "base/seen.h"

#include <stdatomic.h>

#define SET_SLOTS 7
#define TIME_BITS 24
#define TIME_MASK ((1u << TIME_BITS) - 1)

struct set {
	_Atomic uint64_t slots[SET_SLOTS];
	_Atomic int64_t forgotten_s;
};
_Static_assert(sizeof(struct set) == 64, "one cache line");

struct kg_seen {
	struct kg_mem *mem;
	size_t bytes;
	uint64_t second_us; /* the clock of this file begins here: it ticks with the stamps */
	uint32_t keep_s;
	uint32_t set_mask;
	_Atomic uint64_t forgotten;
	_Alignas(64) struct set sets[];
};

struct kg_seen *kg_seen_create(struct kg_mem *mem, uint32_t entries, uint32_t keep_s,
			       uint64_t second_us)
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
	seen->second_us = second_us;
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

/* When the entry was stamped; it is nearer to now than half of what its bits can tell. */
static int64_t stamped_s(uint64_t word, int64_t now_s)
{
	int64_t age = (now_s - (int64_t)word) & TIME_MASK;

	return now_s - (age > TIME_MASK / 2 ? age - TIME_MASK - 1 : age);
}

static bool counts(const struct kg_seen *seen, uint64_t word, int64_t now_s)
{
	return word != 0 && now_s - stamped_s(word, now_s) <= seen->keep_s;
}

/* Does a slot other than `except` hold the tag, young enough? */
static bool holds(struct kg_seen *seen, struct set *set, uint64_t tag, int64_t now_s,
		  unsigned int except)
{
	for (unsigned int i = 0; i < SET_SLOTS; i++) {
		uint64_t word = atomic_load(&set->slots[i]);

		if (i != except && tag_of(word) == tag && counts(seen, word, now_s))
			return true;
	}
	return false;
}

/* The empty or oldest slot; *word is what it held. */
static unsigned int victim_of(struct set *set, int64_t now_s, uint64_t *word)
{
	unsigned int victim = 0;

	*word = atomic_load(&set->slots[0]);
	for (unsigned int i = 1; i < SET_SLOTS && *word != 0; i++) {
		uint64_t other = atomic_load(&set->slots[i]);

		if (other != 0 && stamped_s(other, now_s) >= stamped_s(*word, now_s))
			continue;
		victim = i;
		*word = other;
	}
	return victim;
}

/* An entry that still counts goes: no copy of it, nor anything as old, may come after it. */
static void forget(struct kg_seen *seen, struct set *set, int64_t entry_s)
{
	int64_t known_s = atomic_load(&set->forgotten_s);

	atomic_fetch_add_explicit(&seen->forgotten, 1, memory_order_relaxed);
	while (known_s < entry_s &&
	       !atomic_compare_exchange_weak(&set->forgotten_s, &known_s, entry_s))
		;
}

enum kg_drop kg_seen_enter(struct kg_seen *seen, uint64_t digest, int32_t age_s, uint64_t now_us)
{
	struct set *set = &seen->sets[digest & seen->set_mask];
	int64_t now_s = (int64_t)((now_us - seen->second_us) / KG_US_PER_S);
	int64_t own_s = now_s - age_s;
	uint64_t tag = KG_MAX(tag_of(digest), (uint64_t)1), old;
	unsigned int slot;

	if (holds(seen, set, tag, now_s, SET_SLOTS))
		return KG_DROP_HANDSHAKE_REPLAYED;
	slot = victim_of(set, now_s, &old);
	if (counts(seen, old, now_s) && own_s > stamped_s(old, now_s))
		forget(seen, set, stamped_s(old, now_s));
	else if (counts(seen, old, now_s))
		return KG_DROP_HANDSHAKE_STALE;
	if (own_s <= atomic_load(&set->forgotten_s))
		return KG_DROP_HANDSHAKE_STALE;
	if (!atomic_compare_exchange_strong(&set->slots[slot], &old,
					    tag << TIME_BITS | ((uint64_t)own_s & TIME_MASK)))
		return KG_DROP_HANDSHAKE_REPLAYED;
	return holds(seen, set, tag, now_s, slot) ? KG_DROP_HANDSHAKE_REPLAYED : KG_DROP_NONE;
}

uint64_t kg_seen_forgotten(const struct kg_seen *seen)
{
	return atomic_load_explicit(&seen->forgotten, memory_order_relaxed);
}
