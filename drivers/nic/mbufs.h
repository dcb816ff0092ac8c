/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mbuf pools for ports. DPDK's AF_XDP driver tells the kernel of a pool as so many objects of such
 * a size, one right behind the other. But no object crosses a page, so there are gaps, and the
 * objects at the end of the pool lie beyond what the kernel knows (DPDK 22.11). A frame
 * in one of these is neither sent nor received, and its mbuf never comes back. Pools made here do
 * not hand such objects out.
 */
#pragma once

#include <rte_mbuf.h>

/*
 * A pool of at least `count` usable mbufs, on the control thread, each for a whole frame of a port
 * of this MTU. With small pages an mbuf fills its page: its data room is larger then. NULL when
 * there is no memory. Freed with rte_mempool_free().
 */
struct rte_mempool *kg_nic_mbufs_create(const char *name, unsigned int count, unsigned int cache,
					uint16_t priv_bytes, uint16_t mtu);
/* What each of these takes of the memory. */
size_t kg_nic_mbuf_bytes(uint16_t priv_bytes, uint16_t mtu);
