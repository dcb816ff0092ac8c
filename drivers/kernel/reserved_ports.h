/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keeps the UDP ports of tunnels out of Linux's ephemeral range, so that a socket of the kernel is
 * never given one of them: net.ipv4.ip_local_reserved_ports, which serves IPv4 and IPv6, of the
 * calling thread's network namespace. What others have reserved there is left alone. A record of
 * what was added is left in the run directory, from which the next start of the box takes it back
 * if this one is killed.
 */
#pragma once

#include "net/port_range.h"

/* What Linux chooses from for its own sockets, net.ipv4.ip_local_port_range, of this namespace. */
struct kg_port_range kg_ephemeral_ports(void);

struct kg_reserved_ports;

/* For the box of that name. NULL with errno set. */
struct kg_reserved_ports *
kg_reserved_ports_hold(const char *box, const struct kg_port_range *ranges, unsigned int count);
/* These from now on, instead of those before; 0, or -errno: then it holds what it held. */
int kg_reserved_ports_change(struct kg_reserved_ports *r, const struct kg_port_range *ranges,
			     unsigned int count);
/* Takes back what the hold has added. */
void kg_reserved_ports_release(struct kg_reserved_ports *r);
