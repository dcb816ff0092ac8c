/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What tells a sleeping worker that a frame has come for one of its queues: the driver's interrupt,
 * or the socket from which it takes frames. A socket is readable as long as frames wait, so that
 * none is missed that came just before the sleep.
 *
 * DPDK does not say which sockets a driver has; they are found among the process's descriptors.
 */
#pragma once

#include "nic/sockets.h"

#include <stdint.h>

/* The better ones later. */
enum kg_rx_wake_by {
	KG_RX_WAKE_BY_NOTHING, /* the worker has to look from time to time */
	KG_RX_WAKE_BY_PACKET_SOCKET,
	KG_RX_WAKE_BY_XDP_SOCKET,
	KG_RX_WAKE_BY_INTERRUPT, /* nic/rx_interrupt.h */
};

struct kg_rx_wake {
	enum kg_rx_wake_by by;
	int fd;           /* to be polled; unless there is nothing */
	uint16_t port_id; /* of interrupts, which have to be armed */
	uint16_t queue;
};

/* AF_XDP: the socket that came into being with the queue; `before`: those that were there. */
void kg_rx_wake_find_xdp(struct kg_rx_wake *wake, const struct kg_sockets *before);
/* AF_PACKET: the sockets of this interface, one for each queue, opened in their order. */
void kg_rx_wake_find_packet(struct kg_rx_wake *wakes, uint16_t queues, unsigned int ifindex);

/* An error, such as a link that went down, keeps a socket awake until somebody has read it. */
void kg_rx_wake_take_error(int fd);

/* For the log: what wakes the workers of all these queues. */
const char *kg_rx_wake_text(const struct kg_rx_wake *wakes, uint16_t queues);
