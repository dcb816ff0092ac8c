/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Holds datagrams back from an application on this host while its socket has no room: it may just
 * not have been scheduled. When the first of them has waited for long a part goes all the same,
 * again and again, until none waits: what waits grows old, and whoever sends faster than the
 * application takes is to hear of it, by losses as ever. An application that follows, if only just,
 * may have some waiting for ever: then one goes now and then, which is as much as TCP needs.
 *
 * Linux is asked for the room (udp_room.c) for flows that have bursts. What is held counts as not
 * yet taken, so the channel's window closes before much waits here.
 */
#include "payload/internal.h"

#include <stdlib.h>

#define SPAN_US  (50ull * KG_US_PER_MS)
#define STANDS   2u /* spans, in which some waited always, and between two that go */
#define AGAIN_US (KG_US_PER_MS / 2)    /* between two looks */
#define AFTER_US (10ull * KG_US_PER_S) /* a burst */
#define BURST    8u                    /* datagrams, within */
#define BURST_US (2 * KG_US_PER_MS)
#define PART     16u  /* of what waits that goes at a time, in buffers */
#define LOOKS    128u /* of flows, in a turn */

struct kg_udp_hold {
	TAILQ_ENTRY(kg_udp_hold) link; /* while something is in the flow's queue */
	struct kg_flow *flow;
	struct kg_udp_room *room;
	uint64_t begun_us;  /* when the queue was empty */
	uint64_t since_us;  /* `first` buffers, those in front, came after this, */
	uint64_t until_us;  /* and before this; the others after this */
	uint64_t forced_us; /* when some last went without room */
	uint32_t first;
	bool old; /* some had waited for long since then */
};

void kg_udp_holds_init(struct kg_udp_holds *holds)
{
	TAILQ_INIT(&holds->all);
	for (size_t i = 0; i < KG_ARRAY_SIZE(holds->rooms); i++)
		LIST_INIT(&holds->rooms[i]);
	holds->span_us = SPAN_US;
}

static void begin(struct kg_payload *p, struct kg_flow *flow)
{
	struct kg_udp_hold *hold = calloc(1, sizeof(*hold));

	if (hold == NULL)
		return;
	hold->flow = flow;
	hold->room = kg_udp_room_get(p, flow);
	if (hold->room != NULL)
		flow->hold = hold;
	else
		free(hold);
}

static void end(struct kg_flow *flow)
{
	if (flow->hold == NULL)
		return;
	kg_udp_room_put(flow->hold->room);
	free(flow->hold);
	flow->hold = NULL;
}

static bool take_room(struct kg_payload *p, struct kg_udp_hold *hold, size_t bytes)
{
	return kg_udp_room_take(p, &hold->room, hold->flow, bytes);
}

/* However they come, in trains or not, in one turn or in several: a receiver may sleep longer. */
static void count(struct kg_payload *p, struct kg_flow *flow)
{
	if (p->now_us - flow->row_us >= BURST_US) {
		flow->row_us = p->now_us;
		flow->in_row = 0;
	}
	if (flow->in_row == BURST || ++flow->in_row < BURST)
		return;
	flow->burst_us = p->now_us;
	kg_udp_loss_suspect(p, flow);
}

/* Of a flow that has had a burst of late; without memory nothing is held. */
static struct kg_udp_hold *hold_of(struct kg_payload *p, struct kg_flow *flow)
{
	bool bursts;

	count(p, flow);
	bursts = flow->burst_us != 0 && p->now_us - flow->burst_us < AFTER_US && !flow->elsewhere;
	if (flow->hold == NULL && bursts)
		begin(p, flow);
	else if (!bursts && flow->queue == NULL)
		end(flow);
	return flow->hold;
}

