/* SPDX-License-Identifier: BSD-3-Clause */
/* Gives a kernel interface its MAC, MTU, addresses and default routes, and says how it is. All
 * return 0 or -errno. */
#pragma once

#include "net/addr.h"
#include "netlink/nl.h"

int kg_link_set(struct kg_nl *nl, unsigned int ifindex, const struct kg_mac *mac, uint16_t mtu);
int kg_link_set_up(struct kg_nl *nl, unsigned int ifindex);

/* An IPv6 address is usable at once: no duplicate address detection. */
int kg_link_add_address(struct kg_nl *nl, unsigned int ifindex, const struct kg_prefix *address);

/* -EEXIST when there is a default route of the same metric. */
int kg_link_add_default_route(struct kg_nl *nl, unsigned int ifindex, const struct kg_ip *gateway);

enum kg_link_state {
	KG_LINK_UP,
	KG_LINK_NO_CARRIER, /* set up, but nothing is at the other end */
	KG_LINK_DOWN,
	KG_LINK_GONE,
};

int kg_link_get_state(struct kg_nl *nl, unsigned int ifindex, enum kg_link_state *state);

/* Linux's addresses on the interface but those that only mean something on the link; `*count` has
 * room for so many and becomes how many there are in all. */
int kg_link_addresses(struct kg_nl *nl, unsigned int ifindex, struct kg_prefix *addresses,
		      unsigned int *count);
