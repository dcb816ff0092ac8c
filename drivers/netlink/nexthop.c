/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two tables: the peers asked for, and the neighbours they go by; many peers may share a
 * gateway. Two sockets: one for questions, one on which the kernel announces changes.
 *
 *   route, link, address, rule event ─► peers it may concern are unsettled ─► route looked up again
 *   neighbour event ─────────────────► its state and MAC ────────────► its peers published
 *
 * A peer whose published next hop has not changed is not published again. Work per call is
 * bounded: what is left over waits for the next call, at the latest the next tick.
 */
#include "netlink/nexthop.h"
#include "netlink/lookup.h"
#include "netlink/neighbours.h"

#include "base/siphash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>

#define BUCKETS         1024 /* of peers; a power of two */
#define EVENTS_PER_CALL 64   /* receives */
#define PEERS_PER_CALL  1024
#define ROUTES_PER_TICK 256 /* read again: a path found narrow is not announced */

struct peer {
	TAILQ_ENTRY(peer) link;
	LIST_ENTRY(peer) bucket;
	struct kg_nexthop published;
	struct kg_ip source;
	uint16_t mtu;
	struct kg_held_neighbour *neighbour; /* NULL: no route */
	bool settled; /* the route has been looked up since it may have changed */
	bool told;    /* `published` has been taken */
};

TAILQ_HEAD(peer_list, peer);
LIST_HEAD(peer_bucket, peer);

struct kg_nexthop_watch {
	struct kg_nl questions;
	struct mnl_socket *events;
	kg_nexthop_publish publish;
	void *ctx;
	struct peer_list peers;
	unsigned int peer_count;
	struct kg_siphash_key key; /* strangers choose peers */
	struct kg_neighbours neighbours;
	struct peer_bucket buckets[BUCKETS];
	uint64_t now_us; /* of the last tick */
	unsigned int port_count;
	struct kg_nexthop_port ports[];
};

/* Peers */

static struct peer_bucket *peer_bucket(struct kg_nexthop_watch *w, const struct kg_ip *ip)
{
	return &w->buckets[kg_siphash(&w->key, ip, sizeof(*ip)) % BUCKETS];
}

static struct peer *peer_lookup(struct kg_nexthop_watch *w, const struct kg_ip *ip)
{
	struct peer *peer;

	LIST_FOREACH (peer, peer_bucket(w, ip), bucket) {
		if (kg_ip_equal(&peer->published.peer, ip))
			return peer;
	}
	return NULL;
}

static struct peer *peer_insert(struct kg_nexthop_watch *w, const struct kg_ip *ip)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	if (peer == NULL)
		return NULL;
	peer->published = (struct kg_nexthop){ .peer = *ip, .state = KG_NEXTHOP_NO_ROUTE };
	LIST_INSERT_HEAD(peer_bucket(w, ip), peer, bucket);
	TAILQ_INSERT_TAIL(&w->peers, peer, link);
	w->peer_count++;
	return peer;
}

static void peer_remove(struct kg_nexthop_watch *w, struct peer *peer)
{
	kg_neighbours_release(&w->neighbours, peer->neighbour);
	LIST_REMOVE(peer, bucket);
	TAILQ_REMOVE(&w->peers, peer, link);
	w->peer_count--;
	free(peer);
}

static void peer_describe(const struct kg_nexthop_watch *w, const struct peer *peer,
			  struct kg_nexthop *nexthop)
{
	const struct kg_held_neighbour *neighbour = peer->neighbour;
	const struct kg_nexthop_port *port;

	*nexthop =
		(struct kg_nexthop){ .peer = peer->published.peer, .state = KG_NEXTHOP_NO_ROUTE };
	if (neighbour == NULL)
		return;
	nexthop->port = neighbour->port;
	nexthop->source = peer->source;
	nexthop->mtu = peer->mtu;
	nexthop->state = KG_NEXTHOP_RESOLVING;
	if (!kg_neighbours_serves(neighbour))
		return;
	port = &w->ports[neighbour->port];
	nexthop->state = KG_NEXTHOP_READY;
	kg_l2_init(&nexthop->l2, &port->mac, &neighbour->mac, port->vlan);
}

static bool nexthop_equal(const struct kg_nexthop *a, const struct kg_nexthop *b)
{
	return a->state == b->state && a->port == b->port && a->mtu == b->mtu &&
	       kg_ip_equal(&a->source, &b->source) && a->l2.len == b->l2.len &&
	       memcmp(a->l2.bytes, b->l2.bytes, a->l2.len) == 0;
}

