/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Payload buffers from DPDK mempools in two size classes. Any thread registered with EAL may
 * allocate and free.
 */
#pragma once

#include "base/buf.h"
#include "base/metric.h"

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

#define KG_BUF_MEMPOOL_METRICS(X)                                                                  \
	X(small_used, "mem_buf_small_used", GAUGE, "buffers", "small payload buffers in use")      \
	X(small_total, "mem_buf_small_total", GAUGE, "buffers", "small payload buffers there are") \
	X(large_used, "mem_buf_large_used", GAUGE, "buffers", "large payload buffers in use")      \
	X(large_total, "mem_buf_large_total", GAUGE, "buffers", "large payload buffers there are") \
	X(fair_share, "mem_fair_share_segments", GAUGE, "segments",                                \
	  "what a channel may keep of them unread")

struct kg_buf_mempool_stats {
	KG_BUF_MEMPOOL_METRICS(KG_METRIC_FIELD)
};
extern const struct kg_metric_table kg_buf_mempool_metrics;
void kg_buf_mempool_get_stats(const struct kg_buf_mempool *mp, struct kg_buf_mempool_stats *stats);
