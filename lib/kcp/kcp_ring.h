/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Slots indexed by sn modulo a power of two. Empty rings hold no memory; they grow when a wider
 * span of sn has to fit, up to 65536 slots, which covers the largest window.
 */
#pragma once

#include "base/mem.h"

struct kg_kcp_ring {
	void *slots;
	uint32_t capacity; /* slots, a power of two; 0: none yet */
};

#define KG_KCP_RING_MIN 4u
#define KG_KCP_RING_MAX 65536u

/*
 * Makes room for `span` slots from sn `first` on; slots of the span in use keep their content and
 * new ones are zero. False when `span` is beyond the maximum or memory is short; a ring larger
 * than the smallest has a share of what is left for what grows.
 */
bool kg_kcp_ring_grow(struct kg_kcp_ring *ring, struct kg_mem *mem, size_t slot_bytes,
		      uint32_t first, uint32_t span);
static inline bool kg_kcp_ring_reserve(struct kg_kcp_ring *ring, struct kg_mem *mem,
				       size_t slot_bytes, uint32_t first, uint32_t span)
{
	return span <= ring->capacity || kg_kcp_ring_grow(ring, mem, slot_bytes, first, span);
}
void kg_kcp_ring_fini(struct kg_kcp_ring *ring, struct kg_mem *mem, size_t slot_bytes);