/* Tells the world if something has changed, or was not taken before. */
static void peer_publish(struct kg_nexthop_watch *w, struct peer *peer)
{
	struct kg_nexthop now;

	peer_describe(w, peer, &now);
	if (peer->told && nexthop_equal(&now, &peer->published))
		return;
	peer->published = now;
	peer->told = w->publish(w->ctx, &now);
}

/* Asks the kernel which way the peer is; without a publication. */
static void peer_settle(struct kg_nexthop_watch *w, struct peer *peer)
{
	struct kg_held_neighbour *before = peer->neighbour;
	struct kg_route route;
	uint16_t port = 0;

	peer->settled = true;
	peer->neighbour = NULL;
	if (kg_route_lookup(&w->questions, &peer->published.peer, &route) == 0) {
		while (port < w->port_count && w->ports[port].ifindex != route.ifindex)
			port++;
		if (port < w->port_count)
			peer->neighbour = kg_neighbours_hold(
				&w->neighbours, &w->questions, route.ifindex, port,
				route.gateway.version != 0 ? &route.gateway
							   : &peer->published.peer);
		peer->source = route.source;
		peer->mtu = route.mtu;
	}
	kg_neighbours_release(&w->neighbours, before);
}

/* Those served go to the end, so that none waits for ever. */
static void catch_up(struct kg_nexthop_watch *w)
{
	struct peer *last = TAILQ_LAST(&w->peers, peer_list), *next;
	unsigned int budget = PEERS_PER_CALL;

	for (struct peer *peer = TAILQ_FIRST(&w->peers); peer != NULL; peer = next) {
		next = peer == last ? NULL : TAILQ_NEXT(peer, link);
		if (peer->settled && peer->told)
			continue;
		if (budget-- == 0)
			return;
		if (!peer->settled)
			peer_settle(w, peer);
		peer_publish(w, peer);
		TAILQ_REMOVE(&w->peers, peer, link);
		TAILQ_INSERT_TAIL(&w->peers, peer, link);
	}
}

/* Events */

/* `prefix` NULL: all peers. */
static void unsettle(struct kg_nexthop_watch *w, const struct kg_prefix *prefix)
{
	struct peer *peer;

	TAILQ_FOREACH (peer, &w->peers, link) {
		if (prefix == NULL || kg_prefix_contains(prefix, &peer->published.peer))
			peer->settled = false;
	}
}

static void publish_those_behind(struct kg_nexthop_watch *w,
				 const struct kg_held_neighbour *neighbour)
{
	struct peer *peer;

	TAILQ_FOREACH (peer, &w->peers, link) {
		if (peer->neighbour == neighbour)
			peer_publish(w, peer);
	}
}

static void neighbour_update(struct kg_nexthop_watch *w, struct kg_held_neighbour *neighbour,
			     const struct kg_neighbour *now)
{
	if (kg_neighbours_hear(neighbour, now, w->now_us))
		publish_those_behind(w, neighbour);
}

static int on_event(const struct nlmsghdr *header, void *ctx)
{
	struct kg_nexthop_watch *w = ctx;
	struct kg_neighbour now;
	struct kg_prefix prefix;
	struct kg_held_neighbour *neighbour;

	switch (header->nlmsg_type) {
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		if (!kg_neighbour_read(&now, header))
			break;
		neighbour = kg_neighbours_lookup(&w->neighbours, now.ifindex, &now.ip);
		if (neighbour != NULL)
			neighbour_update(w, neighbour, &now);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		if (kg_route_read_prefix(&prefix, header))
			unsettle(w, &prefix);
		break;
	default: /* links, addresses, rules, nexthop objects: too rare to be clever about */
		unsettle(w, NULL);
	}
	return MNL_CB_OK;
}

/* After lost announcements nothing that is known holds. */
static void reread_all(struct kg_nexthop_watch *w)
{
	struct kg_neighbour now;
	struct kg_held_neighbour *neighbour;

	TAILQ_FOREACH (neighbour, &w->neighbours, link) {
		kg_neighbour_lookup(&w->questions, neighbour->known.ifindex, &neighbour->known.ip,
				    &now);
		neighbour_update(w, neighbour, &now);
	}
	unsettle(w, NULL);
}

void kg_nexthop_watch_input(struct kg_nexthop_watch *w)
{
	_Alignas(8) uint8_t received[KG_NL_RECEIVE_BYTES];

	for (unsigned int i = 0; i < EVENTS_PER_CALL; i++) {
		ssize_t len = mnl_socket_recvfrom(w->events, received, sizeof(received));

		if (len > 0)
			mnl_cb_run(received, (size_t)len, 0, 0, on_event, w);
		else if (len < 0 && (errno == ENOBUFS || errno == ENOSPC))
			reread_all(w);
		else
			break;
	}
	catch_up(w);
}

