/* SPDX-License-Identifier: BSD-3-Clause */
/* The neighbours that peers go by: who uses each, and Linux's last word on it. Control thread only.
 */
#pragma once

#include "netlink/lookup.h"

#include <sys/queue.h>

struct kg_held_neighbour {
	TAILQ_ENTRY(kg_held_neighbour) link;
	struct kg_neighbour known; /* the kernel's word on it */
	struct kg_mac mac;         /* where frames to it go, if it serves */
	uint64_t kept_until_us;    /* lost, and serves until then; 0: it is not lost, or gone */
	uint16_t port;             /* of whom holds it: where it is */
	uint32_t users;            /* peers that go by it */
	uint64_t next_use_us;
};

TAILQ_HEAD(kg_neighbours, kg_held_neighbour);

/* NULL: nobody holds it. */
struct kg_held_neighbour *kg_neighbours_lookup(const struct kg_neighbours *all,
					       unsigned int ifindex, const struct kg_ip *ip);
/* Takes a reference; one that nobody held is asked for. NULL: no memory. */
struct kg_held_neighbour *kg_neighbours_hold(struct kg_neighbours *all, struct kg_nl *questions,
					     unsigned int ifindex, uint16_t port,
					     const struct kg_ip *ip);
/* Gives a reference back; NULL is none. */
void kg_neighbours_release(struct kg_neighbours *all, struct kg_held_neighbour *neighbour);

/* May frames be sent to `mac`? */
bool kg_neighbours_serves(const struct kg_held_neighbour *neighbour);
/* Takes in the kernel's word. True: frames to it go elsewhere now, or not at all, or may go. */
bool kg_neighbours_hear(struct kg_held_neighbour *neighbour, const struct kg_neighbour *now,
			uint64_t now_us);
/* True: it was lost, and has been kept for long enough. */
bool kg_neighbours_give_up(struct kg_held_neighbour *neighbour, uint64_t now_us);

/* Tells the kernel of some that they are in use; who has waited longest is first. */
void kg_neighbours_use(struct kg_neighbours *all, struct kg_nl *questions, uint64_t now_us);
