/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What Linux and routers say of datagrams that a connected UDP socket has sent: who says it, and in
 * words. Any thread, one at a time for a socket.
 */
#pragma once

#include "net/addr.h"

struct kg_udp_error {
	const char *why; /* lasts */
	struct kg_ip by; /* version 0: Linux here */
};

/* From now on errors wait to be taken. */
void kg_udp_errors_keep(int fd);
/* The next error that says that datagrams do not get there; false: there is none. */
bool kg_udp_error_take(int fd, struct kg_udp_error *error);
/* An error of a system call, of Linux here. */
struct kg_udp_error kg_udp_error_here(int number);
