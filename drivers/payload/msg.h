/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The language between a worker and a payload thread. Of several threads each has its own links; a
 * flow stays with its thread, a conn with its worker. On the worker's side conn/from_payload.c
 * listens and conn/toward_payload.c speaks:
 *
 *   a tunnel that listens for applications
 *
 *   payload                          worker
 *   OPEN ──────────────────────────► kg_streams_open
 *        ◄─────── ATTACHED or CLOSE
 *
 *   a tunnel that dials
 *
 *   payload                          worker
 *        ◄───────────────── CONNECT  ops.accept: the peer has opened a stream
 *   CONNECTED or REFUSED ──────────► kg_stream_connected, _refused
 *
 *   both
 *
 *   DATA ──────────────────────────► kg_stream_send
 *        ◄──────────────────── DATA  kg_stream_recv
 *   CREDIT ────────────────────────► the application has taken so much
 *        ◄────────────────── CREDIT  the application may send so much
 *   LOST ──────────────────────────► kg_conn_lost
 *   FINISH, ABORT ─────────────────► kg_stream_finish, _abort
 *        ◄────────────────── FINISH  ops.finished: the peer's application has ended, ours goes on
 *        ◄─────────────────── CLOSE  the worker's last word on a flow, after ops.closed
 *   RELEASED ──────────────────────► the payload thread's last word on a conn, which is freed
 *
 * `flow` belongs to the payload thread, `conn` to the worker; each side gives the other's pointer
 * back and never looks inside. After CLOSE the worker sends nothing more for the flow; after
 * RELEASED (or REFUSED, which is both answers in one) the payload thread sends nothing more for the
 * conn. So neither pointer can be stale. Every CLOSE is answered by RELEASED, but for a CLOSE in
 * answer to OPEN: that flow knows no conn.
 *
 * Flow control, per flow and direction, in units of segments (buffers):
 *
 * Toward the worker the flow may have `credit` segments outstanding. ATTACHED or the first CREDIT
 * after CONNECTED sets it up. CREDIT adds what was acknowledged by the peer, or takes back (as a
 * negative number) what memory no longer allows. TCP stops reading at 0. A UDP datagram goes whole
 * while credit is above 0 and takes what there is of it, so that both sides count the same; at 0
 * datagrams are dropped and counted.
 *
 * Toward the application the worker may have KG_FLOW_TX_SEGMENTS buffers outstanding in the payload
 * thread. CREDIT gives back what the socket has taken (or what was thrown away because it is gone),
 * when half of them are owed, so that a message of KG_FLOW_TX_SEGMENTS / 2 buffers always finds
 * room in the end. So a slow reader holds up its own stream's window and nothing else. Where memory
 * is short TCP gets fewer, KG_FLOW_TX_FLOOR at least, and half of these where only what is kept is
 * left; so when its socket has taken all, half of these are owed at once.
 *
 * RELEASED follows CLOSE at once: the payload thread writes out what it holds without the conn. An
 * ABORT that follows FINISH says that the application is gone altogether: what it sent before its
 * end still counts.
 */
#pragma once

#include "base/base.h"
#include "base/buf.h"
#include "net/addr.h"
#include "thread/waker.h"
#include "wire/target.h"

#include <rte_ring.h>

#define KG_FLOW_TX_SEGMENTS 256u
#define KG_FLOW_TX_FLOOR    4u

enum kg_msg_type {
	/* p→w  flow, mapped, tunnel, protocol, tuple, count = index of the payload thread */
	KG_MSG_OPEN,
	KG_MSG_ATTACHED,  /* w→p  flow, conn, count = credit */
	KG_MSG_CONNECT,   /* w→p  conn, target, tunnel, protocol */
	KG_MSG_CONNECTED, /* p→w  conn, flow, tuple */
	/* p→w  conn, count = errno or enum kg_refusal; also the RELEASED of that conn */
	KG_MSG_REFUSED,
	/* both flow, conn, buf = chain: one message; count = its buffers, toward the worker what
	 * it takes of the credit */
	KG_MSG_DATA,
	KG_MSG_CREDIT,   /* both flow, conn, count = segments; w→p signed */
	KG_MSG_LOST,     /* p→w  conn: UDP, the application's socket had no room for some of it */
	KG_MSG_FINISH,   /* both flow, conn: the sending side has ended; no DATA follows */
	KG_MSG_ABORT,    /* p→w  conn: application reset, or its socket failed; no DATA follows */
	KG_MSG_CLOSE,    /* w→p  flow, count = 1: reset instead of an orderly end */
	KG_MSG_RELEASED, /* p→w  conn */
};

struct kg_msg {
	uint8_t type;     /* enum kg_msg_type */
	uint8_t protocol; /* enum kg_protocol */
	uint16_t tunnel;  /* its id */
	uint32_t count;
	void *flow;
	union {
		void *conn;
		/* Where the server shall connect to; the configuration's. NULL: it knows. */
		const struct kg_target *mapped;
	};
	union {
		struct kg_buf *buf;
		const struct kg_tuple *tuple; /* UDP, good until CLOSE; NULL: leave it to Linux */
		/* Where to; good until CONNECTED or REFUSED. */
		const struct kg_target *target;
	};
};
_Static_assert(sizeof(struct kg_msg) == 32, "two messages per cache line");

/* Why a target was not connected to, beyond errno. */
enum kg_refusal {
	KG_REFUSAL_NOT_ALLOWED = 4096, /* above every errno */
	KG_REFUSAL_NO_NAME,
	KG_REFUSAL_NO_ADDRESS,
	KG_REFUSAL_NO_ANSWER,
};

/* What a REFUSED says, in words for logs and for the client. */
const char *kg_refusal_text(uint32_t count);

/* A worker's link to a payload thread. */
struct kg_payload_link {
	struct rte_ring *to_worker;     /* struct kg_msg elements, SP/SC */
	struct rte_ring *to_payload;    /* struct kg_msg elements, SP/SC */
	struct kg_waker *worker_waker;  /* the worker's; shared by its links */
	struct kg_waker *payload_waker; /* the payload thread's; shared by its links */
};

/*
 * Makes the rings, `size` - 1 messages each (`size` a power of two), named after `name` (unique, at
 * most 26 characters). Wakers are the caller's. 0, or -errno.
 */
int kg_payload_link_init(struct kg_payload_link *link, const char *name, unsigned int size);
/* When both threads have let go of it. Frees the buffers of messages nobody took. */
void kg_payload_link_fini(struct kg_payload_link *link);

/* Frees what a message owns, for a receiver that has no use for it. */
void kg_msg_discard(const struct kg_msg *msg);
