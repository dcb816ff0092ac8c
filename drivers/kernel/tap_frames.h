/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames through a TAP's descriptor. Linux's TCP gets those of a burst that continue each other as
 * one, and what it sends as one leaves as many: the system call, and all that Linux does for a
 * frame, is done once. Used by the pump, through kg_exception.
 */
#pragma once

#include "kernel/exception.h"
#include "net/split.h"

#include <linux/virtio_net.h>

/* An IP packet, two tags, and one byte more: a full buffer is the sign of a frame that was cut. */
#define KG_TAP_SUPER_BYTES (UINT16_MAX + KG_ETHER_BYTES + 2 * KG_VLAN_BYTES + 1)

struct kg_tap_frames {
	int fd;         /* made with IFF_VNET_HDR */
	int tcp_out_fd; /* kg_virtio_out_open, or -1: TCP leaves as all else does */
	struct rte_mempool *mempool;
	struct kg_exception_stats *stats;
	struct kg_split split; /* of what is in `super`; all zero: nothing was read yet */
	bool splitting;
	struct virtio_net_hdr header; /* of what is in `super`, as Linux gave it */
	bool waits; /* `super` does for room in the queue of the port's own interface */
	struct rte_mbuf *spares[KG_EXCEPTION_SPARES]; /* for pieces to come */
	unsigned int spare_count;
	uint8_t super[KG_TAP_SUPER_BYTES];
};

/* Tells Linux what we can finish in its place. What it does not know it does itself. */
void kg_tap_frames_offer(int fd);

/* Gives back the spares, while nothing is there to read and in the end. */
void kg_tap_frames_rest(struct kg_tap_frames *frames);

/* Takes the mbufs, Ethernet frames without VLAN tag, in the order of each flow. */
void kg_tap_frames_write(struct kg_tap_frames *frames, struct rte_mbuf **mbufs, unsigned int count);
/* Next frame from the kernel, or NULL: none is there, or it was lost and counted. */
struct rte_mbuf *kg_tap_frames_read(struct kg_tap_frames *frames);
