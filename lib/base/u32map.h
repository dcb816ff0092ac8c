/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Open-addressing map from a 32-bit key, an id or a hash, to a pointer. Grows and shrinks through
 * its allocator, and moves its content a few slots with each insertion and removal, so that none of
 * them takes long. Not thread-safe.
 */
#pragma once

#include "base/base.h"
#include "base/mem.h"
#include "base/rng.h"

struct kg_u32map_table {
	struct kg_u32map_slot *slots;
	uint32_t capacity; /* power of two, 0: none */
};

struct kg_u32map {
	struct kg_mem *mem;
	struct kg_u32map_table now, old; /* old: from which is being moved */
	uint32_t moved;                  /* slots of the old table that are empty for good */
	uint32_t count;
	uint64_t seed[2]; /* of the hash: secret */
};

void kg_u32map_init(struct kg_u32map *map, struct kg_mem *mem, struct kg_rng *rng);
void kg_u32map_fini(struct kg_u32map *map);
/* False when the key is taken, the value is NULL or memory is short. */
bool kg_u32map_insert(struct kg_u32map *map, uint32_t key, void *value);
void *kg_u32map_lookup(const struct kg_u32map *map, uint32_t key);
/* The removed value, or NULL. */
void *kg_u32map_remove(struct kg_u32map *map, uint32_t key);
/* All values stand in so many slots; NULL: nothing in this one. Insertions and removals may bring
 * others elsewhere. */
uint32_t kg_u32map_slots(const struct kg_u32map *map);
void *kg_u32map_at(const struct kg_u32map *map, uint32_t slot);
