/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages in a row. All their buffers are one list; the first of each message has their number in
 * the low bits of `mark`, and in the others what its owner notes of it. */
#pragma once

#include "base/buf.h"

#define KG_BUF_QUEUE_COUNT_BITS 8

struct kg_buf_queue {
	struct kg_buf *head, **tail;
	uint32_t segments; /* buffers */
};

static inline void kg_buf_queue_init(struct kg_buf_queue *queue)
{
	*queue = (struct kg_buf_queue){ .tail = &queue->head };
}

/* Buffers of the message that begins there. */
static inline uint32_t kg_buf_queue_count(const struct kg_buf *first)
{
	return first->mark & ((1u << KG_BUF_QUEUE_COUNT_BITS) - 1);
}

/* What is noted of it: the bits that are left. */
static inline uint32_t kg_buf_queue_note(const struct kg_buf *first)
{
	return first->mark >> KG_BUF_QUEUE_COUNT_BITS;
}

/* Takes the chain, of 255 buffers at most. */
static inline void kg_buf_queue_push_noted(struct kg_buf_queue *queue, struct kg_buf *chain,
					   uint32_t note)
{
	uint32_t count = 0;

	*queue->tail = chain;
	for (; *queue->tail != NULL; queue->tail = &(*queue->tail)->next)
		count++;
	chain->mark = note << KG_BUF_QUEUE_COUNT_BITS | count;
	queue->segments += count;
}

static inline void kg_buf_queue_push(struct kg_buf_queue *queue, struct kg_buf *chain)
{
	kg_buf_queue_push_noted(queue, chain, 0);
}

/* The first message without taking it; NULL: none. */
static inline struct kg_buf *kg_buf_queue_first(const struct kg_buf_queue *queue)
{
	return queue->head;
}

/* Bytes of the first message. */
static inline size_t kg_buf_queue_first_bytes(const struct kg_buf_queue *queue)
{
	const struct kg_buf *buf = queue->head;
	size_t bytes = 0;

	for (uint32_t i = 0; i < kg_buf_queue_count(queue->head); i++, buf = buf->next)
		bytes += buf->len;
	return bytes;
}

/* The first message as a chain, or NULL. */
static inline struct kg_buf *kg_buf_queue_pop(struct kg_buf_queue *queue)
{
	struct kg_buf *chain = queue->head, *last = chain;

	if (chain == NULL)
		return NULL;
	for (uint32_t i = 1; i < kg_buf_queue_count(chain); i++)
		last = last->next;
	queue->head = last->next;
	__builtin_prefetch(queue->head); /* has waited, and comes next */
	if (queue->head == NULL)
		queue->tail = &queue->head;
	queue->segments -= kg_buf_queue_count(chain);
	last->next = NULL;
	return chain;
}

/* Puts back what was popped. */
static inline void kg_buf_queue_return(struct kg_buf_queue *queue, struct kg_buf *chain)
{
	struct kg_buf_queue rest = *queue;

	kg_buf_queue_init(queue);
	kg_buf_queue_push_noted(queue, chain, kg_buf_queue_note(chain));
	if (rest.head == NULL)
		return;
	*queue->tail = rest.head;
	queue->tail = rest.tail;
	queue->segments += rest.segments;
}

static inline void kg_buf_queue_clear(struct kg_buf_queue *queue)
{
	kg_buf_free_chain(queue->head);
	kg_buf_queue_init(queue);
}
