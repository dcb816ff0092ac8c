/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker's memory for state: a buddy allocator over one region reserved at start. No lock, no
 * system call; what is freed joins its neighbour again. Blocks are powers of two from 64 bytes.
 */
#pragma once

#include "base/mem.h"

struct kg_arena;

/* Reserves at least `bytes` from DPDK's heap. NULL when they cannot be had. */
struct kg_arena *kg_arena_create(size_t bytes);
void kg_arena_destroy(struct kg_arena *arena);

/* The arena as lib/ sees it; one user thread. */
struct kg_mem *kg_arena_mem(struct kg_arena *arena);
size_t kg_arena_size_bytes(const struct kg_arena *arena);
