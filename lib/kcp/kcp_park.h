/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the payload of a large window waits for its acknowledgement.
 *
 * What thousands of segments in flight hold exceeds the caches. Were it left in the buffers it came
 * in, every new message would be written into a buffer that has been out of the caches for a whole
 * window: its old lines are read, for nothing, and written back later. So once it has been sent the
 * payload moves, past the caches, to a parked buffer, and the one it came in is used again at once,
 * warm. Parked buffers that are acknowledged stay here for the next ones; nothing of them is
 * touched until then.
 */
#pragma once

#include "base/buf.h"
#include "base/mem.h"

#define KG_KCP_PARK_SEGMENTS                                                                   \
	4096u                   /* in flight, from which on it is worth it: beyond most caches \
				 */
#define KG_KCP_PARK_BYTES  512u /* the same for a payload */
#define KG_KCP_PARK_SPARES 255u

struct kg_kcp_park {
	uint32_t count;
	struct kg_buf *spares[KG_KCP_PARK_SPARES];
};

/*
 * Moves a payload: returns a buffer from `pool` that now holds it and gives `buf` back; NULL, and
 * `buf` stays as it is, when there is no memory. *park comes into being with the first.
 */
struct kg_buf *kg_kcp_park_move(struct kg_kcp_park **park, struct kg_mem *mem,
				struct kg_buf_pool *pool, struct kg_buf *buf);
/* A parked buffer is free; a quarter of what is in flight is kept. */
void kg_kcp_park_release(struct kg_kcp_park *park, struct kg_buf *buf, uint32_t in_flight);
void kg_kcp_park_fini(struct kg_kcp_park **park, struct kg_mem *mem);
