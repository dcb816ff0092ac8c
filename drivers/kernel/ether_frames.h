/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames to and from Linux by a DPDK port that is an interface of Linux, too: virtio_user, at whose
 * other end the kernel's vhost-net takes and gives a burst at one notification. Used by the pump,
 * through kg_exception.
 */
#pragma once

#include "kernel/exception.h"
#include "nic/rx_wake.h"

#define KG_ETHER_FRAMES_BURST       32
#define KG_ETHER_FRAMES_DESCRIPTORS 512
#define KG_ETHER_FRAMES_MBUFS       (2 * KG_ETHER_FRAMES_DESCRIPTORS + KG_ETHER_FRAMES_BURST)

struct kg_ether_frames {
	char device[64]; /* the driver's name and the interface's */
	bool probed, started;
	uint16_t port_id;
	struct kg_rx_wake wake; /* its interrupt */
	struct kg_exception_stats *stats;
	struct rte_mbuf *read[KG_ETHER_FRAMES_BURST]; /* from the queue, not yet given */
	uint16_t next, count;
	bool drained; /* the last look found nothing, and an interrupt will tell of more */
};

/* Makes an interface of this name. False with a text in `error`; close in any case. */
bool kg_ether_frames_open(struct kg_ether_frames *frames, const struct kg_exception_params *params,
			  char *error, size_t error_bytes);
void kg_ether_frames_close(struct kg_ether_frames *frames);

/* Takes the mbufs, Ethernet frames without VLAN tag. */
void kg_ether_frames_write(struct kg_ether_frames *frames, struct rte_mbuf **mbufs,
			   unsigned int count);
/* Next frame from Linux, or NULL: none is there, and wake.fd will be readable when one is. */
struct rte_mbuf *kg_ether_frames_read(struct kg_ether_frames *frames);
