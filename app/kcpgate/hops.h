/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker's copy of the next hops of its peers. The control thread publishes; the worker looks up,
 * and reports a peer it does not know yet.
 */
#pragma once

#include "netlink/nexthop.h"

struct kg_hops;

/* `name` is the table's for DPDK, `peers` how many are remembered. NULL when memory is short. */
struct kg_hops *kg_hops_create(const char *name, uint32_t peers);
void kg_hops_destroy(struct kg_hops *hops);

/* The hop of a peer, or NULL when it is not known: kg_hops_update with state RESOLVING before
 * asking, so that it is asked for once. Valid until the next update. */
const struct kg_nexthop *kg_hops_lookup(struct kg_hops *hops, const struct kg_ip *peer);
/* Enters or replaces. False when the table is full. */
bool kg_hops_update(struct kg_hops *hops, const struct kg_nexthop *hop);
