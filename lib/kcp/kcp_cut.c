/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cuts messages anew when a segment may hold less than when they were made. A message is cut whole
 * or not at all, for each of its segments says how many follow.
 */
#include <string.h>

#include "kcp/kcp_int.h"

static bool fits(const struct kg_buf *chain, uint16_t mss)
{
	for (; chain != NULL; chain = chain->next) {
		if (chain->len > mss)
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

/* Segments that differ by a byte at most; NULL without memory. */
static struct kg_buf *copy(struct kg_buf_pool *pool, const struct kg_buf *from, size_t bytes,
			   uint32_t count)
{
	struct kg_buf *head = NULL, **tail = &head;
	size_t done = 0;

	for (uint32_t i = 0; i < count; i++) {
		size_t part = bytes * (i + 1) / count - bytes * i / count;
		struct kg_buf *buf = kg_buf_alloc(pool, (uint16_t)part);

		if (buf == NULL) {
			kg_buf_free_chain(head);
			return NULL;
		}
		take(buf, part, &from, &done);
		*tail = buf;
		tail = &buf->next;
	}
	return head;
}

struct kg_buf *kg_kcp_cut(const struct kg_kcp *kcp, struct kg_buf *chain)
{
	struct kg_buf *pieces = NULL;
	size_t bytes, count;

	if (fits(chain, kcp->mss))
		return chain;
	bytes = kg_buf_chain_len(chain);
	count = (bytes + kcp->mss - 1) / kcp->mss;
	if (count <= KG_KCP_FRAGMENTS_MAX)
		pieces = copy(kcp->pool, chain, bytes, (uint32_t)count);
	if (pieces == NULL)
		return chain;
	kg_buf_free_chain(chain);
	return pieces;
}

/* The last segment of the message that begins there. */
static struct kg_buf *end_of(struct kg_buf *message)
{
	while (message->mark > 0)
		message = message->next;
	return message;
}

void kg_kcp_append(struct kg_kcp *kcp, struct kg_buf *message)
{
	uint32_t left = kg_buf_chain_count(message);

	kcp->queued += left;
	*kcp->queue_tail = message;
	for (; message != NULL; message = message->next) {
		message->mark = --left;
		kcp->queue_tail = &message->next;
	}
}

void kg_kcp_cut_queue(struct kg_kcp *kcp)
{
	struct kg_buf *next = kcp->queue;

	kcp->queue = NULL;
	kcp->queue_tail = &kcp->queue;
	kcp->queued = 0;
	while (next != NULL) {
		struct kg_buf *message = next, *last = end_of(message);

		next = last->next;
		last->next = NULL;
		if (!kcp->begun || kcp->queue != NULL)
			message = kg_kcp_cut(kcp, message);
		kg_kcp_append(kcp, message);
	}
}
