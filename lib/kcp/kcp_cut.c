/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cuts messages anew when a segment may hold less than when they were made. A message is cut whole
 * or not at all, for each of its segments says how many follow.
 */
#include <string.h>

#include "kcp/internal.h"

struct kg_buf *kg_kcp_cut(const struct kg_kcp *kcp, struct kg_buf *chain)
{
	struct kg_buf *pieces =
		kg_buf_chain_cut(kcp->pool, chain, kcp->mss, KG_KCP_FRAGMENTS_MAX, KG_BUF_MORE);

	return pieces != NULL ? pieces : chain;
}

static size_t room_behind(const struct kg_buf *buf)
{
	const uint8_t *end = (const uint8_t *)(buf + 1) + KG_BUF_HEADROOM + buf->room;

	return (size_t)(end - (buf->data + buf->len));
}

bool kg_kcp_shorten(const struct kg_kcp *kcp, uint16_t len)
{
	struct kg_buf *first = kcp->queue, *rest = first->next;
	uint16_t moved = first->len - len, most = KG_MIN(kcp->pool->small_room, kcp->mss);

	if (kcp->begun || kg_kcp_mark_frg(first) != 1 || rest->len + moved > most ||
	    moved > room_behind(rest))
		return false;
	memmove(rest->data + moved, rest->data, rest->len);
	memcpy(rest->data, first->data + len, moved);
	rest->len += moved;
	first->len = len;
	return true;
}

struct kg_buf *kg_kcp_message_end(struct kg_buf *message)
{
	while (kg_kcp_mark_frg(message) > 0)
		message = message->next;
	return message;
}

void kg_kcp_append(struct kg_kcp *kcp, struct kg_buf *message, uint32_t until)
{
	uint32_t left = kg_buf_chain_count(message);

	kcp->queued += left;
	*kcp->queue_tail = message;
	for (; message != NULL; message = message->next) {
		message->mark = --left | until;
		kcp->queue_tail = &message->next;
		until = 0;
	}
}

void kg_kcp_cut_queue(struct kg_kcp *kcp)
{
	struct kg_buf *next = kcp->queue;

	kcp->queue = NULL;
	kcp->queue_tail = &kcp->queue;
	kcp->queued = 0;
	while (next != NULL) {
		struct kg_buf *message = next, *last = kg_kcp_message_end(message);
		uint32_t until = message->mark & ~KG_KCP_MARK_FRG_MASK;

		next = last->next;
		last->next = NULL;
		if (!kcp->begun || kcp->queue != NULL)
			message = kg_kcp_cut(kcp, message);
		kg_kcp_append(kcp, message, until);
	}
}
