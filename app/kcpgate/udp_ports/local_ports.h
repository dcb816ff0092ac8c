/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker's share of the local UDP ports that clients use. Port p belongs to worker p % workers,
 * so that any worker can tell whose answer it has received.
 *
 * A channel has a port of its own while an eighth of the share is in use; then it shares one with
 * others of its tunnel, in turn. (A path that hops has several for a while: lib/session/hop.h.)
 * Handshakes never share. The last sixteenth goes to tunnels that hold less than that, so that a
 * busy one leaves something to the others.
 *
 * First in, first out: a port that was given back rests as long as possible. Ports that do not suit
 * a wish go to the end of the queue.
 */
#pragma once

#include "base/base.h"
#include "base/rng.h"
#include "base/slots.h"
#include "config/config.h"
#include "udp_ports/port_set.h"

#include <sys/queue.h>

#define KG_LOCAL_PORT_TRIES 64 /* finds one of 16 workers' ports in 98 cases of 100 */

struct kg_local_port {
	TAILQ_ENTRY(kg_local_port) link; /* of a tunnel's, while channels use it */
	uint32_t users;                  /* 0: free */
	uint16_t tunnel;                 /* id */
	bool alone;
	bool ours;      /* of the worker's share, and Linux had it not at the beginning */
	bool withdrawn; /* a tunnel listens there, or applications of one come in */
};
TAILQ_HEAD(kg_local_port_list, kg_local_port);

/* Some ports do better than others. */
struct kg_port_wish {
	bool (*suits)(void *ctx, uint16_t port);
	void *ctx;
};

struct kg_local_ports {
	uint16_t free[KG_CONFIG_LOCAL_PORTS_MAX];
	uint32_t head, free_count, total;
	uint16_t first, last;
	const struct kg_port_set *linux_ports;                 /* sockets of Linux: not for us */
	struct kg_local_port ports[KG_CONFIG_LOCAL_PORTS_MAX]; /* from `first` on */
	struct {
		struct kg_local_port_list shared; /* what was shared longest ago comes first */
		uint32_t held;                    /* ports in use */
	} tunnels[KG_SLOTS];
};

/* Takes the worker's ports of the range that Linux does not use, in random order. Those that Linux
 * takes later, as `linux_ports` tells then, are not given away meanwhile. */
void kg_local_ports_init(struct kg_local_ports *lp, const struct kg_port_range *range,
			 const struct kg_port_set *linux_ports, unsigned int worker,
			 unsigned int workers, struct kg_rng *rng);
/* A tunnel listens on these: they are not given away, and those in use not when they come back. */
void kg_local_ports_withdraw(struct kg_local_ports *lp, const struct kg_port_range *ranges,
			     unsigned int count);
bool kg_local_ports_is_withdrawn(const struct kg_local_ports *lp, uint16_t port);
/* Nobody listens on this one any more. Harmless when it was not withdrawn. */
void kg_local_ports_restore(struct kg_local_ports *lp, uint16_t port);
/* A port for one more user, which wants it alone or not; 0 when none is left. A wish (or NULL) is
 * met if one of the next KG_LOCAL_PORT_TRIES ports meets it. */
uint16_t kg_local_ports_acquire(struct kg_local_ports *lp, uint16_t tunnel, bool alone,
				const struct kg_port_wish *wish);
/* Who has it alone shares it from now on. */
void kg_local_ports_share(struct kg_local_ports *lp, uint16_t port);
/* One user less; true when it was the last and the port is free again. */
bool kg_local_ports_release(struct kg_local_ports *lp, uint16_t port);
