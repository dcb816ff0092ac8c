/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes pools that hold back the mbufs which AF_XDP cannot use. */
#include "nic/mbufs.h"

#include "base/base.h"
#include "net/frame.h"

#include <rte_eal.h>
#include <rte_mempool.h>
#include <stdlib.h>
#include <unistd.h>

/* Of count, to make up for objects that lie beyond: one per page of 64 cache lines or more. */
#define SPARE_SHARE 32
#define SPARE_MIN   16

/* AF_PACKET takes no mbuf that is shorter than the driver's places for frames, which are longer
 * than these and of round sizes. */
#define PLACE_STEP 512

static uint32_t object_bytes(uint16_t priv_bytes, uint16_t room)
{
	return rte_mempool_calc_obj_size((uint32_t)sizeof(struct rte_mbuf) + priv_bytes + room, 0,
					 NULL);
}

static unsigned int frame_bytes(uint16_t mtu)
{
	return mtu + KG_ETHER_BYTES + 2 * KG_VLAN_BYTES;
}

static uint16_t least_room(uint16_t mtu)
{
	unsigned int room = RTE_PKTMBUF_HEADROOM + frame_bytes(mtu);

	return (uint16_t)KG_MAX((unsigned int)RTE_MBUF_DEFAULT_BUF_SIZE,
				RTE_ALIGN_CEIL(room, RTE_CACHE_LINE_SIZE));
}

static uint16_t ample_room(uint16_t mtu)
{
	unsigned int room = RTE_ALIGN_CEIL(frame_bytes(mtu), PLACE_STEP) + PLACE_STEP;

	return (uint16_t)KG_MAX((unsigned int)RTE_MBUF_DEFAULT_BUF_SIZE,
				RTE_PKTMBUF_HEADROOM + room);
}

/* No more than a page, as AF_XDP wants it, if a frame fits. A small page holds one mbuf, whatever
 * its size: the larger it is, the smaller the gap. */
static uint16_t choose_room(uint16_t priv_bytes, uint16_t mtu)
{
	uint16_t room = least_room(mtu), ample = ample_room(mtu);
	uint32_t page_bytes = (uint32_t)getpagesize();

	if (object_bytes(priv_bytes, room) > page_bytes)
		return ample;
	while ((room < ample || !rte_eal_has_hugepages()) &&
	       object_bytes(priv_bytes, room + RTE_CACHE_LINE_SIZE) <= page_bytes)
		room += RTE_CACHE_LINE_SIZE;
	return room;
}

/* Where the driver believes that the pool ends. */
static uintptr_t known_end(const struct rte_mempool *pool)
{
	const struct rte_mempool_memhdr *first = STAILQ_FIRST(&pool->mem_list);
	size_t each = rte_mempool_calc_obj_size(pool->elt_size, pool->flags, NULL);

	return (uintptr_t)first->addr + pool->populated_size * each;
}

/* Takes all objects and gives those back that may be used; the others are out of it for ever. */
static bool keep_known(struct rte_mempool *pool)
{
	uintptr_t begin = (uintptr_t)STAILQ_FIRST(&pool->mem_list)->addr, end = known_end(pool);
	unsigned int count = pool->populated_size, kept = 0;
	void **objects = malloc(count * sizeof(*objects));

	if (objects == NULL || rte_mempool_generic_get(pool, objects, count, NULL) != 0) {
		free(objects);
		return false;
	}
	for (unsigned int i = 0; i < count; i++) {
		uintptr_t at = (uintptr_t)objects[i];

		if (at >= begin && at + pool->elt_size + pool->trailer_size <= end)
			objects[kept++] = objects[i];
	}
	rte_mempool_generic_put(pool, objects, kept, NULL);
	free(objects);
	return true;
}

size_t kg_nic_mbuf_bytes(uint16_t priv_bytes, uint16_t mtu)
{
	size_t bytes = object_bytes(priv_bytes, choose_room(priv_bytes, mtu));

	return rte_eal_has_hugepages() ? bytes : RTE_ALIGN_CEIL(bytes, (size_t)getpagesize());
}

struct rte_mempool *kg_nic_mbufs_create(const char *name, unsigned int count, unsigned int cache,
					uint16_t priv_bytes, uint16_t mtu)
{
	struct rte_mempool *pool =
		rte_pktmbuf_pool_create(name, count + count / SPARE_SHARE + SPARE_MIN, cache,
					priv_bytes, choose_room(priv_bytes, mtu), SOCKET_ID_ANY);

	if (pool != NULL && (!keep_known(pool) || rte_mempool_avail_count(pool) < count)) {
		rte_mempool_free(pool);
		return NULL;
	}
	return pool;
}
