/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A datagram that goes on to its application in the mbuf that it came in, which is the payload
 * buffer: no copy, and no other buffer. So few are carried at once that ports always have mbufs;
 * what comes beyond is copied.
 *
 * Its worker makes the buffer, and whoever frees it gives the mbuf back, on any thread.
 */
#pragma once

#include "base/buf.h"

#include <rte_mbuf.h>
#include <stdatomic.h>

#define KG_CARRIED_MAX 512u /* of a worker; box/memory.c has as many mbufs more for each */

struct kg_carried {
	struct kg_buf_pool pool; /* of which nothing can be had but by kg_carry */
	uint32_t out;            /* carried since the beginning: the worker's */
	uint32_t seen_back;      /* of these: back when it last looked */
	_Alignas(RTE_CACHE_LINE_SIZE) atomic_uint back;
};

void kg_carried_init(struct kg_carried *carried);

/* `bytes`, `len` of them, lie in the mbuf, whose private area is the buffer from here on: the mbuf
 * is the buffer's. NULL: too many are out, or it has more than one segment; then it is as it was.
 */
struct kg_buf *kg_carry(struct kg_carried *carried, struct rte_mbuf *m, uint8_t *bytes,
			uint16_t len);

/* The mbuf of a message that is one carried buffer, fresh and with its bytes alone; the buffer is
 * gone. NULL: it is another one, and stays. */
struct rte_mbuf *kg_carried_take(struct kg_buf *chain);
