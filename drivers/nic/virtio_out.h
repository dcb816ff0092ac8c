/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A packet socket by which frames leave an interface of Linux's with virtio's header in front, so
 * that Linux, or its NIC, sums and cuts them.
 */
#pragma once

#include "net/offload.h"

#include <linux/virtio_net.h>

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4 /* Linux 6.2 */
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

/* Of a frame that is to be cut: `gso_type` says into what. */
static inline struct virtio_net_hdr kg_virtio_header(const struct kg_offload *offload,
						     uint8_t gso_type)
{
	return (struct virtio_net_hdr){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = gso_type,
		.hdr_len = offload->headers_bytes,
		.gso_size = offload->piece_bytes,
		.csum_start = offload->sum_from,
		.csum_offset = offload->sum_at,
	};
}

/* It is bound to the interface, does not block and receives nothing; up to `queue_bytes` may be
 * under way, as Linux counts buffers. -errno; needs CAP_NET_RAW. Close it. */
int kg_virtio_out_open(unsigned int ifindex, int queue_bytes);
