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
};

/* malloc-backed, for tests and tools. */
void kg_mem_malloc_init(struct kg_mem *mem);

/* Whether something new, or a growing one, may have so many bytes. */
static inline bool kg_mem_allows(const struct kg_mem *mem, size_t bytes)
{
	return mem->in_use_bytes + bytes <= mem->soft_limit_bytes;
}

static inline void *kg_mem_alloc(struct kg_mem *mem, size_t bytes)
{
	return mem->alloc(mem, bytes);
}

static inline void kg_mem_free(struct kg_mem *mem, void *ptr, size_t bytes)
{
	mem->free(mem, ptr, bytes);
}
