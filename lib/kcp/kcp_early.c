/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Gives messages of the early kind to the reader as soon as they are whole, whatever is missing
 * before them.
 *
 * Where a message begins a box says on channels of datagrams (docs/wire.md §2.1). Elsewhere it is
 * known only where one ends: the next begins behind it, so the segment before must be there. As
 * long as the peer has sent nothing in several segments each segment is taken for a message; else
 * the one behind every lost one would wait as well.
 */
#include "kcp/kcp_early.h"

#include "base/cold.h"
#include "kcp/internal.h"

void kg_kcp_use_tails(struct kg_kcp *kcp)
{
	kcp->recv.tails = true;
}

static const struct kg_kcp_held *held_at(const struct kg_kcp_recv *recv, uint32_t sn)
{
	return kg_kcp_recv_in_ring(recv, sn) ? kg_kcp_recv_slot(recv, sn) : NULL;
}

/* The first of the segments up to `sn` that count down to it without a gap. */
static uint32_t run_start(const struct kg_kcp_recv *recv, uint32_t sn)
{
	uint8_t frg = kg_kcp_recv_slot(recv, sn)->frg;
	const struct kg_kcp_held *before;

	while ((before = held_at(recv, sn - 1)) != NULL && before->frg == frg + 1) {
		frg = before->frg;
		sn--;
	}
	return sn;
}

static bool is_first(const struct kg_kcp_recv *recv, uint32_t sn)
{
	const struct kg_kcp_held *before = held_at(recv, sn - 1);

	if (recv->tails)
		return !kg_kcp_recv_slot(recv, sn)->tail;
	return before != NULL ? before->frg == 0 : !recv->fragmented;
}

/* Segments of the message that begins at `sn`; 0: some are missing. */
static uint32_t whole_segments(const struct kg_kcp_recv *recv, uint32_t sn)
{
	uint32_t count = kg_kcp_recv_slot(recv, sn)->frg + 1u;
	const struct kg_kcp_held *held;

	for (uint32_t i = 0; i < count; i++) {
		held = held_at(recv, sn + i);
		if (held == NULL || held->buf == &kg_kcp_recv_given || held->frg != count - 1 - i)
			return 0;
	}
	return count;
}

static bool is_early_kind(const struct kg_kcp_recv *recv, uint32_t sn)
{
	const struct kg_kcp_held *held = kg_kcp_recv_slot(recv, sn);
	const uint8_t *data = held->cold ? kg_buf_cold_data(held->buf) : held->buf->data;

	return held->len > 0 && data[0] == recv->early_kind;
}

/* Out of the ring, into the list before what is not complete there. */
static void give(struct kg_kcp_recv *recv, uint32_t sn, uint32_t count)
{
	struct kg_buf *rest = *recv->partial_link;

	for (uint32_t i = 0; i < count; i++) {
		struct kg_kcp_held *held = kg_kcp_recv_slot(recv, sn + i);

		*recv->partial_link = kg_kcp_recv_thaw(recv, held);
		recv->partial_link = &(*recv->partial_link)->next;
		held->buf = &kg_kcp_recv_given;
		held->cold = false;
	}
	*recv->partial_link = rest;
	if (rest == NULL)
		recv->tail_link = recv->partial_link;
	recv->listed += count;
	recv->messages++;
}

/* The message of which `sn` is a part, and that behind it, whose beginning is known now. */
void kg_kcp_early_give(struct kg_kcp_recv *recv, uint32_t sn)
{
	uint32_t first = run_start(recv, sn), count;

	if (is_first(recv, first) && is_early_kind(recv, first)) {
		count = whole_segments(recv, first);
		if (count > 0)
			give(recv, first, count);
	}
	sn += kg_kcp_recv_slot(recv, sn)->frg + 1u;
	if (held_at(recv, sn) == NULL || held_at(recv, sn)->buf == &kg_kcp_recv_given)
		return;
	if (is_early_kind(recv, sn) && is_first(recv, sn) && (count = whole_segments(recv, sn)) > 0)
		give(recv, sn, count);
}
