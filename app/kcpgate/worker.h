/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One poll-mode core: all it owns in one struct, given as first argument to every stage. Other
 * threads reach it only by its rings. Made in box/workers.c, run by turn.c; it hears by mail.c.
 */
#pragma once

#include "base/rng.h"
#include "base/slots.h"
#include "base/twheel.h"
#include "borrowed.h"
#include "carried.h"
#include "config/config.h"
#include "conn.h"
#include "dropped.h"
#include "kernel/pump.h"
#include "mail.h"
#include "memory/arena.h"
#include "nexthops.h"
#include "nic/nic.h"
#include "payload/msg.h"
#include "side.h"
#include "telemetry/counters.h"
#include "telemetry/troubles.h"
#include "udp_ports/local_ports.h"

struct kg_box;
struct kg_burst;
struct kg_reassembly;
struct kg_shortcuts;
struct kg_trace;

#define KG_WORKER_LINK_BATCH 32u

/* A payload thread, seen from a worker. */
struct kg_worker_link {
	struct kg_payload_link *rings;
	bool posted;                               /* since the thread was last woken */
	uint32_t count, room;                      /* of `batch`: messages; those the ring takes */
	struct kg_msg batch[KG_WORKER_LINK_BATCH]; /* to go into the ring together */
};

struct kg_worker {
	/* fixed before the loop starts */
	struct kg_box *box;
	unsigned int index; /* also its lcore, and its queue on every port */
	struct kg_arena *arena;
	struct rte_ring *mail, *reports;
	struct kg_pump_link *kernel; /* to Linux, by the pump */
	struct kg_waker waker;       /* payload threads, pump and control thread wake us by it */
	unsigned int link_count;
	uint32_t channels_max; /* that there is memory for */

	/* the worker's own */
	struct kg_slots sides; /* struct kg_side, by the tunnel's id */
	unsigned int
		stun_sides; /* of these: the control thread asks STUN servers from their ports */
	unsigned int resting_sides; /* of these: resting.h */
	uint64_t now_us;            /* monotonic; read once per turn */
	uint32_t unix_s;            /* wall clock; read at housekeeping */
	bool stopping;
	uint64_t stop_deadline_us;
	atomic_uint *stop_awaited;  /* NULL: it is over, or was never asked for */
	atomic_uint *leave_awaited; /* NULL: the loop goes on */
	struct kg_twheel *wheel;
	struct kg_rng rng;
	struct kg_nexthops *nexthops;
	struct kg_local_ports local_ports;
	struct kg_worker_link links[KG_CONFIG_PAYLOAD_THREADS_MAX]; /* by payload thread */
	struct kg_borrowed borrowed;
	unsigned int next_link; /* of the next CONNECT */
	bool punted;            /* since the pump was last woken */
	bool told;              /* in this turn: payload threads have been given something */
	uint64_t
		answer_us; /* until then nothing leaves, for an answer may; 0: what is due leaves */
	struct kg_shortcuts *shortcuts;
	struct kg_reassembly *reassembly;       /* of datagrams for tunnels that come in pieces */
	struct kg_conn_list conns;              /* connections with something to do */
	struct kg_burst *bursts[KG_BURSTS_MAX]; /* conn/burst.c; NULL: a free place */
	struct kg_tour tour;
	struct kg_msg refused[KG_CONN_REFUSED_MAX];
	unsigned int refused_count;
	struct kg_nic_txq txq[KG_CONFIG_PORTS_MAX];
	struct rte_mbuf *spare[KG_NIC_BURST]; /* for datagrams to come */
	uint16_t spare_count;
	uint32_t usual_bytes; /* that lately left in one of them */
	struct kg_troubles troubles;
	struct kg_dropped_table dropped;
	struct kg_trace *trace;      /* NULL: nobody traces */
	uint64_t told_us;            /* no router's word goes to the other workers before */
	uint64_t fec_age_us;         /* when groups of FEC age next */
	uint16_t next_side;          /* session_output: where the next turn begins, to be fair */
	unsigned int next_published; /* side */

	struct kg_counters stats; /* worker: wo, telemetry: ro */

	struct kg_carried carried; /* mbufs that applications' threads have; they count, too */
} __rte_cache_aligned;

/* Gives the ring what has been posted. */
void kg_worker_flush(struct kg_worker_link *link);
/* The same, and looks how many more it takes; false: none. */
bool kg_worker_make_room(struct kg_worker_link *link);
static inline bool kg_worker_may_post(struct kg_worker_link *link)
{
	return link->count < link->room || kg_worker_make_room(link);
}
/* The place of a message to a payload thread, to be written at once; the next kg_stage_deliver
 * brings it there and wakes the thread. NULL: its ring is full. */
static inline struct kg_msg *kg_worker_post(struct kg_worker_link *link)
{
	return kg_worker_may_post(link) ? &link->batch[link->count++] : NULL;
}

/* Tells the control thread; silently dropped when its ring is full. */
void kg_worker_report(struct kg_worker *w, struct kg_report *report);
/* The same for what happens all the time, and leaves half of the ring to the rest. False: it was
 * not told. */
bool kg_worker_report_routine(struct kg_worker *w, struct kg_report *report);

/* Its side of a tunnel; NULL: that has gone, or is not there yet. */
static inline struct kg_side *kg_worker_side(const struct kg_worker *w, uint16_t id)
{
	return kg_slots_get(&w->sides, id);
}

static inline void kg_worker_count(struct kg_worker *w, enum kg_counter counter, uint64_t n)
{
	kg_count(&w->stats.counters[counter], n);
}

/* Nothing is thrown away without it: by kg_stage_drop, or where there is no packet to free, or who
 * frees it does so for a whole burst. */
static inline void kg_worker_count_drop(struct kg_worker *w, enum kg_drop reason, uint64_t n)
{
	kg_count(&w->stats.drops[reason], n);
}
