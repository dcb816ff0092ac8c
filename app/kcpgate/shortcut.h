/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shortcuts: UDP flows of applications whose datagrams a worker takes from the wire and puts on the
 * wire itself, past Linux. Linux opens and ends every flow: the payload thread keeps its socket,
 * which gets whatever the worker does not take. A shortcut stands from the moment that the flow's
 * tuple is known to the end of its channel; datagrams of a flow may go either way at any time.
 *
 *   wire ─► stage/app_input.c ──► channel ──► stage/app_output.c ─► wire        the shortcut
 *     └─► TAP ─► Linux ─► socket ─┘    └─► socket ─► Linux ─► TAP ─┘          the way round
 */
#pragma once

#include "net/addr.h"
#include "pkt.h"

struct kg_conn;
struct kg_worker;

struct kg_shortcut {
	struct kg_tuple ends;
	struct kg_conn *conn;
	bool entered; /* its datagrams are taken from the wire */
	/* They are put on the wire. A server's from the beginning; a client's once one has come
	 * from the wire, which proves that the application knows us by this tuple. */
	bool proven;
};

/* A worker's shortcuts by tuple. */
struct kg_shortcuts;

/* `name` is the table's for DPDK. NULL when memory is short. */
struct kg_shortcuts *kg_shortcuts_create(const char *name, uint32_t entries);
void kg_shortcuts_destroy(struct kg_shortcuts *shortcuts);

/* Finds the shortcut of each of `n` datagrams, KG_NIC_BURST at most; NULL: it has none. */
void kg_shortcuts_lookup(const struct kg_shortcuts *shortcuts, struct rte_mbuf *const *v,
			 uint16_t n, struct kg_shortcut **found);

/*
 * A UDP flow has come to be: gives its connection a shortcut if it may have one. A server's is
 * entered at once; a client's when its first datagrams, which came by Linux, are in the channel, so
 * that none overtakes them. Without memory the flow goes by Linux.
 */
void kg_shortcut_open(struct kg_conn *conn, const struct kg_tuple *ends);
void kg_shortcut_enter(struct kg_shortcut *shortcut);
/* The flow's datagrams are Linux's again. `conn` may have no shortcut. */
void kg_shortcut_close(struct kg_conn *conn);

/* The worker that owns the flow of a received datagram of an application. The payload threads offer
 * flows accordingly. */
unsigned int kg_shortcut_owner(const struct kg_pkt *pkt, unsigned int workers);
