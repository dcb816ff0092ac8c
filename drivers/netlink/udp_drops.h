/* SPDX-License-Identifier: BSD-3-Clause */
/* What a UDP socket of this host has had no room for. */
#pragma once

#include "netlink/nl.h"

/*
 * Asks Linux for the socket that gets what is sent from `from` to `to`, and how many datagrams it
 * has dropped so far. `nl`: to NETLINK_SOCK_DIAG. 0, or -errno: -ENOENT when there is none, as on
 * another host.
 */
int kg_udp_drops_ask(struct kg_nl *nl, const struct kg_endpoint *from, const struct kg_endpoint *to,
		     uint32_t *drops);
