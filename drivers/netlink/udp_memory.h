/* SPDX-License-Identifier: BSD-3-Clause */
/* What a UDP socket of this host has room for, and what it has had none for. */
#pragma once

#include "netlink/nl.h"

/* As Linux counts a socket's memory: a datagram takes more than its bytes. */
struct kg_udp_memory {
	uint64_t socket;                  /* Linux's name for it, until it is closed */
	uint32_t used_bytes, limit_bytes; /* of what waits to be received */
	uint32_t drops;                   /* datagrams, so far */
};

/*
 * Asks Linux for the socket that gets what is sent from `from` to `to`. `nl`: to
 * NETLINK_SOCK_DIAG. 0, or -errno: -ENOENT when there is none, as on another host.
 */
int kg_udp_memory_ask(struct kg_nl *nl, const struct kg_endpoint *from,
		      const struct kg_endpoint *to, struct kg_udp_memory *memory);
