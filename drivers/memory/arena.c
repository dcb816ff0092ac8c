/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cuts small pieces out of slabs, and gives larger ones whole blocks, on top of the buddy
 * allocator.
 */
#include "memory/arena.h"

#include "memory/buddy.h"

#include <rte_malloc.h>
#include <string.h>

#define PIECE_MAX_BYTES 1024u
#define CLASSES         (PIECE_MAX_BYTES / KG_BUDDY_UNIT_BYTES)
#define SLAB_BYTES      (32u << 10)
#define KEPT_DIVISOR    8 /* of the region, for what exists */

/* At the start of its block, in front of the pieces. */
struct slab {
	LIST_ENTRY(slab) link; /* among those of its class with pieces left */
	struct piece *returned;
	uint16_t used, cut, total; /* pieces: in use; ever used; in all */
};
_Static_assert(sizeof(struct slab) <= KG_BUDDY_UNIT_BYTES, "one unit in front of the pieces");
LIST_HEAD(slab_list, slab);

/* What a returned piece holds. */
struct piece {
	struct piece *next;
};

struct kg_arena {
	struct kg_mem mem;
	struct kg_buddy buddy;
	struct slab_list slabs[CLASSES]; /* pieces of 1, 2, … units */
};

static size_t units_of(size_t bytes)
{
	return KG_MAX((bytes + KG_BUDDY_UNIT_BYTES - 1) >> KG_BUDDY_UNIT_SHIFT, (size_t)1);
}

/* Telemetry looks at it meanwhile. */
static void set_in_use(struct kg_arena *arena, size_t bytes)
{
	__atomic_store_n(&arena->mem.in_use_bytes, bytes, __ATOMIC_RELAXED);
}

/* ---- slabs ---- */

static struct slab *slab_create(struct kg_arena *arena, size_t units)
{
	struct slab *slab = kg_buddy_alloc(&arena->buddy, kg_buddy_order(SLAB_BYTES));

	if (slab == NULL)
		return NULL;
	*slab = (struct slab){
		.total = (uint16_t)((SLAB_BYTES / KG_BUDDY_UNIT_BYTES - 1) / units),
	};
	kg_buddy_mark(&arena->buddy, slab);
	LIST_INSERT_HEAD(&arena->slabs[units - 1], slab, link);
	return slab;
}

/* A piece counts with its share of the slab; what is free in slabs serves others of its size. */
static void *piece_alloc(struct kg_arena *arena, size_t units)
{
	struct slab *slab = LIST_FIRST(&arena->slabs[units - 1]);
	void *piece;

	if (slab == NULL)
		slab = slab_create(arena, units);
	if (slab == NULL)
		return NULL;
	piece = slab->returned;
	if (piece != NULL)
		slab->returned = slab->returned->next;
	else
		piece = (uint8_t *)slab + (1 + slab->cut++ * units) * KG_BUDDY_UNIT_BYTES;
	set_in_use(arena, arena->mem.in_use_bytes + SLAB_BYTES / slab->total);
	if (++slab->used == slab->total)
		LIST_REMOVE(slab, link);
	return piece;
}

static void piece_free(struct kg_arena *arena, struct slab *slab, struct piece *piece, size_t units)
{
	if (slab->used == slab->total)
		LIST_INSERT_HEAD(&arena->slabs[units - 1], slab, link);
	set_in_use(arena, arena->mem.in_use_bytes - SLAB_BYTES / slab->total);
	piece->next = slab->returned;
	slab->returned = piece;
	if (--slab->used > 0)
		return;
	LIST_REMOVE(slab, link);
	kg_buddy_free(&arena->buddy, slab, kg_buddy_order(SLAB_BYTES));
}

/* ---- blocks ---- */

static void *block_alloc(struct kg_arena *arena, size_t bytes)
{
	unsigned int order = kg_buddy_order(bytes);
	void *block = kg_buddy_alloc(&arena->buddy, order);

	if (block != NULL)
		set_in_use(arena, arena->mem.in_use_bytes + ((size_t)KG_BUDDY_UNIT_BYTES << order));
	return block;
}

static void block_free(struct kg_arena *arena, void *block, size_t bytes)
{
	unsigned int order = kg_buddy_order(bytes);

	set_in_use(arena, arena->mem.in_use_bytes - ((size_t)KG_BUDDY_UNIT_BYTES << order));
	kg_buddy_free(&arena->buddy, block, order);
}

/* ---- as lib/ sees it ---- */

/* A small thing that finds no room for a slab may still find a block. */
static void *arena_alloc(struct kg_mem *mem, size_t bytes)
{
	struct kg_arena *arena = KG_CONTAINER_OF(mem, struct kg_arena, mem);
	void *ptr = NULL;

	if (bytes <= PIECE_MAX_BYTES)
		ptr = piece_alloc(arena, units_of(bytes));
	if (ptr == NULL)
		ptr = block_alloc(arena, bytes);
	return ptr == NULL ? NULL : memset(ptr, 0, bytes);
}

static void arena_free(struct kg_mem *mem, void *ptr, size_t bytes)
{
	struct kg_arena *arena = KG_CONTAINER_OF(mem, struct kg_arena, mem);
	struct slab *slab = NULL;

	if (ptr == NULL)
		return;
	if (bytes <= PIECE_MAX_BYTES)
		slab = kg_buddy_marked(&arena->buddy, ptr, kg_buddy_order(SLAB_BYTES));
	if (slab != NULL)
		piece_free(arena, slab, ptr, units_of(bytes));
	else
		block_free(arena, ptr, bytes);
}

struct kg_arena *kg_arena_create(size_t bytes)
{
	struct kg_arena *arena = rte_zmalloc("kg_arena", sizeof(*arena), 0);

	if (arena == NULL)
		return NULL;
	arena->mem = (struct kg_mem){
		.alloc = arena_alloc,
		.free = arena_free,
		.soft_limit_bytes = bytes - bytes / KEPT_DIVISOR,
	};
	for (size_t i = 0; i < CLASSES; i++)
		LIST_INIT(&arena->slabs[i]);
	if (kg_buddy_init(&arena->buddy, bytes))
		return arena;
	rte_free(arena);
	return NULL;
}

void kg_arena_destroy(struct kg_arena *arena)
{
	if (arena == NULL)
		return;
	kg_buddy_fini(&arena->buddy);
	rte_free(arena);
}

struct kg_mem *kg_arena_mem(struct kg_arena *arena)
{
	return &arena->mem;
}

size_t kg_arena_in_use_bytes(const struct kg_arena *arena)
{
	return __atomic_load_n(&arena->mem.in_use_bytes, __ATOMIC_RELAXED);
}

size_t kg_arena_size_bytes(const struct kg_arena *arena)
{
	return arena->buddy.units << KG_BUDDY_UNIT_SHIFT;
}
