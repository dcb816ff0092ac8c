/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Linear probing with backward-shift removal: no tombstones, so a lookup costs the same after a
 * million insertions and removals as in a fresh map.
 */
#include "base/u32map.h"

#define CAPACITY_MIN 16

struct kg_u32map_slot {
	void *value; /* NULL: free */
	uint32_t key;
};

static uint32_t home_of(const struct kg_u32map *map, uint32_t key)
{
	uint32_t hash = key ^ map->seed;

	hash = (hash ^ (hash >> 16)) * 0x7feb352du;
	hash = (hash ^ (hash >> 15)) * 0x846ca68bu;
	return (hash ^ (hash >> 16)) & (map->capacity - 1);
}

/* The key's slot, or the free slot where it would go; capacity > count. */
static struct kg_u32map_slot *slot_of(const struct kg_u32map *map, uint32_t key)
{
	uint32_t i = home_of(map, key);

	while (map->slots[i].value != NULL && map->slots[i].key != key)
		i = (i + 1) & (map->capacity - 1);
	return &map->slots[i];
}

static bool grow(struct kg_u32map *map)
{
	struct kg_u32map bigger = *map;

	bigger.capacity = KG_MAX(2 * map->capacity, (uint32_t)CAPACITY_MIN);
	bigger.slots = kg_mem_alloc(map->mem, bigger.capacity * sizeof(*bigger.slots));
	if (bigger.slots == NULL)
		return false;
	for (uint32_t i = 0; i < map->capacity; i++) {
		if (map->slots[i].value != NULL)
			*slot_of(&bigger, map->slots[i].key) = map->slots[i];
	}
	kg_u32map_fini(map);
	*map = bigger;
	return true;
}

void kg_u32map_init(struct kg_u32map *map, struct kg_mem *mem, uint32_t seed)
{
	*map = (struct kg_u32map){ .mem = mem, .seed = seed };
}

void kg_u32map_fini(struct kg_u32map *map)
{
	kg_mem_free(map->mem, map->slots, map->capacity * sizeof(*map->slots));
	kg_u32map_init(map, map->mem, map->seed);
}

bool kg_u32map_insert(struct kg_u32map *map, uint32_t key, void *value)
{
	struct kg_u32map_slot *slot;

	if (value == NULL)
		return false;
	/* At most three quarters full: probe sequences stay short. */
	if (map->count >= map->capacity - map->capacity / 4 && !grow(map))
		return false;
	slot = slot_of(map, key);
	if (slot->value != NULL)
		return false;
	*slot = (struct kg_u32map_slot){ .value = value, .key = key };
	map->count++;
	return true;
}

void *kg_u32map_lookup(const struct kg_u32map *map, uint32_t key)
{
	return map->capacity == 0 ? NULL : slot_of(map, key)->value;
}

/* Moves later members of the probe run into the hole where that brings them nearer home. */
static void close_hole(struct kg_u32map *map, uint32_t hole)
{
	uint32_t mask = map->capacity - 1;

	for (uint32_t i = (hole + 1) & mask; map->slots[i].value != NULL; i = (i + 1) & mask) {
		uint32_t home = home_of(map, map->slots[i].key);

		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		map->slots[hole] = map->slots[i];
		hole = i;
	}
	map->slots[hole].value = NULL;
}

void *kg_u32map_remove(struct kg_u32map *map, uint32_t key)
{
	struct kg_u32map_slot *slot;
	void *value;

	if (map->capacity == 0)
		return NULL;
	slot = slot_of(map, key);
	value = slot->value;
	if (value == NULL)
		return NULL;
	close_hole(map, (uint32_t)(slot - map->slots));
	map->count--;
	return value;
}
