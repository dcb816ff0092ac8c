/* SPDX-License-Identifier: BSD-3-Clause */
/* Cuts IP packets that are too long for a path, by DPDK's library of fragments. */
#pragma once

#include "base/base.h"

#include <rte_mbuf.h>

/* Enough for the longest datagram on the narrowest path (net/frame.h). */
#define KG_FRAGMENTS_MAX 4

/*
 * A packet without L2 header, in one mbuf, with its checksums filled in and fragmentation allowed.
 * Its pieces go to `pieces`, each in an mbuf with headroom; `id` is IPv6's, IPv4's is the packet's.
 * Returns how many, 0 without memory. The packet stays the caller's.
 */
unsigned int kg_fragment_cut(struct rte_mbuf *packet, uint16_t mtu, uint32_t id,
			     struct rte_mempool *pool, struct rte_mbuf *pieces[KG_FRAGMENTS_MAX]);
