/* SPDX-License-Identifier: BSD-3-Clause */
/* Backs the allocator of lib/ with malloc, for tests. */
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define MEM_ALIGN_BYTES 64

static void *malloc_alloc(struct kg_mem *mem, size_t bytes)
{
	size_t rounded = (bytes + MEM_ALIGN_BYTES - 1) & ~(size_t)(MEM_ALIGN_BYTES - 1);
	void *ptr = aligned_alloc(MEM_ALIGN_BYTES, rounded);

	if (ptr == NULL)
		return NULL;
	memset(ptr, 0, rounded);
	mem->in_use_bytes += bytes;
	return ptr;
}

static void malloc_free(struct kg_mem *mem, void *ptr, size_t bytes)
{
	if (ptr == NULL)
		return;
	mem->in_use_bytes -= bytes;
	free(ptr);
}

void kg_mem_malloc_init(struct kg_mem *mem)
{
	*mem = (struct kg_mem){ .alloc = malloc_alloc,
				.free = malloc_free,
				.soft_limit_bytes = SIZE_MAX };
}
