/* SPDX-License-Identifier: BSD-3-Clause */
/* Works on chains of buffers, and backs a pool with malloc for tests. */
#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

void kg_buf_free_chain(struct kg_buf *head)
{
	while (head != NULL) {
		struct kg_buf *next = head->next;
		kg_buf_free(head);
		head = next;
	}
}

size_t kg_buf_chain_len(const struct kg_buf *head)
{
	size_t len = 0;

	for (; head != NULL; head = head->next)
		len += head->len;
	return len;
}

struct kg_buf *kg_buf_chain_copy_for(struct kg_buf_pool *pool, const void *from, size_t len,
				     uint16_t first, uint16_t rest, enum kg_buf_use use)
{
	const uint8_t *bytes = from;
	struct kg_buf *head = NULL, **tail = &head;
	uint16_t limit = first;

	do {
		uint16_t part = (uint16_t)KG_MIN(len, (size_t)limit);
		struct kg_buf *buf = kg_buf_alloc_for(pool, part, use);

		if (buf == NULL) {
			kg_buf_free_chain(head);
			return NULL;
		}
		if (part > 0)
			memcpy(buf->data, bytes, part);
		buf->len = part;
		bytes += part;
		len -= part;
		*tail = buf;
		tail = &buf->next;
		limit = rest;
	} while (len > 0);
	return head;
}

size_t kg_buf_chain_gather(const struct kg_buf *head, void *to)
{
	uint8_t *out = to;

	for (; head != NULL; head = head->next) {
		memcpy(out, head->data, head->len);
		out += head->len;
	}
	return (size_t)(out - (uint8_t *)to);
}

static struct kg_buf *malloc_pool_get(struct kg_buf_pool *base, size_t align, size_t bytes,
				      enum kg_buf_use use)
{
	struct kg_buf_malloc_pool *pool = KG_CONTAINER_OF(base, struct kg_buf_malloc_pool, pool);
	void *buf;

	if (pool->in_use + kg_buf_left_by(use, pool->kept) >= pool->limit ||
	    posix_memalign(&buf, align, bytes) != 0)
		return NULL;
	pool->in_use++;
	return buf;
}

static struct kg_buf *malloc_pool_alloc(struct kg_buf_pool *pool, uint16_t room,
					enum kg_buf_use use)
{
	size_t bytes = sizeof(struct kg_buf) + KG_BUF_HEADROOM + room;
	struct kg_buf *buf = malloc_pool_get(pool, _Alignof(max_align_t), bytes, use);

	if (buf == NULL)
		return NULL;
	*buf = (struct kg_buf){
		.pool = pool,
		.data = (uint8_t *)(buf + 1) + KG_BUF_HEADROOM,
		.room = room,
	};
	return buf;
}

static struct kg_buf *malloc_pool_alloc_cold(struct kg_buf_pool *pool)
{
	struct kg_buf *buf =
		malloc_pool_get(pool, KG_BUF_LINE, KG_BUF_LINE + KG_BUF_COLD_ROOM, KG_BUF_MORE);

	if (buf != NULL)
		*buf = (struct kg_buf){ .pool = pool, .room = KG_BUF_COLD_ROOM };
	return buf;
}

static void malloc_pool_free(struct kg_buf *buf)
{
	KG_CONTAINER_OF(buf->pool, struct kg_buf_malloc_pool, pool)->in_use--;
	free(buf);
}

static void malloc_pool_free_cold(struct kg_buf_pool *pool, struct kg_buf *buf)
{
	buf->pool = pool;
	malloc_pool_free(buf);
}

void kg_buf_malloc_pool_init(struct kg_buf_malloc_pool *pool, size_t limit)
{
	*pool = (struct kg_buf_malloc_pool){
		.pool = {
			.alloc = malloc_pool_alloc,
			.free = malloc_pool_free,
			.alloc_cold = malloc_pool_alloc_cold,
			.free_cold = malloc_pool_free_cold,
			.fair_share = UINT32_MAX,
		},
		.limit = limit,
	};
}
