/* SPDX-License-Identifier: BSD-3-Clause */
/* Backs payload buffers with DPDK's mempools, and tells how much each conversation may hold. */
#include "memory/buf_mempool.h"

#include <rte_malloc.h>
#include <rte_mempool.h>
#include <rte_prefetch.h>
#include <stdio.h>

#define PREFETCH     16
#define KEPT_DIVISOR 8 /* of each class, for what makes conversations go on */

_Static_assert(sizeof(struct kg_buf) + KG_BUF_HEADROOM + KG_BUF_LARGE_ROOM >=
		       KG_BUF_LINE + KG_BUF_COLD_ROOM,
	       "a large buffer may be a cold one");

struct kg_buf_mempool {
	struct kg_buf_pool pool;
	struct rte_mempool *small, *large;
	struct rte_mempool_cache *cold[RTE_MAX_LCORE]; /* of the large ones */
};

/*
 * Buffers that wait in a large window have left the caches and the TLB when they are used again,
 * and take as long to come as a dozen are taken.
 */
static void prefetch_next(struct rte_mempool *mempool, uint16_t room)
{
	struct rte_mempool_cache *cache = rte_mempool_default_cache(mempool, rte_lcore_id());
	const char *obj;

	if (cache == NULL || cache->len < PREFETCH)
		return;
	obj = cache->objs[cache->len - PREFETCH];
	rte_prefetch0(obj);
	rte_prefetch0(obj + sizeof(struct kg_buf) + KG_BUF_HEADROOM + room - 1);
}

/* What any thread can have: what others' caches hold is as good as used. */
static unsigned int available(const struct rte_mempool *mempool)
{
	return rte_mempool_get_ops(mempool->ops_index)->get_count(mempool);
}

/*
 * A cache is filled only while there is more than what is kept. What is kept goes past the caches,
 * so that none of it is there for other uses afterwards.
 */
static void *take_common(struct rte_mempool *mempool, struct rte_mempool_cache *cache,
			 enum kg_buf_use use)
{
	unsigned int kept = mempool->size / KEPT_DIVISOR;
	void *obj = NULL;

	if (available(mempool) > kept)
		rte_mempool_generic_get(mempool, &obj, 1, cache);
	else if (available(mempool) > kg_buf_left_by(use, kept))
		rte_mempool_generic_get(mempool, &obj, 1, NULL);
	return obj;
}

static __rte_always_inline void *take(struct rte_mempool *mempool, struct rte_mempool_cache *cache,
				      enum kg_buf_use use)
{
	void *obj;

	if (cache == NULL || cache->len == 0)
		return take_common(mempool, cache, use);
	rte_mempool_generic_get(mempool, &obj, 1, cache);
	return obj;
}

static void *take_usual(struct rte_mempool *mempool, enum kg_buf_use use)
{
	return take(mempool, rte_mempool_default_cache(mempool, rte_lcore_id()), use);
}

static struct kg_buf *buf_alloc(struct kg_buf_pool *base, uint16_t room, enum kg_buf_use use)
{
	struct kg_buf_mempool *mp = KG_CONTAINER_OF(base, struct kg_buf_mempool, pool);
	struct kg_buf *buf = NULL;

	if (KG_UNLIKELY(room > KG_BUF_LARGE_ROOM))
		return NULL;
	if (room <= KG_BUF_SMALL_ROOM)
		buf = take_usual(mp->small, use);
	if (buf == NULL)
		buf = take_usual(mp->large, use);
	if (buf == NULL)
		return NULL;
	prefetch_next(room > KG_BUF_SMALL_ROOM ? mp->large : mp->small, room);
	buf->next = NULL;
	buf->data = (uint8_t *)(buf + 1) + KG_BUF_HEADROOM;
	buf->len = 0;
	return buf;
}

static void buf_free(struct kg_buf *buf)
{
	struct kg_buf_mempool *mp = KG_CONTAINER_OF(buf->pool, struct kg_buf_mempool, pool);

	rte_mempool_put(buf->room > KG_BUF_SMALL_ROOM ? mp->large : mp->small, buf);
}

/*
 * Cold buffers pass through caches of their own, so that the usual ones keep what is warm. A thread
 * without one, which is no worker, goes to the common ring.
 */
static struct rte_mempool_cache *cold_cache(const struct kg_buf_mempool *mp)
{
	unsigned int lcore = rte_lcore_id();

	return lcore < RTE_MAX_LCORE ? mp->cold[lcore] : NULL;
}

static struct kg_buf *buf_alloc_cold(struct kg_buf_pool *base)
{
	struct kg_buf_mempool *mp = KG_CONTAINER_OF(base, struct kg_buf_mempool, pool);

	return take(mp->large, cold_cache(mp), KG_BUF_MORE);
}

static void buf_free_cold(struct kg_buf_pool *base, struct kg_buf *buf)
{
	struct kg_buf_mempool *mp = KG_CONTAINER_OF(base, struct kg_buf_mempool, pool);
	void *obj = buf;

	rte_mempool_generic_put(mp->large, &obj, 1, cold_cache(mp));
}

