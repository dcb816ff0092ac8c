/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pump: the thread between workers and TAPs. What Linux is given and what it sends costs a system
 * call a frame; here it costs neither workers nor applications' sockets their time, however much a
 * flood makes of it.
 *
 *   each worker ── frames, a ring per port ──► pump ──► TAP of the port
 *   each worker ── packets to be routed ─────► pump ──► raw socket
 *   first worker ◄── frames of all ports ───── pump ◄── TAPs
 *
 * More than a ring holds is dropped.
 *
 * A ring is shared by urgency: the less urgent a frame, the less of the ring it may fill, so that a
 * flood of what nobody asked for leaves room to what matters. In each turn every ring gets the same
 * number of frames out, so that a flood on one port leaves time to the others. During a flood the
 * thread gives way to all others; at other times it does not, since connections of hosts behind a
 * port pass it too (docs/decisions/0026-a-pump-of-its-own.md).
 */
#pragma once

#include "base/base.h"
#include "kernel/exception.h"
#include "thread/waker.h"

#include <rte_ring.h>
#include <stdalign.h>
#include <stdatomic.h>

#define KG_PUMP_PORTS_MAX   16
#define KG_PUMP_FRAMES      1024 /* on the way to a TAP, per worker and port */
#define KG_PUMP_PACKETS     256  /* on the way to Linux's routing, per worker */
#define KG_PUMP_FROM_KERNEL 512  /* on the way to the first worker */
#define KG_PUMP_MBUFS(workers, ports) \
	((workers) * ((ports)*KG_PUMP_FRAMES + KG_PUMP_PACKETS) + KG_PUMP_FROM_KERNEL)

/* What a worker shares with the pump. All rings are single producer, single consumer. */
struct kg_pump_link {
	struct rte_ring *frames[KG_PUMP_PORTS_MAX]; /* by port; NULL beyond the last */
	struct rte_ring *packets;
	struct rte_ring *from_kernel;  /* NULL: another worker's; mbuf->port is the port's index */
	struct kg_waker *worker_waker; /* the worker's; needed with from_kernel */
	struct kg_waker *pump_waker;   /* the pump's; all links have it */
	/* Frames of KG_PUMP_UNASKED so far, those that found no room too; the worker's to write. */
	alignas(RTE_CACHE_LINE_SIZE) atomic_uint unasked;
};

enum kg_pump_urgency {
	KG_PUMP_UNASKED, /* may fill a quarter of the ring */
	KG_PUMP_USUAL,   /* three quarters */
	KG_PUMP_VITAL,   /* all of it */
};

/* Makes the rings, named after `name` (unique, at most 24 characters). 0, or -errno. */
int kg_pump_link_init(struct kg_pump_link *link, const char *name, unsigned int ports, bool first);
/* When both threads have let go of it; frees what nobody took. Harmless on a link of zeros. */
void kg_pump_link_fini(struct kg_pump_link *link);

/* The worker: takes the mbuf, a frame for kg_exception_write on the port's TAP, unless it returns
 * false: more would be more than the urgency's share. kg_waker_wake the pump when a turn ends. */
bool kg_pump_frame(struct kg_pump_link *link, uint16_t port, enum kg_pump_urgency urgency,
		   struct rte_mbuf *frame);
/* The worker: the same of a packet for kg_exception_route. */
bool kg_pump_packet(const struct kg_pump_link *link, struct rte_mbuf *packet);

struct kg_pump_config {
	struct kg_pump_link *links; /* one per worker */
	unsigned int link_count;
	struct kg_exception *const *taps; /* by port */
	unsigned int tap_count;
	struct kg_waker *waker; /* this thread's */
	/* Workers have their CPUs and are spared the waking of this thread, for as long as it
	 * spins. Where they share theirs it sleeps at once: it would take the time of those that
	 * have work.
	 */
	bool busy;
	bool shared; /* memory is: EAL registers no threads then */
};

struct kg_pump;

/* NULL without memory. What `config` points to outlives the pump. */
struct kg_pump *kg_pump_create(const struct kg_pump_config *config);
/* Runs on a thread of its own until kg_pump_stop, with all signals blocked. */
void kg_pump_run(struct kg_pump *pump);
/* Any thread. What workers and Linux have said so far still goes, then run returns. */
void kg_pump_stop(struct kg_pump *pump);
void kg_pump_destroy(struct kg_pump *pump);
