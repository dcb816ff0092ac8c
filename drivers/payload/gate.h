/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A gate: one tunnel on one payload thread, with its listening sockets. The control thread makes it
 * and gives it to the thread, which has it until it has been forgotten there; the last of its flows
 * takes it along.
 *
 *   create ─► OPEN ─► lets applications in ─► SHUT ─► the worker's sides end ─► FORGET
 *                                      └─► REST ─┘
 */
#pragma once

#include "thread/waker.h"

#include <stdatomic.h>
#include <stddef.h>

struct kg_gate;
struct kg_kept_list;
struct kg_kept_socket;
struct kg_payload;
struct kg_payload_tunnel;

/*
 * Opens the listening sockets, and so finds out whether the ports can be had; of several threads,
 * for the one with index 0 first. Texts and the application end stay until the gate is forgotten.
 * Those that are kept (kept.h) it takes; NULL: there are none. NULL with a text in `error`.
 */
struct kg_gate *kg_gate_create(const struct kg_payload *p, const struct kg_payload_tunnel *tunnel,
			       struct kg_kept_list *kept, char *error, size_t error_bytes);
/* One that no thread was given. */
void kg_gate_destroy(struct kg_gate *gate);
/* Once OPEN is done: false when the thread could not watch the sockets. */
bool kg_gate_is_open(const struct kg_gate *gate);

enum kg_gate_order {
	KG_GATE_OPEN, /* the gate is the thread's: applications come in, workers may ask to dial */
	/* Nobody comes in, and another gate may have the ports; connections go on. UDP flows that
	 * came in end, for what they say has no socket: their next datagram is that gate's. */
	KG_GATE_REST,
	KG_GATE_SHUT,   /* no more; what an application does not take soon is thrown away */
	KG_GATE_FORGET, /* no worker has a connection of it any more: the control thread does not
			 * touch it again, and may free what it was made of */
};

/* What the control thread wants; done in the thread's next turn. */
struct kg_gate_mail {
	enum kg_gate_order order;
	uint16_t tunnel;             /* id; of one that is not there nothing is done */
	struct kg_gate *gate;        /* OPEN */
	struct kg_kept_socket *kept; /* REST: places for its sockets, two for each listener of the
				      * application end; NULL: they are closed */
	atomic_uint *awaited;        /* one less when it is done, */
	struct kg_waker *waker;      /* and whose is this is woken */
};

/* False: the thread has too many others to do. One thread at a time. */
bool kg_gate_post(struct kg_payload *p, struct kg_gate_mail *mail);
