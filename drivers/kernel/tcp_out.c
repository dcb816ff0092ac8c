/* SPDX-License-Identifier: BSD-3-Clause */
/* Sends frames with virtio's header by a packet socket. */
#include "kernel/tcp_out.h"

#include "base/bytes.h"
#include "net/frame.h"
#include "net/proto.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* That may be under way in the interface, a dozen super-frames as Linux counts them: 0.7 ms of 10
 * Gbit/s. More waits in front of the TAP, where whoever sends finds out. */
#define QUEUE_BYTES (1 << 20)

static bool configure(int fd, unsigned int ifindex)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = (int)ifindex };
	int on = 1, bytes = QUEUE_BYTES / 2; /* Linux doubles it */

	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes));
	return setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) == 0 &&
	       bind(fd, (struct sockaddr *)&to, sizeof(to)) == 0;
}

int kg_tcp_out_open(unsigned int ifindex)
{
	/* Protocol 0: no frame is given to it. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error;

	if (fd >= 0 && configure(fd, ifindex))
		return fd;
	error = errno;
	if (fd >= 0)
		close(fd);
	return -error;
}

bool kg_tcp_out_wants(const uint8_t *frame, size_t len)
{
	const uint8_t *ip = frame + KG_ETHER_BYTES;

	if (len < KG_ETHER_BYTES + KG_IPV4_BYTES)
		return false;
	switch (kg_load_be16(frame + KG_ETHERTYPE_AT)) {
	case KG_ETHERTYPE_IPV4:
		return ip[KG_IPV4_PROTOCOL_AT] == KG_PROTO_TCP &&
		       (kg_load_be16(ip + KG_IPV4_FRAGMENT_AT) & ~KG_IPV4_DONT_FRAGMENT) == 0;
	case KG_ETHERTYPE_IPV6:
		return ip[KG_IPV6_NEXT_HEADER_AT] == KG_PROTO_TCP;
	}
	return false;
}

int kg_tcp_out_send(int fd, const struct virtio_net_hdr *header, const uint8_t *frame, size_t len)
{
	struct iovec parts[] = { { (void *)(uintptr_t)header, sizeof(*header) },
				 { (void *)(uintptr_t)frame, len } };

	ssize_t sent = writev(fd, parts, KG_ARRAY_SIZE(parts));

	if (sent < 0)
		return -errno;
	return sent == (ssize_t)(sizeof(*header) + len) ? 0 : -EIO;
}
