/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way of Linux's TCP out of a port whose NIC is Linux's as well: super-frames of the TAP leave
 * by that interface as they are, and who cuts them is the NIC, or Linux behind all queues. Used by
 * the pump, through kg_tap_frames.
 */
#pragma once

#include "base/base.h"

#include <linux/virtio_net.h>

/* That may be under way in the interface, a dozen super-frames as Linux counts them: 0.7 ms of 10
 * Gbit/s. More waits in front of the TAP, where whoever sends finds out. */
#define KG_TCP_OUT_QUEUE_BYTES (1 << 20)

/* An untagged frame of TCP, no fragment: all of a connection's go the same way, for they are in
 * order. */
bool kg_tcp_out_wants(const uint8_t *frame, size_t len);

/* By a socket of kg_virtio_out_open(). 0; -EAGAIN: the interface's queue is full now; another
 * -errno: the frame is lost. */
int kg_tcp_out_send(int fd, const struct virtio_net_hdr *header, const uint8_t *frame, size_t len);
