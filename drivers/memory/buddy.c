/* SPDX-License-Identifier: BSD-3-Clause */
/* Splits and joins blocks of a region, each twice the size of the next smaller one. */
#include "memory/buddy.h"

#include <rte_common.h>
#include <rte_malloc.h>
#include <string.h>

/* States of a unit; others are the order of the free block that starts there. */
#define NOT_FREE 0xff
#define MARKED   0xfe

/* Lives in a free block itself. */
struct kg_buddy_block {
	LIST_ENTRY(kg_buddy_block) link;
};

static struct kg_buddy_block *block_at(const struct kg_buddy *buddy, size_t unit)
{
	return (struct kg_buddy_block *)(buddy->base + (unit << KG_BUDDY_UNIT_SHIFT));
}

static size_t unit_of(const struct kg_buddy *buddy, const void *ptr)
{
	return (size_t)((const uint8_t *)ptr - buddy->base) >> KG_BUDDY_UNIT_SHIFT;
}

unsigned int kg_buddy_order(size_t bytes)
{
	size_t units = (bytes + KG_BUDDY_UNIT_BYTES - 1) >> KG_BUDDY_UNIT_SHIFT;

	return units <= 1 ? 0 : 64 - (unsigned int)__builtin_clzll(units - 1);
}

static void put_free(struct kg_buddy *buddy, size_t unit, unsigned int order)
{
	buddy->state[unit] = (uint8_t)order;
	LIST_INSERT_HEAD(&buddy->free[order], block_at(buddy, unit), link);
}

static void take_free(struct kg_buddy *buddy, size_t unit)
{
	buddy->state[unit] = NOT_FREE;
	LIST_REMOVE(block_at(buddy, unit), link);
}

void *kg_buddy_alloc(struct kg_buddy *buddy, unsigned int order)
{
	unsigned int found = order;
	size_t unit;

	while (found < KG_BUDDY_ORDERS && LIST_EMPTY(&buddy->free[found]))
		found++;
	if (found >= KG_BUDDY_ORDERS)
		return NULL;
	unit = unit_of(buddy, LIST_FIRST(&buddy->free[found]));
	take_free(buddy, unit);
	while (found > order) {
		found--;
		put_free(buddy, unit + ((size_t)1 << found), found);
	}
	return block_at(buddy, unit);
}

void kg_buddy_free(struct kg_buddy *buddy, void *ptr, unsigned int order)
{
	size_t unit = unit_of(buddy, ptr);

	buddy->state[unit] = NOT_FREE;
	for (; order + 1 < KG_BUDDY_ORDERS; order++) {
		size_t other = unit ^ ((size_t)1 << order);

		if (other >= buddy->units || buddy->state[other] != order)
			break;
		take_free(buddy, other);
		unit = RTE_MIN(unit, other);
	}
	put_free(buddy, unit, order);
}

void kg_buddy_mark(struct kg_buddy *buddy, void *ptr)
{
	buddy->state[unit_of(buddy, ptr)] = MARKED;
}

void *kg_buddy_marked(const struct kg_buddy *buddy, const void *ptr, unsigned int order)
{
	size_t unit = unit_of(buddy, ptr) >> order << order;

	return buddy->state[unit] == MARKED ? block_at(buddy, unit) : NULL;
}

/* Cuts the region into the largest aligned blocks. */
static void fill(struct kg_buddy *buddy)
{
	size_t unit = 0;

	while (unit < buddy->units) {
		unsigned int order = KG_BUDDY_ORDERS - 1;

		while ((unit & (((size_t)1 << order) - 1)) != 0 ||
		       unit + ((size_t)1 << order) > buddy->units)
			order--;
		put_free(buddy, unit, order);
		unit += (size_t)1 << order;
	}
}

bool kg_buddy_init(struct kg_buddy *buddy, size_t bytes)
{
	*buddy = (struct kg_buddy){ .units = bytes >> KG_BUDDY_UNIT_SHIFT };
	buddy->base = rte_malloc("kg_buddy_base", buddy->units << KG_BUDDY_UNIT_SHIFT,
				 KG_BUDDY_UNIT_BYTES);
	buddy->state = rte_malloc("kg_buddy_state", buddy->units, 0);
	if (buddy->base == NULL || buddy->state == NULL) {
		kg_buddy_fini(buddy);
		return false;
	}
	/* Now, so that no worker waits while Linux looks for a page. */
	memset(buddy->base, 0, buddy->units << KG_BUDDY_UNIT_SHIFT);
	memset(buddy->state, NOT_FREE, buddy->units);
	fill(buddy);
	return true;
}

void kg_buddy_fini(struct kg_buddy *buddy)
{
	rte_free(buddy->state);
	rte_free(buddy->base);
	*buddy = (struct kg_buddy){ 0 };
}
