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

/* As it is: every buffer within the limit, and none empty among others. */
static bool fits(const struct kg_buf *chain, uint16_t part)
{
	for (const struct kg_buf *buf = chain; buf != NULL; buf = buf->next) {
		bool empty = buf->len == 0 && (buf != chain || buf->next != NULL);

		if (buf->len > part || empty)
			return false;
	}
	return true;
}

/* Takes up to `bytes` from the front of a chain that stays whole; *at and *done are the place. */
static void take(struct kg_buf *to, size_t bytes, const struct kg_buf **at, size_t *done)
{
	while (bytes > 0) {
		size_t part = KG_MIN(bytes, (*at)->len - *done);

		memcpy(to->data + to->len, (*at)->data + *done, part);
		to->len = (uint16_t)(to->len + part);
		bytes -= part;
		*done += part;
		if (*done == (*at)->len) {
			*at = (*at)->next;
			*done = 0;
		}
	}
}

/* In full buffers and the rest, which may be a small one; NULL without memory. */
static struct kg_buf *copy(struct kg_buf_pool *pool, const struct kg_buf *from, size_t bytes,
			   uint16_t part, enum kg_buf_use use)
{
	struct kg_buf *head = NULL, **tail = &head;
	size_t done = 0;

	do {
		uint16_t len = (uint16_t)KG_MIN(bytes, (size_t)part);
		struct kg_buf *buf = kg_buf_alloc_for(pool, len, use);

		if (buf == NULL) {
			kg_buf_free_chain(head);
			return NULL;
		}
		take(buf, len, &from, &done);
		bytes -= len;
		*tail = buf;
		tail = &buf->next;
	} while (bytes > 0);
	return head;
}

struct kg_buf *kg_buf_chain_cut(struct kg_buf_pool *pool, struct kg_buf *chain, uint16_t part,
				uint32_t most, enum kg_buf_use use)
{
	struct kg_buf *pieces = NULL;
	size_t bytes;

	if (fits(chain, part))
		return chain;
	bytes = kg_buf_chain_len(chain);
	if (bytes <= (size_t)part * most)
		pieces = copy(pool, chain, bytes, part, use);
	if (pieces != NULL)
		kg_buf_free_chain(chain);
	return pieces;
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
	size_t bytes;
	struct kg_buf *buf;

	room = KG_MAX(room, pool->small_room);
	bytes = sizeof(struct kg_buf) + KG_BUF_HEADROOM + room;
	buf = malloc_pool_get(pool, _Alignof(max_align_t), bytes, use);

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
			.left = UINT32_MAX,
		},
		.limit = limit,
	};
}
