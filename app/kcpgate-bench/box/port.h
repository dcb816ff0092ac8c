/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A DPDK port with a host on it: it answers for its addresses and finds the MAC of one next hop,
 * both by itself, since Linux does not see the port. One thread at a time, one queue.
 */
#pragma once

#include "neighbour.h"

#include "nic/nic.h"

/* With a single port the sender's and the sink's address are both on it. */
#define BENCH_PORT_ADDRESSES 2

struct bench_port_stats {
	uint64_t rx_frames, rx_bytes;
	uint64_t rx_bad;   /* truncated, or a wrong checksum */
	uint64_t rx_other; /* nothing for us: left alone */
	uint64_t tx_frames, tx_bytes;
	uint64_t tx_full; /* the NIC did not take them */
};

struct bench_port {
	struct kg_nic nic;
	struct rte_mempool *mempool;
	struct kg_ip addresses[BENCH_PORT_ADDRESSES];
	unsigned int address_count;
	struct kg_ip next_hop; /* version 0: none is needed */
	struct kg_mac next_hop_mac;
	bool next_hop_known;
	struct kg_nic_txq txq;
	struct bench_port_stats stats;
};

/* Starts the port that EAL has found under this number. False with a text in `error`. */
bool bench_port_start(struct bench_port *port, uint16_t port_id, struct rte_mempool *mempool,
		      char *error, size_t error_bytes);
void bench_port_stop(struct bench_port *port);

void bench_port_add_address(struct bench_port *port, const struct kg_ip *ip);

/* Asks who has port->next_hop. */
void bench_port_ask(struct bench_port *port);

/*
 * A burst: neighbours' messages are dealt with, UDP datagrams for one of our addresses go to `v`
 * and their headers to `frames`, KG_NIC_BURST of each. Returns how many; the caller owns the mbufs.
 */
uint16_t bench_port_rx(struct bench_port *port, struct rte_mbuf **v, struct kg_frame *frames);

/* Queues a frame, and sends what is queued. */
void bench_port_tx(struct bench_port *port, struct rte_mbuf *m);
void bench_port_flush(struct bench_port *port);

/* Frames that the NIC could not give us because we were too slow. */
uint64_t bench_port_missed(const struct bench_port *port);
