/* SPDX-License-Identifier: BSD-3-Clause */
/* Which UDP ports Linux has given to sockets that anybody may write to. */
#pragma once

#include "base/base.h"

struct kg_udp_ports {
	uint64_t words[65536 / 64]; /* a bit for each port */
};

/*
 * Asks for all unconnected UDP sockets of the calling thread's network namespace but those on
 * loopback addresses, which nothing from outside reaches. 0, or -errno: the kernel cannot tell.
 */
int kg_udp_ports_read(struct kg_udp_ports *ports);
