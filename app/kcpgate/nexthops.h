/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker's copy of the next hops of its peers. The control thread publishes; the worker looks up,
 * and asks for a peer it does not know yet, again and again while no answer comes: a question may
 * be lost in a full ring, or the control thread be busy.
 */
#pragma once

#include "netlink/nexthop.h"

/* Peers and applications that a box remembers next hops of. */
#define KG_NEXTHOPS_MAX 16384

struct kg_nexthops;

/* `name` is the table's for DPDK. NULL when memory is short. */
struct kg_nexthops *kg_nexthops_create(const char *name);
void kg_nexthops_destroy(struct kg_nexthops *nexthops);

/* The next hop of a peer, or NULL when it is not known. Valid until the next update. */
const struct kg_nexthop *kg_nexthops_lookup(struct kg_nexthops *nexthops, const struct kg_ip *peer);
/* The same; a peer that is not known is entered with state RESOLVING. `ask`: the control thread is
 * to be asked for it, now. */
const struct kg_nexthop *kg_nexthops_want(struct kg_nexthops *nexthops, const struct kg_ip *peer,
					  uint64_t now_us, bool *ask);
/* Enters or replaces. */
void kg_nexthops_update(struct kg_nexthops *nexthops, const struct kg_nexthop *nexthop);
/* Asked for again when it is needed. Harmless when it is not known. */
void kg_nexthops_forget(struct kg_nexthops *nexthops, const struct kg_ip *peer);
/* How many that were not looked up for a while gave way in a full table since the last call. */
uint32_t kg_nexthops_take_gave_way(struct kg_nexthops *nexthops);
