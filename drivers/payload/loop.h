/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the payload thread share. Not for others.
 *
 * A source is a descriptor that epoll watches edge-triggered, registered once: events are collected
 * in `events` and stay there until the source has used them up. A source with something to do
 * stands in the ready list; the loop serves each a bounded piece in turn, so that no flow starves
 * another.
 */
#pragma once

#include "payload/payload.h"
#include "payload/socket.h"

#include <rte_hash.h>
#include <rte_ring_elem.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/queue.h>

#define KG_READ_BUFS   32 /* buffers one system call fills at most */
#define KG_INPUT_BURST 64 /* messages taken from a ring at once */

enum kg_served {
	KG_SERVED_IDLE,    /* nothing to do until an event or a message; the source may be gone */
	KG_SERVED_MORE,    /* serve again */
	KG_SERVED_STALLED, /* serve again after a moment: a ring is full or buffers are short */
};

struct kg_source {
	TAILQ_ENTRY(kg_source) ready_link;
	enum kg_served (*serve)(struct kg_payload *p, struct kg_source *source);
	int fd;
	uint32_t events; /* EPOLL…, seen and not yet used up */
	bool ready;      /* is in the ready list */
};

TAILQ_HEAD(kg_source_list, kg_source);

struct kg_flow;
TAILQ_HEAD(kg_flow_list, kg_flow);

/* One worker, seen from here. */
struct kg_link {
	struct kg_payload_link *rings;
	struct kg_flow_list pending; /* flows with messages that found the ring full */
	struct kg_msg input[KG_INPUT_BURST];
	unsigned int input_next, input_count; /* messages of `input` not yet dealt with */
	bool posted;                          /* since the worker was last woken */
};

/* Flows that must be done with something within a fixed time: the oldest is first. */
struct kg_deadlines {
	struct kg_flow_list flows;
	uint64_t span_us;
	unsigned int count;
};

struct kg_listener {
	struct kg_source source;
	const struct kg_payload_tunnel *tunnel;
	const struct kg_target *target; /* NULL: the server knows */
	struct kg_endpoint at;
	bool any; /* UDP: bound to no address, so each datagram tells which one it came to */
};

struct kg_payload {
	struct kg_payload_config config; /* arrays of the caller's are copied, or NULL */
	struct kg_payload_tunnel *tunnels;
	struct kg_payload_stats stats;
	atomic_bool stop;
	struct kg_source waker;
	int epoll_fd;
	int spare_fd; /* closed when there is no other, to let a connection in; -1: lost meanwhile
		       */
	uint64_t now_us, worked_us; /* this turn; the last turn that did something */

	struct kg_link *links;
	unsigned int next_link; /* of the next OPEN */
	struct kg_source_list ready;
	unsigned int ready_count;
	struct kg_flow_list flows;
	struct kg_deadlines connecting, draining;
	struct kg_deadlines trying; /* a name is resolved, or one of several addresses tried */

	struct kg_listener *listeners;
	unsigned int listener_count;
	struct kg_udp_rx *udp_rx;
	struct kg_udp_tx *udp_tx;
	struct kg_udp_sources *udp_sources;
	struct kg_udp_loss *udp_loss;

	struct kg_buf *spare[KG_READ_BUFS]; /* large buffers, to read into */
	unsigned int spare_count;
	uint16_t spare_bytes;
};

/* Stats have one writer; telemetry reads them at any time. */
static inline void kg_count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* ---- source.c: sources ---- */

/* Takes fd over and watches it. 0, or -errno: then fd is still the caller's. */
int kg_source_open(struct kg_payload *p, struct kg_source *source, int fd, uint32_t events);
/* Nothing is done for a source that is not open. */
void kg_source_close(struct kg_payload *p, struct kg_source *source);
/* Will be served in this turn or the next. */
void kg_source_wake(struct kg_payload *p, struct kg_source *source);

/* ---- source.c: buffers to read into ---- */

/* Up to KG_READ_BUFS large buffers; less when the pool runs dry, 0 is counted. Those that are not
 * used go back by kg_spare_put. */
unsigned int kg_spare_take(struct kg_payload *p, struct kg_buf **bufs, unsigned int count);
void kg_spare_put(struct kg_payload *p, struct kg_buf *buf);
/* A large buffer holds `len` bytes: returns what to pass on, a small buffer if they fit in one. */
struct kg_buf *kg_spare_fit(struct kg_payload *p, struct kg_buf *buf, uint16_t len);

/* A descriptor that is good for nothing but its place; -1 when there is none. */
int kg_payload_spare_fd(const struct kg_payload *p);

/* ---- payload.c: messages to workers ---- */

/* Messages that certainly find room. */
static inline unsigned int kg_link_room(const struct kg_link *link)
{
	return rte_ring_free_count(link->rings->to_worker);
}
/* All or nothing; false is counted. */
bool kg_link_post(struct kg_payload *p, struct kg_link *link, const struct kg_msg *msgs,
		  unsigned int count);
