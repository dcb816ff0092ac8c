/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where lib/ gets memory for state (channels, rings, tables). One user thread per allocator. The
 * box gives each worker an arena (drivers/memory/arena.h) over hugepage memory; tests give malloc.
 */
#pragma once

#include "base/base.h"

struct kg_mem {
	/* Zeroed memory aligned to 64 bytes, or NULL. */
	void *(*alloc)(struct kg_mem *mem, size_t bytes);
	/* `bytes` as given to alloc; NULL is allowed. */
	void (*free)(struct kg_mem *mem, void *ptr, size_t bytes);
	size_t in_use_bytes; /* written by alloc and free */
	/* What is beyond belongs to what exists: nothing new begins there, and nothing grows that
	 * can work without. */
	size_t soft_limit_bytes;
	size_t grown_bytes; /* of those in use, by kg_mem_grow */
};

/* Of what may still grow, one conversation. With k that all want more 1/(1 +
 * k/KG_MEM_SHARE_DIVISOR) of it stays free for the others. */
#define KG_MEM_SHARE_DIVISOR 4

/* malloc-backed, for tests and tools. */
void kg_mem_malloc_init(struct kg_mem *mem);

/* Whether something new, or a growing one, may have so many bytes. */
static inline bool kg_mem_allows(const struct kg_mem *mem, size_t bytes)
{
	return mem->in_use_bytes + bytes <= mem->soft_limit_bytes;
}

/*
 * What conversations can work without, and is larger the more they do: windows' rings, groups of
 * FEC. It has a half, so that whatever peers make it grow to, what is new finds the other. How
 * many bytes of it are left.
 */
static inline size_t kg_mem_left_to_grow(const struct kg_mem *mem)
{
	size_t most = mem->soft_limit_bytes / 2;
	size_t grow = most > mem->grown_bytes ? most - mem->grown_bytes : 0;
	size_t all = mem->soft_limit_bytes > mem->in_use_bytes
			     ? mem->soft_limit_bytes - mem->in_use_bytes
			     : 0;

	return KG_MIN(grow, all);
}

static inline void *kg_mem_alloc(struct kg_mem *mem, size_t bytes)
{
	return mem->alloc(mem, bytes);
}

static inline void kg_mem_free(struct kg_mem *mem, void *ptr, size_t bytes)
{
	mem->free(mem, ptr, bytes);
}

/* The same, for what grows: its bytes are counted apart. */
static inline void *kg_mem_grow(struct kg_mem *mem, size_t bytes)
{
	size_t before = mem->in_use_bytes;
	void *ptr = mem->alloc(mem, bytes);

	mem->grown_bytes += mem->in_use_bytes - before;
	return ptr;
}

static inline void kg_mem_shrink(struct kg_mem *mem, void *ptr, size_t bytes)
{
	size_t before = mem->in_use_bytes;

	mem->free(mem, ptr, bytes);
	mem->grown_bytes -= before - mem->in_use_bytes;
}
