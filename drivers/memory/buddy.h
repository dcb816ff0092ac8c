/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Buddy allocator over one region of DPDK's heap: blocks of 2^order units, each aligned to its size
 * from the start of the region; what is freed joins its neighbour again. For the arena alone.
 */
#pragma once

#include "base/base.h"

#include <sys/queue.h>

#define KG_BUDDY_UNIT_SHIFT 6
#define KG_BUDDY_UNIT_BYTES (1u << KG_BUDDY_UNIT_SHIFT)
#define KG_BUDDY_ORDERS     27 /* up to 4 GiB */

LIST_HEAD(kg_buddy_list, kg_buddy_block);

struct kg_buddy {
	uint8_t *base;
	size_t units;
	uint8_t *state; /* by unit: what begins there */
	struct kg_buddy_list free[KG_BUDDY_ORDERS];
};

/* Reserves at least `bytes`, less than a unit is cut off; false when they cannot be had. */
bool kg_buddy_init(struct kg_buddy *buddy, size_t bytes);
void kg_buddy_fini(struct kg_buddy *buddy);

/* Smallest order that holds so many bytes; may be beyond KG_BUDDY_ORDERS. */
unsigned int kg_buddy_order(size_t bytes);
/* NULL when there is no such block. The bytes are what they were. */
void *kg_buddy_alloc(struct kg_buddy *buddy, unsigned int order);
void kg_buddy_free(struct kg_buddy *buddy, void *ptr, unsigned int order);

/* A mark on a block in use, taken off when it is freed: its user's own distinction. */
void kg_buddy_mark(struct kg_buddy *buddy, void *ptr);
/* The block of this order around `ptr` when it is marked, else NULL. */
void *kg_buddy_marked(const struct kg_buddy *buddy, const void *ptr, unsigned int order);