static void give_up_lost(struct kg_nexthop_watch *w)
{
	struct kg_held_neighbour *neighbour;

	TAILQ_FOREACH (neighbour, &w->neighbours, link) {
		if (kg_neighbours_give_up(neighbour, w->now_us))
			publish_those_behind(w, neighbour);
	}
}

void kg_nexthop_watch_tick(struct kg_nexthop_watch *w, uint64_t now_us)
{
	unsigned int budget = ROUTES_PER_TICK;
	struct peer *peer;

	w->now_us = now_us;
	TAILQ_FOREACH (peer, &w->peers, link) { /* what is settled goes to the end */
		if (peer->neighbour == NULL || budget > 0)
			peer->settled = false;
		budget -= budget > 0;
	}
	kg_nexthop_watch_input(w); /* so that states are fresh */
	give_up_lost(w);
	kg_neighbours_use(&w->neighbours, &w->questions, now_us);
}

/* The watch itself */

void kg_nexthop_watch_resolve(struct kg_nexthop_watch *w, const struct kg_ip *ip)
{
	struct peer *peer = peer_lookup(w, ip);

	if (peer == NULL)
		peer = peer_insert(w, ip);
	if (peer == NULL)
		return;
	if (!peer->settled)
		peer_settle(w, peer);
	peer->told = false;
	peer_publish(w, peer);
}

unsigned int kg_nexthop_watch_count(const struct kg_nexthop_watch *w)
{
	return w->peer_count;
}

const struct kg_ip *kg_nexthop_watch_oldest(const struct kg_nexthop_watch *w)
{
	const struct peer *peer = TAILQ_FIRST(&w->peers); /* what is settled goes to the end */

	return peer != NULL ? &peer->published.peer : NULL;
}

void kg_nexthop_watch_forget(struct kg_nexthop_watch *w, const struct kg_ip *ip)
{
	struct peer *peer = peer_lookup(w, ip);

	if (peer != NULL)
		peer_remove(w, peer);
}

/* All that may change a route: a link that goes down takes its IPv4 routes along silently. */
static int subscribe(struct mnl_socket *events)
{
	static const int groups[] = { RTNLGRP_NEIGH,     RTNLGRP_IPV4_ROUTE,  RTNLGRP_IPV6_ROUTE,
				      RTNLGRP_LINK,      RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
				      RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE,   RTNLGRP_NEXTHOP };

	if (mnl_socket_bind(events, 0, MNL_SOCKET_AUTOPID) < 0)
		return -1;
	for (size_t i = 0; i < KG_ARRAY_SIZE(groups); i++) {
		int group = groups[i];

		if (mnl_socket_setsockopt(events, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) <
		    0)
			return -1;
	}
	return 0;
}

struct kg_nexthop_watch *kg_nexthop_watch_create(const struct kg_nexthop_port *ports,
						 unsigned int port_count,
						 kg_nexthop_publish publish, void *ctx)
{
	struct kg_nexthop_watch *w = calloc(1, sizeof(*w) + port_count * sizeof(*ports));
	int saved;

	if (w == NULL)
		return NULL;
	w->publish = publish;
	w->ctx = ctx;
	w->port_count = port_count;
	memcpy(w->ports, ports, port_count * sizeof(*ports));
	TAILQ_INIT(&w->peers);
	TAILQ_INIT(&w->neighbours);
	if (getrandom(&w->key, sizeof(w->key), 0) != (ssize_t)sizeof(w->key))
		w->key.words[0] = (uintptr_t)w; /* where it lies is a secret, too */
	w->events = mnl_socket_open2(NETLINK_ROUTE, SOCK_NONBLOCK | SOCK_CLOEXEC);
	saved = w->events == NULL ? -errno : kg_nl_open(&w->questions);
	if (saved == 0 && subscribe(w->events) == 0)
		return w;
	saved = saved != 0 ? -saved : errno;
	kg_nexthop_watch_destroy(w);
	errno = saved;
	return NULL;
}

void kg_nexthop_watch_destroy(struct kg_nexthop_watch *w)
{
	struct peer *peer;

	if (w == NULL)
		return;
	while ((peer = TAILQ_FIRST(&w->peers)) != NULL)
		peer_remove(w, peer);
	if (w->events != NULL)
		mnl_socket_close(w->events);
	kg_nl_close(&w->questions);
	free(w);
}

int kg_nexthop_watch_fd(const struct kg_nexthop_watch *w)
{
	return mnl_socket_get_fd(w->events);
}
