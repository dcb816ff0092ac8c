/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What applications' sockets on this host have room for. Linux is asked, once for as much as there
 * is. Flows to one socket share what it said: each would else count on all of it.
 */
#include "payload/internal.h"

#include "netlink/udp_memory.h"

#include <stdlib.h>

#define AGAIN_US (KG_US_PER_MS / 2) /* between two questions */
#define HEADERS  96u    /* and more, in front of a datagram: a way's own, and alignment */
#define SHARED   320u   /* behind it */
#define RECORD   256u   /* about it */
#define PIECE    832u   /* of a train, beside its bytes; the least of all */
#define WHOLE    16384u /* what is longer takes pages */

struct kg_udp_room {
	LIST_ENTRY(kg_udp_room) link;
	uint64_t socket; /* as Linux names it */
	uint32_t flows;
	uint64_t asked_us;
	int64_t bytes; /* then, less what was sent since */
};

/*
 * What Linux counts for a datagram: one that comes alone lies in a block of a power of two, one of
 * a train has a block for its headers. Which it will be is not known yet.
 */
static int64_t cost_of(size_t bytes)
{
	size_t block = 512, wanted = bytes + HEADERS + SHARED;

	if (wanted > WHOLE)
		return (int64_t)(bytes + PIECE);
	while (block < wanted)
		block *= 2;
	return (int64_t)KG_MAX(block + RECORD, bytes + PIECE);
}

/* For one flow more; NULL without memory. */
static struct kg_udp_room *get(struct kg_payload *p, uint64_t socket)
{
	size_t place = socket % KG_ARRAY_SIZE(p->udp_holds.rooms);
	struct kg_udp_room *room;

	LIST_FOREACH (room, &p->udp_holds.rooms[place], link) {
		if (room->socket == socket)
			break;
	}
	if (room == NULL) {
		room = calloc(1, sizeof(*room));
		if (room == NULL)
			return NULL;
		room->socket = socket;
		LIST_INSERT_HEAD(&p->udp_holds.rooms[place], room, link);
	}
	room->flows++;
	return room;
}

struct kg_udp_room *kg_udp_room_get(struct kg_payload *p, struct kg_flow *flow)
{
	struct kg_udp_memory memory;

	return kg_udp_loss_ask(p, flow, &memory) ? get(p, memory.socket) : NULL;
}

void kg_udp_room_put(struct kg_udp_room *room)
{
	if (--room->flows > 0)
		return;
	LIST_REMOVE(room, link);
	free(room);
}

/* The receiver has opened its socket anew, which other flows may know already. */
static void move(struct kg_payload *p, struct kg_udp_room **room, uint64_t socket)
{
	struct kg_udp_room *other = get(p, socket);

	if (other == NULL)
		return;
	kg_udp_room_put(*room);
	*room = other;
}

/* A socket in which nothing waits takes a datagram of any length. */
static void ask(struct kg_payload *p, struct kg_udp_room **at, struct kg_flow *flow, int64_t least)
{
	struct kg_udp_memory memory;
	bool told = kg_udp_loss_ask(p, flow, &memory);
	struct kg_udp_room *room;

	if (told && (*at)->socket != memory.socket)
		move(p, at, memory.socket);
	room = *at;
	room->asked_us = p->now_us;
	if (!told)
		return;
	room->bytes = (int64_t)memory.limit_bytes - memory.used_bytes;
	if (memory.used_bytes == 0)
		room->bytes = KG_MAX(room->bytes, least);
	room->bytes -= kg_udp_gathered(p, cost_of);
}

bool kg_udp_room_take(struct kg_payload *p, struct kg_udp_room **room, struct kg_flow *flow,
		      size_t bytes)
{
	int64_t cost = cost_of(bytes);

	if ((*room)->bytes < cost && p->now_us - (*room)->asked_us >= AGAIN_US)
		ask(p, room, flow, cost);
	if (flow->elsewhere)
		return true;
	if ((*room)->bytes < cost)
		return false;
	(*room)->bytes -= cost;
	return true;
}
