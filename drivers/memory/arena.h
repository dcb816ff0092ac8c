/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker's memory for state, one region reserved at start. No lock, no system call.
 *
 * Small things (channels, engines, connections) come from slabs: 32 KiB cut into pieces of equal
 * size, a multiple of 64 bytes, so that little is lost to rounding. Larger ones (rings, tables) and
 * the slabs themselves are blocks of a buddy allocator. A slab that is empty goes back to it.
 */
#pragma once

#include "base/mem.h"

struct kg_arena;

/* Reserves at least `bytes` from DPDK's heap. NULL when they cannot be had. */
struct kg_arena *kg_arena_create(size_t bytes);
void kg_arena_destroy(struct kg_arena *arena);

/* The arena as lib/ sees it; one user thread. What is in use counts blocks, and pieces with
 * their share of the slab; an eighth is kept for what exists already (base/mem.h). */
struct kg_mem *kg_arena_mem(struct kg_arena *arena);
/* Any thread. */
size_t kg_arena_in_use_bytes(const struct kg_arena *arena);
size_t kg_arena_size_bytes(const struct kg_arena *arena);
