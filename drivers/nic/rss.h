/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receive-side scaling: how a NIC spreads frames over its queues, and the same sum in software. The
 * NIC computes the Toeplitz hash of addresses and UDP ports with a key, and its low bits choose an
 * entry of the redirection table, which names the queue. We give key and table, and believe what
 * the device then says it uses. Only UDP is hashed: fragments, TCP, ICMP and ARP come in on queue
 * 0, whose worker sees to Linux for all.
 *
 * Set up on the control thread before workers run; only read after that, by any thread.
 */
#pragma once

#include "net/addr.h"

#include <rte_ethdev.h>

#define KG_RSS_KEY_WORDS 10   /* 36 bytes of IPv6 addresses and ports need 40 bytes of key */
#define KG_RSS_RETA_MAX  2048 /* entries; larger tables are left to the device */

struct kg_rss {
	uint64_t hash; /* RTE_ETH_RSS_… that frames are spread by; 0: not known */
	uint32_t key[KG_RSS_KEY_WORDS]; /* host order */
	uint16_t reta_size;             /* a power of two; 0: not known */
	uint8_t reta[KG_RSS_RETA_MAX];  /* queue by low bits of the hash */
};

/* Before rte_eth_dev_configure: asks for RSS where the device has it and there is a choice. */
void kg_rss_configure(const struct rte_eth_dev_info *info, uint16_t queues,
		      struct rte_eth_conf *conf);
/* Once the port runs: spreads the table evenly over the queues and learns what is in effect. */
void kg_rss_learn(struct kg_rss *rss, uint16_t port_id, uint16_t queues);

/* The hash of a UDP datagram. */
uint32_t kg_rss_hash(const struct kg_rss *rss, const struct kg_endpoint *source,
		     const struct kg_endpoint *destination);
/* Is it known how UDP of this IP version is spread, and do ports count? */
bool kg_rss_covers_ports(const struct kg_rss *rss, uint8_t version);
/* The queue on which such a datagram arrives; false when it cannot be known. */
bool kg_rss_queue_of(const struct kg_rss *rss, const struct kg_endpoint *source,
		     const struct kg_endpoint *destination, uint16_t *queue);

/* For the log: by what a device with several queues spreads frames. */
const char *kg_rss_text(const struct kg_rss *rss);
