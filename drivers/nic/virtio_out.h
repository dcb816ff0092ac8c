/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A packet socket by which frames leave an interface of Linux's with virtio's header in front, so
 * that Linux, or its NIC, sums and cuts them.
 */
#pragma once

/* It is bound to the interface, does not block and receives nothing; up to `queue_bytes` may be
 * under way, as Linux counts buffers. -errno; needs CAP_NET_RAW. Close it. */
int kg_virtio_out_open(unsigned int ifindex, int queue_bytes);
