/* SPDX-License-Identifier: BSD-3-Clause */
/* Opens packet sockets for frames with virtio's header. */
#include "nic/virtio_out.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

static bool configure(int fd, unsigned int ifindex, int queue_bytes)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = (int)ifindex };
	int on = 1, bytes = queue_bytes / 2; /* Linux doubles it */

	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes));
	return setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) == 0 &&
	       bind(fd, (struct sockaddr *)&to, sizeof(to)) == 0;
}

int kg_virtio_out_open(unsigned int ifindex, int queue_bytes)
{
	/* Protocol 0: no frame is given to it. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error;

	if (fd >= 0 && configure(fd, ifindex, queue_bytes))
		return fd;
	error = errno;
	if (fd >= 0)
		close(fd);
	return -error;
}
