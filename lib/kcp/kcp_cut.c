/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cuts messages anew when a segment may hold less than when they were made. A message is cut whole
 * or not at all, for each of its segments says how many follow.
 */
#include "kcp/internal.h"

struct kg_buf *kg_kcp_cut(const struct kg_kcp *kcp, struct kg_buf *chain)
{
	struct kg_buf *pieces =
		kg_buf_chain_cut(kcp->pool, chain, kcp->mss, KG_KCP_FRAGMENTS_MAX, KG_BUF_MORE);

	return pieces != NULL ? pieces : chain;
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
