/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Datagrams that came together leave toward their application at a pace (net/outlet.h). Few
 * connections have such bursts at a time; these have an outlet, which goes when nothing has left
 * for a while.
 */
#pragma once

#include "base/twheel.h"
#include "net/outlet.h"

struct kg_conn;

#define KG_BURST_TOGETHER 16u /* in one turn: that is a burst */

struct kg_burst {
	struct kg_outlet outlet;
	struct kg_timer timer; /* more may leave, or it is quiet */
	struct kg_conn *conn;
	uint16_t segment; /* bytes of a datagram that one holds */
};

/* For the first datagram of a turn. NULL: all leave at once. */
struct kg_burst *kg_burst_look(struct kg_conn *conn);
/* For one more than are no burst. NULL: likewise, for it is no UDP, or there is no place or no
 * memory. */
struct kg_burst *kg_burst_begin(struct kg_conn *conn);
/* The rest waits, for a while after which the connection is marked. */
void kg_burst_wait(struct kg_burst *burst);

/* That of the next datagram, when `left` have left in this turn, the last of them as part of
 * `burst`; NULL: none, it leaves at once. */
static inline struct kg_burst *kg_burst_of(struct kg_conn *conn, struct kg_burst *burst,
					   unsigned int left)
{
	if (left == 0)
		return kg_burst_look(conn);
	return burst == NULL && left == KG_BURST_TOGETHER ? kg_burst_begin(conn) : burst;
}

/* A datagram of so many bytes may leave now, and does; false: it waits. */
static inline bool kg_burst_may_leave(struct kg_burst *burst, size_t bytes)
{
	uint32_t segments = 1;

	if (bytes >= burst->segment)
		segments += (uint32_t)bytes / burst->segment;
	if (kg_outlet_take(&burst->outlet, segments))
		return true;
	kg_burst_wait(burst);
	return false;
}
