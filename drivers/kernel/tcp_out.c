/* SPDX-License-Identifier: BSD-3-Clause */
/* Says which frames leave by the interface itself, and sends them. */
#include "kernel/tcp_out.h"

#include "base/bytes.h"
#include "net/frame.h"
#include "net/proto.h"

#include <errno.h>
#include <sys/uio.h>

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