static void init_object(struct rte_mempool *mempool, void *opaque, void *obj, unsigned int idx)
{
	struct kg_buf_mempool *mp = opaque;
	struct kg_buf *buf = obj;

	*buf = (struct kg_buf){
		.pool = &mp->pool,
		.room = (uint16_t)(mempool->elt_size - sizeof(*buf) - KG_BUF_HEADROOM),
	};
}

/* No device reads these buffers: objects may cross pages, which saves half of 4 KiB pages. */
static struct rte_mempool *create_class(struct kg_buf_mempool *mp, const char *name,
					const char *class, unsigned int count, unsigned int cache,
					uint16_t room)
{
	char full[RTE_MEMPOOL_NAMESIZE];

	snprintf(full, sizeof(full), "%s_%s", name, class);
	return rte_mempool_create(full, count, sizeof(struct kg_buf) + KG_BUF_HEADROOM + room,
				  cache, 0, NULL, NULL, init_object, mp, SOCKET_ID_ANY,
				  RTE_MEMPOOL_F_NO_IOVA_CONTIG);
}

static size_t object_bytes(uint16_t room)
{
	return sizeof(struct rte_mempool_objhdr) + sizeof(struct kg_buf) + KG_BUF_HEADROOM + room +
	       RTE_CACHE_LINE_SIZE;
}

static void create_cold_caches(struct kg_buf_mempool *mp, unsigned int cache)
{
	for (unsigned int i = 0; i < RTE_MAX_LCORE; i++) {
		if (rte_lcore_is_enabled(i))
			mp->cold[i] = rte_mempool_cache_create(cache, SOCKET_ID_ANY);
	}
}

struct kg_buf_mempool *kg_buf_mempool_create(const char *name, size_t bytes, unsigned int cache)
{
	struct kg_buf_mempool *mp = rte_zmalloc("kg_buf_mempool", sizeof(*mp), 0);
	size_t pair = object_bytes(KG_BUF_SMALL_ROOM) + object_bytes(KG_BUF_LARGE_ROOM);
	unsigned int count = (unsigned int)(bytes / pair);

	if (mp == NULL)
		return NULL;
	mp->pool.alloc = buf_alloc;
	mp->pool.free = buf_free;
	mp->pool.alloc_cold = buf_alloc_cold;
	mp->pool.free_cold = buf_free_cold;
	mp->pool.small_room = KG_BUF_SMALL_ROOM;
	mp->small = create_class(mp, name, "small", count, cache, KG_BUF_SMALL_ROOM);
	mp->large = create_class(mp, name, "large", count, cache, KG_BUF_LARGE_ROOM);
	if (mp->small == NULL || mp->large == NULL) {
		kg_buf_mempool_destroy(mp);
		return NULL;
	}
	create_cold_caches(mp, cache);
	kg_buf_mempool_update_share(mp);
	return mp;
}

void kg_buf_mempool_destroy(struct kg_buf_mempool *mp)
{
	if (mp == NULL)
		return;
	for (unsigned int i = 0; i < RTE_MAX_LCORE; i++) {
		if (mp->cold[i] != NULL)
			rte_mempool_cache_free(mp->cold[i]);
	}
	rte_mempool_free(mp->small);
	rte_mempool_free(mp->large);
	rte_free(mp);
}

struct kg_buf_pool *kg_buf_mempool_pool(struct kg_buf_mempool *mp)
{
	return &mp->pool;
}

static uint32_t large_free(const struct kg_buf_mempool *mp)
{
	uint32_t count = rte_mempool_avail_count(mp->large);

	for (unsigned int i = 0; i < RTE_MAX_LCORE; i++)
		count += mp->cold[i] == NULL ? 0 : mp->cold[i]->len;
	return KG_MIN(count, mp->large->size);
}

void kg_buf_mempool_update_share(struct kg_buf_mempool *mp)
{
	uint32_t kept = mp->large->size / KEPT_DIVISOR, left = available(mp->large);

	__atomic_store_n(&mp->pool.left, left, __ATOMIC_RELAXED);
	__atomic_store_n(&mp->pool.fair_share, kg_buf_share(left, kept), __ATOMIC_RELAXED);
}

KG_METRIC_TABLE(kg_buf_mempool_metrics, kg_buf_mempool_stats,
		KG_BUF_MEMPOOL_METRICS(KG_METRIC_ROW));

void kg_buf_mempool_get_stats(const struct kg_buf_mempool *mp, struct kg_buf_mempool_stats *stats)
{
	*stats = (struct kg_buf_mempool_stats){
		.small_total = mp->small->size,
		.small_used = mp->small->size - rte_mempool_avail_count(mp->small),
		.large_total = mp->large->size,
		.large_used = mp->large->size - large_free(mp),
		.fair_share = kg_buf_fair_share(&mp->pool),
	};
}
