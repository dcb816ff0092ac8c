/* SPDX-License-Identifier: BSD-3-Clause */
/* Where datagrams to a peer depart: the next hop that they take, and the address they come from. */
#pragma once

#include "netlink/nexthop.h"

struct kg_box;
struct kg_worker;

/* The kernel's word on a peer; asks for it, until there is an answer, when it is not known. Valid
 * until the next turn, or the next peer. */
const struct kg_nexthop *kg_departure_nexthop(struct kg_worker *w, const struct kg_ip *peer);
/* Where a datagram of ours to `peer` comes from: the kernel's choice, or else the configuration's.
 */
struct kg_ip kg_departure_source(const struct kg_box *box, const struct kg_ip *peer,
				 const struct kg_nexthop *nexthop);
