/* SPDX-License-Identifier: BSD-3-Clause */
/* Questions to the kernel about routes and neighbours, and what its messages about them say. */
#pragma once

#include "net/addr.h"
#include "netlink/nl.h"

struct kg_route {
	unsigned int ifindex;
	struct kg_ip gateway; /* version 0: the destination is on the link */
	struct kg_ip source;  /* version 0: the kernel named none */
	uint16_t mtu;         /* of the way as far as it is known; 0: the link's */
	bool local;           /* to this host itself: no route that leads anywhere */
};

struct kg_neighbour {
	unsigned int ifindex;
	struct kg_ip ip;
	uint16_t state; /* NUD_*, 0: the kernel has no entry */
	struct kg_mac
		mac; /* valid in the states NUD_VALID of the kernel, see kg_neighbour_usable */
};

/* The route a packet of ours to `destination` takes. 0, or -errno: none that leads anywhere. */
int kg_route_lookup(struct kg_nl *nl, const struct kg_ip *destination, struct kg_route *route);

/* 0, or -errno; -ENOENT: no entry. */
int kg_neighbour_lookup(struct kg_nl *nl, unsigned int ifindex, const struct kg_ip *ip,
			struct kg_neighbour *neighbour);

/*
 * Tells the kernel that the neighbour is being used: it resolves one it does not know and probes
 * one that is stale. Not for permanent entries: the kernel would turn them into learned ones.
 */
int kg_neighbour_use(struct kg_nl *nl, unsigned int ifindex, const struct kg_ip *ip);

/* May frames be sent to the MAC? */
bool kg_neighbour_usable(const struct kg_neighbour *neighbour);

/* What Linux is given for `destination` leaves at once: it is this host's, or its next hop is
 * known. Else it waits there until the next hop has answered, or for seconds in vain. */
bool kg_way_is_known(struct kg_nl *nl, const struct kg_ip *destination);

/* RTM_NEWNEIGH, RTM_DELNEIGH (state 0); false for what is no IP neighbour. */
bool kg_neighbour_read(struct kg_neighbour *neighbour, const struct nlmsghdr *header);
/* RTM_NEWROUTE, RTM_DELROUTE: the destinations it is for; false for other than IPv4 and IPv6. */
bool kg_route_read_prefix(struct kg_prefix *prefix, const struct nlmsghdr *header);
