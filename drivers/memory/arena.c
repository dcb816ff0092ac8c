/* SPDX-License-Identifier: BSD-3-Clause */
#include "memory/arena.h"

#include <rte_common.h>
#include <rte_malloc.h>
#include <string.h>
#include <sys/queue.h>

#define UNIT_BYTES 64u
#define UNIT_SHIFT 6
#define ORDERS     27 /* up to 4 GiB */
#define NOT_FREE   0xff

LIST_HEAD(block_list, block);

/* Lives in a free block itself. */
struct block {
	LIST_ENTRY(block) link;
};

struct kg_arena {
	struct kg_mem mem;
	uint8_t *base;
	size_t units;
	uint8_t *free_order; /* by unit: order of the free block that starts there, or NOT_FREE */
	struct block_list free[ORDERS];
};

static struct block *block_at(struct kg_arena *arena, size_t unit)
{
	return (struct block *)(arena->base + (unit << UNIT_SHIFT));
}

static size_t unit_of(const struct kg_arena *arena, const void *ptr)
{
	return (size_t)((const uint8_t *)ptr - arena->base) >> UNIT_SHIFT;
}

static unsigned int order_of(size_t bytes)
{
	size_t units = (bytes + UNIT_BYTES - 1) >> UNIT_SHIFT;

	return units <= 1 ? 0 : 64 - (unsigned int)__builtin_clzll(units - 1);
}

static void put_free(struct kg_arena *arena, size_t unit, unsigned int order)
{
	arena->free_order[unit] = (uint8_t)order;
	LIST_INSERT_HEAD(&arena->free[order], block_at(arena, unit), link);
}

static void take_free(struct kg_arena *arena, size_t unit)
{
	arena->free_order[unit] = NOT_FREE;
	LIST_REMOVE(block_at(arena, unit), link);
}

static void *arena_alloc(struct kg_mem *mem, size_t bytes)
{
	struct kg_arena *arena = KG_CONTAINER_OF(mem, struct kg_arena, mem);
	unsigned int want = order_of(bytes), order = want;
	size_t unit;

	while (order < ORDERS && LIST_EMPTY(&arena->free[order]))
		order++;
	if (order >= ORDERS)
		return NULL;
	unit = unit_of(arena, LIST_FIRST(&arena->free[order]));
	take_free(arena, unit);
	while (order > want) {
		order--;
		put_free(arena, unit + ((size_t)1 << order), order);
	}
	mem->in_use_bytes += (size_t)UNIT_BYTES << want;
	return memset(block_at(arena, unit), 0, bytes);
}

static void arena_free(struct kg_mem *mem, void *ptr, size_t bytes)
{
	struct kg_arena *arena = KG_CONTAINER_OF(mem, struct kg_arena, mem);
	unsigned int order = order_of(bytes);
	size_t unit;

	if (ptr == NULL)
		return;
	mem->in_use_bytes -= (size_t)UNIT_BYTES << order;
	unit = unit_of(arena, ptr);
	for (; order + 1 < ORDERS; order++) {
		size_t buddy = unit ^ ((size_t)1 << order);

		if (buddy >= arena->units || arena->free_order[buddy] != order)
			break;
		take_free(arena, buddy);
		unit = RTE_MIN(unit, buddy);
	}
	put_free(arena, unit, order);
}

/* Cuts the region into the largest aligned blocks. */
static void fill(struct kg_arena *arena)
{
	size_t unit = 0;

	while (unit < arena->units) {
		unsigned int order = ORDERS - 1;

		while ((unit & (((size_t)1 << order) - 1)) != 0 ||
		       unit + ((size_t)1 << order) > arena->units)
			order--;
		put_free(arena, unit, order);
		unit += (size_t)1 << order;
	}
}

struct kg_arena *kg_arena_create(size_t bytes)
{
	struct kg_arena *arena = rte_zmalloc("kg_arena", sizeof(*arena), 0);

	if (arena == NULL)
		return NULL;
	arena->mem = (struct kg_mem){ .alloc = arena_alloc, .free = arena_free };
	arena->units = bytes >> UNIT_SHIFT;
	arena->base = rte_malloc("kg_arena_base", arena->units << UNIT_SHIFT, UNIT_BYTES);
	arena->free_order = rte_malloc("kg_arena_order", arena->units, 0);
	if (arena->base == NULL || arena->free_order == NULL) {
		kg_arena_destroy(arena);
		return NULL;
	}
	memset(arena->free_order, NOT_FREE, arena->units);
	fill(arena);
	return arena;
}

void kg_arena_destroy(struct kg_arena *arena)
{
	if (arena == NULL)
		return;
	rte_free(arena->free_order);
	rte_free(arena->base);
	rte_free(arena);
}

struct kg_mem *kg_arena_mem(struct kg_arena *arena)
{
	return &arena->mem;
}

size_t kg_arena_size_bytes(const struct kg_arena *arena)
{
	return arena->units << UNIT_SHIFT;
}