bool kg_udp_hold(struct kg_payload *p, struct kg_flow *flow, struct kg_buf *chain)
{
	struct kg_udp_hold *hold = hold_of(p, flow);

	if (hold == NULL || (flow->queue == NULL && take_room(p, hold, kg_buf_chain_len(chain))))
		return false;
	if (flow->queue == NULL) {
		hold->begun_us = hold->since_us = hold->until_us = p->now_us;
		hold->first = 0;
		hold->old = false;
		TAILQ_INSERT_TAIL(&p->udp_holds.all, hold, link);
	}
	kg_flow_enqueue(flow, chain);
	return true;
}

static size_t first_bytes(const struct kg_flow *flow)
{
	const struct kg_buf *buf = flow->queue;
	size_t bytes = 0;

	for (uint32_t i = flow->queue->mark; i > 0; i--, buf = buf->next)
		bytes += buf->len;
	return bytes;
}

static struct kg_buf *take_first(struct kg_payload *p, struct kg_udp_hold *hold)
{
	struct kg_flow *flow = hold->flow;
	uint32_t bufs;
	struct kg_buf *chain = kg_flow_dequeue_chain(flow, &bufs);

	if (hold->first > bufs) {
		hold->first -= bufs;
	} else {
		hold->since_us = hold->until_us;
		hold->until_us = p->now_us;
		hold->first = flow->queued;
	}
	return chain;
}

/* As many as there is room for, and so many without. */
static void release(struct kg_payload *p, struct kg_udp_hold *hold, uint32_t without_room)
{
	struct kg_flow *flow = hold->flow;

	while (flow->queue != NULL) {
		if (!take_room(p, hold, first_bytes(flow)) && without_room-- == 0)
			return;
		kg_udp_send(p, flow, take_first(p, hold));
	}
	TAILQ_REMOVE(&p->udp_holds.all, hold, link);
}

static uint32_t without_room(struct kg_payload *p, struct kg_udp_hold *hold)
{
	uint64_t span_us = p->udp_holds.span_us, begun_us = KG_MAX(hold->begun_us, hold->forced_us);

	hold->old |= p->now_us - hold->since_us >= span_us;
	if (hold->old ? p->now_us - hold->forced_us < AGAIN_US
		      : (p->now_us - begun_us) / STANDS < span_us)
		return 0;
	hold->forced_us = p->now_us;
	kg_udp_loss_suspect(p, hold->flow);
	return hold->old ? 1 + hold->flow->queued / PART : 1;
}

static void stand_behind(struct kg_payload *p, struct kg_udp_hold *hold)
{
	TAILQ_REMOVE(&p->udp_holds.all, hold, link);
	TAILQ_INSERT_TAIL(&p->udp_holds.all, hold, link);
}

/* In each turn another one is first, so that of several to one socket none has all of its room; and
 * of very many not all ask Linux. */
void kg_udp_holds_turn(struct kg_payload *p)
{
	struct kg_udp_hold *hold, *first = NULL;

	for (unsigned int i = 0; i < LOOKS; i++) {
		hold = TAILQ_FIRST(&p->udp_holds.all);
		if (hold == first)
			break;
		stand_behind(p, hold);
		release(p, hold, without_room(p, hold));
		if (first == NULL && hold->flow->queue != NULL)
			first = hold;
	}
	if (first != NULL && first == TAILQ_FIRST(&p->udp_holds.all))
		stand_behind(p, first);
}

uint64_t kg_udp_holds_next_us(const struct kg_payload *p)
{
	return TAILQ_EMPTY(&p->udp_holds.all) ? KG_NEVER_US : p->now_us + AGAIN_US;
}

void kg_udp_hold_end(struct kg_payload *p, struct kg_flow *flow)
{
	if (flow->hold != NULL && flow->queue != NULL)
		release(p, flow->hold, UINT32_MAX);
	end(flow);
}

void kg_udp_holds_end(struct kg_payload *p)
{
	struct kg_udp_hold *hold;

	while ((hold = TAILQ_FIRST(&p->udp_holds.all)) != NULL)
		release(p, hold, UINT32_MAX);
}
