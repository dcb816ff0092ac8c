/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK ports: set-up on the control thread; bursts on workers, each with its own queue.
 */
#pragma once

#include "net/addr.h"
#include "nic/rss.h"
#include "nic/rx_wake.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#define KG_NIC_BURST      32
#define KG_NIC_QUEUES_MAX 64 /* receive and transmit, of a port */

struct kg_nic_params {
	const char *device; /* as given to EAL: "0000:03:00.0" or "net_af_xdp0,iface=eth1" */
	uint16_t queues;    /* receive and transmit, one pair per worker */
	uint16_t mtu;
	uint16_t vlan;           /* adds 4 bytes to the frame; 0: untagged */
	bool sleeps;             /* workers do, and are to be woken by frames */
	uint16_t rx_descriptors; /* of each receive queue, as far as the driver has them */
	struct rte_mempool *mempool;
};

struct kg_nic {
	uint16_t port_id;
	struct kg_mac mac;
	bool tx_checksum;     /* can fill IPv4 and UDP checksums in, or we do at the flush */
	uint16_t train_count; /* queues that have trains (nic/trains.h): all, or 0 */
	struct kg_rss rss;    /* over the receive queues */
	struct kg_rx_wake rx_wakes[KG_NIC_QUEUES_MAX];
	int train_fds[KG_NIC_QUEUES_MAX]; /* of transmit queues */
};

/*
 * A worker that sleeps shares its core: frames wait in a long ring until it has the core again,
 * which may take milliseconds (docs/decisions/0053-woken-by-the-frame.md).
 */
#define KG_NIC_DESCRIPTORS      1024
#define KG_NIC_DESCRIPTORS_LONG 2048
/* Mbufs that the queues of one port may hold. */
#define KG_NIC_MBUFS(queues, rx_descriptors) \
	((queues) * ((rx_descriptors) + KG_NIC_DESCRIPTORS + 2 * KG_NIC_BURST))

/* Has EAL found the device? */
bool kg_nic_exists(const char *device);

/* Finds the device that EAL has probed, configures and starts it. False with a text in `error`. */
bool kg_nic_start(struct kg_nic *nic, const struct kg_nic_params *params, char *error,
		  size_t error_bytes);
void kg_nic_stop(struct kg_nic *nic);
/* The device has been taken out; its link is up. */
bool kg_nic_is_gone(const struct kg_nic *nic);
bool kg_nic_has_link(const struct kg_nic *nic);

/* Up to KG_NIC_BURST frames from a queue. */
static inline uint16_t kg_nic_rx(const struct kg_nic *nic, uint16_t queue, struct rte_mbuf **frames)
{
	return rte_eth_rx_burst(nic->port_id, queue, frames, KG_NIC_BURST);
}

/* Frames that wait for a burst to one transmit queue. */
struct kg_nic_txq {
	struct rte_mbuf *frames[KG_NIC_BURST];
	uint16_t count;
	bool no_trains;     /* Linux does not take them */
	uint32_t in_trains; /* of all frames that were sent; whoever counts them takes them away */
};

/* Sends what waits; returns how many frames the NIC did not take: they are freed. */
uint16_t kg_nic_tx_flush(const struct kg_nic *nic, uint16_t queue, struct kg_nic_txq *txq);

/* Queues a frame, flushes a full burst. Returns frames lost, as kg_nic_tx_flush. */
static inline uint16_t kg_nic_tx(const struct kg_nic *nic, uint16_t queue, struct kg_nic_txq *txq,
				 struct rte_mbuf *frame)
{
	txq->frames[txq->count++] = frame;
	return txq->count == KG_NIC_BURST ? kg_nic_tx_flush(nic, queue, txq) : 0;
}
