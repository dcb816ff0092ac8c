/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Throws away messages that nobody wants any more: such as wait too long, and such as wait behind
 * an end. What has an sn has to arrive, for the peer waits for it: in the place of what is too old
 * another message goes, which the peer passes over.
 *
 * Copies of both may be under way, and the peer takes the one that comes first. So only what is a
 * whole message by itself is replaced: of one in several segments it might join old and new ones.
 */
#include "kcp/internal.h"

/* The first message of the queue. */
static void drop_first(struct kg_kcp *kcp)
{
	struct kg_buf *first = kcp->queue, *last = kg_kcp_message_end(first);

	kcp->queue = last->next;
	last->next = NULL;
	if (kcp->queue == NULL)
		kcp->queue_tail = &kcp->queue;
	kcp->queued -= kg_buf_chain_count(first);
	kg_buf_free_chain(first);
}

uint32_t kg_kcp_drop_stale(struct kg_kcp *kcp, uint64_t now_us)
{
	uint32_t dropped = 0;

	kg_kcp_clock(kcp, now_us);
	for (; kg_kcp_stale_us(kcp) <= kcp->now_us; dropped++)
		drop_first(kcp);
	if (dropped == 0)
		return 0;
	kcp->dropped = true;
	kg_kcp_update_probe(kcp);
	return dropped;
}

bool kg_kcp_has_dropped(const struct kg_kcp *kcp)
{
	return kcp->dropped;
}

bool kg_kcp_take_dropped(struct kg_kcp *kcp)
{
	bool dropped = kcp->dropped;

	kcp->dropped = false;
	return dropped;
}

void kg_kcp_blank(struct kg_kcp *kcp, struct kg_kcp_slot *slot)
{
	struct kg_buf *buf = slot->buf;

	if (!kcp->expires || slot->parked || slot->frg > 0 ||
	    !kg_kcp_mark_is_stale(buf, kcp->now_us))
		return;
	buf->data -= KG_KCP_BLANK_BYTES;
	buf->len = slot->len = KG_KCP_BLANK_BYTES;
	buf->mark = 0;
	kcp->blanked++;
}

uint16_t kg_kcp_take_blanked(struct kg_kcp *kcp)
{
	uint16_t blanked = kcp->blanked;

	kcp->blanked = 0;
	return blanked;
}

void kg_kcp_discard_queue(struct kg_kcp *kcp)
{
	uint32_t window = kg_kcp_send_window(kcp), taken = kg_kcp_under_way(kcp);
	struct kg_buf *last = kcp->queue;
	uint32_t kept = 1;

	if (last == NULL)
		return;
	for (; last->next != NULL && (kg_kcp_mark_frg(last) > 0 || taken + kept < window);
	     last = last->next)
		kept++;
	kg_buf_free_chain(last->next);
	last->next = NULL;
	kcp->queue_tail = &last->next;
	kcp->queued = kept;
}
