/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Payload that nobody reads soon, and the buffers for it.
 *
 * An ordinary store reads the old line first and later writes it back, and puts other lines out of
 * the caches meanwhile; a copy past the caches is only written. That holds for whole lines: where a
 * line keeps some of its old bytes they have to be read after all, and the copy waits for them.
 *
 * A cold buffer is one of which no line is touched when it is taken and when it is given back. Its
 * owner remembers how long the payload is, which begins at the second line; the header, in the
 * first, is of no use until kg_buf_warm.
 */
#pragma once

#include "base/buf.h"

/* `to` is at the start of a line and written up to the end of one. Another thread may look only
 * after kg_cold_fence. */
void kg_cold_copy(uint8_t *to, const uint8_t *from, size_t len);
void kg_cold_fence(void);

/* Always of the large size; NULL when the pool is empty. */
static inline struct kg_buf *kg_buf_alloc_cold(struct kg_buf_pool *pool)
{
	return pool->alloc_cold(pool);
}

/* One from kg_buf_alloc_cold of this pool that has not been warmed. */
static inline void kg_buf_free_cold(struct kg_buf_pool *pool, struct kg_buf *buf)
{
	pool->free_cold(pool, buf);
}

static inline uint8_t *kg_buf_cold_data(struct kg_buf *buf)
{
	return (uint8_t *)buf + KG_BUF_LINE;
}

/* Makes it a buffer like any other, with `len` bytes of payload. */
static inline void kg_buf_warm(struct kg_buf *buf, uint16_t len)
{
	buf->next = NULL;
	buf->data = kg_buf_cold_data(buf);
	buf->len = len;
}
