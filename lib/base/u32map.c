/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finds keys by linear probing, and removes them by backward shifts: no tombstones, so a lookup
 * costs the same after a million insertions and removals as in a fresh map.
 *
 * While the map moves to another table a key is in one of the two. The old table is emptied from
 * its first slot on; taking a key out closes the hole behind it, so what is left stays reachable.
 */
#include "base/u32map.h"

#define CAPACITY_MIN 16
/*
 * Slots of the old table that one call empties, which takes a few microseconds. It has to be empty
 * before the new one is three quarters full: 16 would do for one of a quarter of the size, which
 * begins half full. More, and the old table is soon gone.
 */
#define MOVE_SLOTS 128

struct kg_u32map_slot {
	void *value; /* NULL: free */
	uint32_t key;
};

/* ---- one table ---- */

/* Strangers choose keys. Multiplied with a secret into 128 bits and folded, they spread in a way
 * that nobody knows who does not know it; hashes are never shown. */
static uint32_t home_of(const struct kg_u32map_table *t, const uint64_t seed[2], uint32_t key)
{
	__uint128_t product = (__uint128_t)(seed[0] ^ key) * seed[1];

	return ((uint32_t)product ^ (uint32_t)(product >> 64)) & (t->capacity - 1);
}

/* The key's slot, or the free slot where it would go; the table is not full. */
static struct kg_u32map_slot *slot_of(const struct kg_u32map_table *t, const uint64_t seed[2],
				      uint32_t key)
{
	uint32_t i = home_of(t, seed, key);

	while (t->slots[i].value != NULL && t->slots[i].key != key)
		i = (i + 1) & (t->capacity - 1);
	return &t->slots[i];
}

static void *lookup(const struct kg_u32map_table *t, const uint64_t seed[2], uint32_t key)
{
	return t->capacity == 0 ? NULL : slot_of(t, seed, key)->value;
}

/* Empties the slot; moves later members of the probe run into the hole where that brings them
 * nearer home. */
static void take_out(struct kg_u32map_table *t, const uint64_t seed[2], uint32_t hole)
{
	uint32_t mask = t->capacity - 1;

	for (uint32_t i = (hole + 1) & mask; t->slots[i].value != NULL; i = (i + 1) & mask) {
		uint32_t home = home_of(t, seed, t->slots[i].key);

		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		t->slots[hole] = t->slots[i];
		hole = i;
	}
	t->slots[hole].value = NULL;
}

static void *remove_from(struct kg_u32map_table *t, const uint64_t seed[2], uint32_t key)
{
	struct kg_u32map_slot *slot;
	void *value;

	if (t->capacity == 0)
		return NULL;
	slot = slot_of(t, seed, key);
	value = slot->value;
	if (value != NULL)
		take_out(t, seed, (uint32_t)(slot - t->slots));
	return value;
}

static void table_free(struct kg_u32map *map, struct kg_u32map_table *t)
{
	kg_mem_free(map->mem, t->slots, t->capacity * sizeof(*t->slots));
	*t = (struct kg_u32map_table){ 0 };
}

/* ---- the two of them ---- */

static void move(struct kg_u32map *map, uint32_t slots)
{
	for (; slots > 0 && map->moved < map->old.capacity; slots--, map->moved++) {
		struct kg_u32map_slot *slot = &map->old.slots[map->moved];

		while (slot->value != NULL) {
			*slot_of(&map->now, map->seed, slot->key) = *slot;
			take_out(&map->old, map->seed, map->moved);
		}
	}
	if (map->moved == map->old.capacity || map->count == 0)
		table_free(map, &map->old);
}

static bool resize(struct kg_u32map *map, uint32_t capacity)
{
	struct kg_u32map_table other = { .capacity = capacity };

	other.slots = kg_mem_alloc(map->mem, capacity * sizeof(*other.slots));
	if (other.slots == NULL)
		return false;
	move(map, map->old.capacity);
	map->old = map->now;
	map->now = other;
	map->moved = 0;
	return true;
}

/* At most three quarters full: probe sequences stay short. */
static bool make_room(struct kg_u32map *map)
{
	uint32_t capacity = map->now.capacity;

	return map->count < capacity - capacity / 4 ||
	       resize(map, KG_MAX(2 * capacity, (uint32_t)CAPACITY_MIN));
}

/* Without memory for a smaller table the map stays as large as it is. */
static void give_room_back(struct kg_u32map *map)
{
	uint32_t capacity = map->now.capacity;

	if (capacity <= 4 * CAPACITY_MIN)
		return;
	if (map->count == 0)
		resize(map, CAPACITY_MIN);
	else if (map->old.capacity == 0 && map->count < capacity / 8)
		resize(map, capacity / 4);
}

void kg_u32map_init(struct kg_u32map *map, struct kg_mem *mem, struct kg_rng *rng)
{
	*map = (struct kg_u32map){
		.mem = mem,
		.seed = { kg_rng_next(rng), kg_rng_next(rng) | 1 },
	};
}

void kg_u32map_fini(struct kg_u32map *map)
{
	table_free(map, &map->now);
	table_free(map, &map->old);
	map->moved = map->count = 0;
}

void *kg_u32map_lookup(const struct kg_u32map *map, uint32_t key)
{
	void *value = lookup(&map->now, map->seed, key);

	return value != NULL ? value : lookup(&map->old, map->seed, key);
}

bool kg_u32map_insert(struct kg_u32map *map, uint32_t key, void *value)
{
	if (value == NULL || kg_u32map_lookup(map, key) != NULL)
		return false;
	if (!make_room(map))
		return false;
	move(map, MOVE_SLOTS);
	*slot_of(&map->now, map->seed, key) = (struct kg_u32map_slot){ .value = value, .key = key };
	map->count++;
	return true;
}

void *kg_u32map_remove(struct kg_u32map *map, uint32_t key)
{
	void *value = remove_from(&map->now, map->seed, key);

	if (value == NULL)
		value = remove_from(&map->old, map->seed, key);
	if (value == NULL)
		return NULL;
	map->count--;
	give_room_back(map);
	move(map, MOVE_SLOTS);
	return value;
}

uint32_t kg_u32map_slots(const struct kg_u32map *map)
{
	return map->now.capacity + map->old.capacity;
}

void *kg_u32map_at(const struct kg_u32map *map, uint32_t slot)
{
	return slot < map->now.capacity ? map->now.slots[slot].value
					: map->old.slots[slot - map->now.capacity].value;
}
