/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Next hops by the kernel's word (rtnetlink through libmnl): for each peer address asked for, the
 * route is looked up and its neighbour watched; every change is published as a ready L2 header.
 * Control thread only. `publish` must not call back into the watch.
 */
#pragma once

#include "net/addr.h"
#include "net/frame.h"

/* A port whose TAP carries the kernel's routes. */
struct kg_nexthop_port {
	unsigned int ifindex; /* of the TAP */
	struct kg_mac mac;
	uint16_t vlan;
};

enum kg_nexthop_state {
	KG_NEXTHOP_RESOLVING, /* routed out of a port, neighbour not known yet: let the kernel send
			       */
	KG_NEXTHOP_READY,     /* l2 is good */
	KG_NEXTHOP_NO_ROUTE,  /* the kernel has no route, or not out of one of our ports; port is 0
			       */
};

struct kg_nexthop {
	struct kg_ip peer;
	enum kg_nexthop_state state;
	uint16_t port;       /* index into the ports given */
	uint16_t mtu;        /* of a route that has its own, or of a path found narrow; 0: none */
	struct kg_ip source; /* the kernel's preferred source; version 0 if it named none */
	struct kg_l2 l2;
};

/* False: not taken (a queue is full); it is offered again, at the latest in the next tick. */
typedef bool (*kg_nexthop_publish)(void *ctx, const struct kg_nexthop *nexthop);

struct kg_nexthop_watch;

/* NULL with errno set. */
struct kg_nexthop_watch *kg_nexthop_watch_create(const struct kg_nexthop_port *ports,
						 unsigned int port_count,
						 kg_nexthop_publish publish, void *ctx);
void kg_nexthop_watch_destroy(struct kg_nexthop_watch *w);

/* Readable: call kg_nexthop_watch_input. */
int kg_nexthop_watch_fd(const struct kg_nexthop_watch *w);
/* Handles what the kernel has announced (routes, neighbours, links, addresses); publishes what has
 * changed. A receive overrun leads to a full re-read. */
void kg_nexthop_watch_input(struct kg_nexthop_watch *w);
/* Asks for a peer and keeps watching it; publishes what is known, and later what changes. A peer
 * that is watched already is published again. */
void kg_nexthop_watch_resolve(struct kg_nexthop_watch *w, const struct kg_ip *peer);
/* Peers watched now. */
unsigned int kg_nexthop_watch_count(const struct kg_nexthop_watch *w);
/* The peer whose route was read longest ago; NULL: none is watched. */
const struct kg_ip *kg_nexthop_watch_oldest(const struct kg_nexthop_watch *w);
/* Ends the watch of a peer. */
void kg_nexthop_watch_forget(struct kg_nexthop_watch *w, const struct kg_ip *peer);
/* Every second or so: tells the kernel which neighbours are in use (NTF_USE), so that it keeps
 * probing them although our datagrams do not pass through it; re-reads what was unsettled, and some
 * routes for what is not announced. */
void kg_nexthop_watch_tick(struct kg_nexthop_watch *w, uint64_t now_us);
