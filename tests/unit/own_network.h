/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A network of the test's own, where the machine lets a process have one: a port that it finds free
 * stays free, what it sends to nobody comes to nobody, and no stranger sends to it. So copies of a
 * test may run at once.
 */
#pragma once

#include "base/base.h"

#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* An address of the machine that is not loopback's, as far as Linux can tell. */
#define OWN_NETWORK_ADDRESS 0xc6120001u /* 198.18.0.1, RFC 2544 */

/* Before any thread is made. False: the process stays where it was, among others. */
static inline bool own_network_enter(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	struct ifreq second = { .ifr_name = "lo:0" };
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(OWN_NETWORK_ADDRESS),
	};
	bool good;
	int fd;

	if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		return false;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	memcpy(&second.ifr_addr, &address, sizeof(address));
	good = ioctl(fd, SIOCSIFFLAGS, &lo) == 0 && ioctl(fd, SIOCSIFADDR, &second) == 0;
	close(fd);
	return good;
}
