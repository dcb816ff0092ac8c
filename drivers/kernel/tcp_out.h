/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way of Linux's TCP out of a port whose NIC is Linux's as well: super-frames of the TAP leave
 * by that interface as they are, and who cuts them is the NIC, or Linux behind all queues. Used by
 * the pump, through kg_tap_frames.
 */
#pragma once

#include "base/base.h"

#include <linux/virtio_net.h>

/* A socket that sends on the interface and receives nothing, or -errno. Needs CAP_NET_RAW; close
 * it. */
int kg_tcp_out_open(unsigned int ifindex);

/* An untagged frame of TCP, no fragment: all of a connection's go the same way, for they are in
 * order. */
bool kg_tcp_out_wants(const uint8_t *frame, size_t len);

/* 0; -EAGAIN: the interface's queue is full now; another -errno: the frame is lost. */
int kg_tcp_out_send(int fd, const struct virtio_net_hdr *header, const uint8_t *frame, size_t len);
