/* SPDX-License-Identifier: BSD-3-Clause */
/* Grows a ring of slots to the next power of two. */
#include "kcp/kcp_ring.h"

#include <string.h>

static bool ring_resize(struct kg_kcp_ring *ring, struct kg_mem *mem, size_t slot_bytes,
			uint32_t first, uint32_t capacity)
{
	uint8_t *to = kg_mem_grow(mem, capacity * slot_bytes);
	const uint8_t *from = ring->slots;

	if (to == NULL)
		return false;
	for (uint32_t i = 0; i < ring->capacity; i++) {
		uint32_t sn = first + i;

		memcpy(to + (sn & (capacity - 1)) * slot_bytes,
		       from + (sn & (ring->capacity - 1)) * slot_bytes, slot_bytes);
	}
	kg_kcp_ring_fini(ring, mem, slot_bytes);
	ring->slots = to;
	ring->capacity = capacity;
	return true;
}

bool kg_kcp_ring_grow(struct kg_kcp_ring *ring, struct kg_mem *mem, size_t slot_bytes,
		      uint32_t first, uint32_t span)
{
	uint32_t capacity = KG_MAX(ring->capacity, KG_KCP_RING_MIN);

	if (span > KG_KCP_RING_MAX)
		return false;
	while (capacity < span)
		capacity *= 2;
	if (capacity > KG_KCP_RING_MIN &&
	    capacity * slot_bytes > kg_mem_left_to_grow(mem) / KG_MEM_SHARE_DIVISOR)
		return false;
	return ring_resize(ring, mem, slot_bytes, first, capacity);
}

void kg_kcp_ring_fini(struct kg_kcp_ring *ring, struct kg_mem *mem, size_t slot_bytes)
{
	kg_mem_shrink(mem, ring->slots, ring->capacity * slot_bytes);
	*ring = (struct kg_kcp_ring){ 0 };
}
