/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Payload buffers from DPDK mempools in two size classes. Any thread registered with EAL may
 * allocate and free.
 */
#pragma once

#include "base/buf.h"

#define KG_BUF_SMALL_ROOM 240
#define KG_BUF_LARGE_ROOM 2000

struct kg_buf_mempool;

/* As many buffers as fit `bytes`, half of them small; an eighth of each half is kept (base/buf.h).
 * NULL when they cannot be had. */
struct kg_buf_mempool *kg_buf_mempool_create(const char *name, size_t bytes, unsigned int cache);
void kg_buf_mempool_destroy(struct kg_buf_mempool *mp);

struct kg_buf_pool *kg_buf_mempool_pool(struct kg_buf_mempool *mp);

/* Recomputes the pool's fair share from what is free now. Called by one thread, every ms or so. */
void kg_buf_mempool_update_share(struct kg_buf_mempool *mp);

struct kg_buf_mempool_stats {
	uint32_t small_total, small_free;
	uint32_t large_total, large_free;
	uint32_t fair_share; /* segments */
};
void kg_buf_mempool_get_stats(const struct kg_buf_mempool *mp, struct kg_buf_mempool_stats *stats);
