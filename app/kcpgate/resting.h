/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A side that rests: its tunnel's settings have changed, or are no more. What is open on it goes on
 * under the old settings until it ends, or its time is over; what is new is its successor's. A
 * client's side has local ports of its own. A server's may have to share the listen ports with its
 * successor, then whose a datagram is shows in the key that opens it, and in its conv.
 */
#pragma once

#include "worker.h"

#define KG_RESTING_MAX   16  /* tunnels of a box; of more the one that rests longest ends */
#define KG_RESTING_MAX_S 600 /* how long, at most */

/* The worker's, by mail; `awaited` as there. */
void kg_resting_begin(struct kg_side *side, atomic_uint *awaited);
/* Nothing is open on it any more, or the control thread says that its time is over. */
bool kg_resting_is_over(const struct kg_side *side);

/* A server's datagram that is opened, and none of its session's channels or handshakes: it would
 * open something. */
bool kg_resting_would_open(const struct kg_side *side, const struct kg_datagram *in);

/* The following are for servers' datagrams while w->resting_sides > 0. */
/* Opens a run of datagrams for `side`; of those that are for one that rests the packet has its id.
 */
void kg_resting_open(struct kg_worker *w, const struct kg_side *side, struct rte_mbuf *const *v,
		     struct kg_profile_job *jobs, uint16_t n);
/* Whose an opened datagram is: that side, or one that rests. NULL: the side rests, and it would
 * open something. */
struct kg_side *kg_resting_owner(struct kg_worker *w, struct kg_side *side,
				 const struct kg_datagram *in);
