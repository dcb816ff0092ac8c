/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Exception path: what is not for a tunnel goes to Linux through a TAP that mirrors the port, and
 * what Linux sends to the TAP goes out of the port. An interface that a DPDK driver makes may stand
 * in its place. Used by the pump.
 */
#pragma once

#include "base/metric.h"
#include "kernel/tcp_way.h"
#include "net/addr.h"
#include "net/frame.h"

#include <rte_mbuf.h>

#define KG_EXCEPTION_SPARES 16 /* mbufs that each holds while Linux has frames */

struct kg_exception_params {
	const char *name;  /* kernel interface to create */
	struct kg_mac mac; /* the port's */
	uint16_t mtu;      /* bytes */
	const struct kg_prefix *addresses;
	unsigned int address_count;
	const struct kg_ip *gateways; /* default routes, at most one per version */
	unsigned int gateway_count;
	struct rte_mempool *mempool; /* for frames from the kernel; one holds a whole frame */
	/* Of Linux's interface of the port's NIC, by which TCP leaves; 0: there is none, or it
	 * would leave otherwise than through the port. */
	unsigned int port_ifindex;
	/* Its AF_XDP sockets, in the order of their queues, and of these the first; 0: all TCP
	 * comes in by the worker. */
	const int *port_sockets;
	unsigned int port_socket_count, port_first_queue;
	/* A DPDK driver that makes the interface in place of a TAP, and its further arguments, with
	 * a comma in front; NULL: the TAP. */
	const char *ethdev, *ethdev_arguments;
};

#define KG_EXCEPTION_METRICS(X)                                                                   \
	X(to_kernel, "tap_to_kernel", COUNTER, "frames", "frames given to Linux by the TAP")      \
	X(from_kernel, "tap_from_kernel", COUNTER, "frames", "frames that Linux gave to the TAP") \
	X(merged, "tap_merged", COUNTER, "frames",                                                \
	  "frames given to Linux together with others of their flow")                             \
	X(acks_spared, "tap_acks_spared", COUNTER, "frames",                                      \
	  "acknowledgements not given to Linux, for a later one says the same and more")          \
	X(whole, "tap_whole", COUNTER, "frames",                                                  \
	  "frames of Linux's TCP that left by the port's own interface, not cut here")            \
	X(cut, "tap_cut", COUNTER, "frames", "frames cut out of longer ones of Linux")            \
	X(routed, "tap_routed", COUNTER, "packets", "packets given to Linux to route them")       \
	X(errors, "tap_errors", COUNTER, "frames", "frames that Linux refused, or without mbuf")

/* One writer: the pump. */
struct kg_exception_stats {
	KG_EXCEPTION_METRICS(KG_METRIC_FIELD)
};
extern const struct kg_metric_table kg_exception_metrics;

struct kg_exception;

/* Makes the TAP, gives it MAC, MTU, addresses and routes and sets it up. NULL with a text in
 * `error`; then nothing is left behind. Needs CAP_NET_ADMIN. */
struct kg_exception *kg_exception_create(const struct kg_exception_params *params, char *error,
					 size_t error_bytes);
/* After the TAP was down: gives it what Linux has taken from it with that, IPv6 addresses and
 * routes through a gateway. What it still has stays. */
bool kg_exception_restore(const struct kg_exception *e, const struct kg_exception_params *params,
			  char *error, size_t error_bytes);
/* Removes the TAP and with it its addresses and routes. */
void kg_exception_destroy(struct kg_exception *e);

int kg_exception_fd(const struct kg_exception *e); /* readable: kg_exception_read has a frame */
/* kg_exception_read has a frame though the descriptor may not be readable. */
bool kg_exception_has_frames(const struct kg_exception *e);
/* The next frame waits for room in the queue of the port's interface; kg_exception_read tries
 * again, and nobody says when. */
bool kg_exception_waits(const struct kg_exception *e);
unsigned int kg_exception_ifindex(const struct kg_exception *e);

/* How TCP passes between the interface of params->port_ifindex and Linux. */
enum kg_exception_tcp {
	KG_EXCEPTION_TCP_BY_US,
	KG_EXCEPTION_TCP_LEAVES_UNCUT, /* kernel/tcp_out.h, and comes in by us */
	KG_EXCEPTION_TCP_INSIDE_LINUX, /* kernel/tcp_way.h */
};
enum kg_exception_tcp kg_exception_tcp(const struct kg_exception *e);
/* Why it is not inside Linux: -errno; 0: it is, or was not to be. */
int kg_exception_tcp_error(const struct kg_exception *e);

/* Takes the mbufs, which hold whole Ethernet frames without VLAN tag. Unfilled checksums are
 * completed. TCP frames that continue each other reach Linux as one; of acknowledgements of one
 * flow the last does. */
void kg_exception_write(struct kg_exception *e, struct rte_mbuf **frames, unsigned int count);
/* Next frame from the kernel, or NULL: none is there, or it was lost and counted. */
struct rte_mbuf *kg_exception_read(struct kg_exception *e);
/* Takes the mbuf, which holds an IP packet of ours without Ethernet header; the kernel routes it,
 * resolves the neighbour and sends it out of a TAP. Its UDP checksum may be left to us
 * (pseudo-header sum, as for offload). */
void kg_exception_route(struct kg_exception *e, struct rte_mbuf *packet);
const struct kg_exception_stats *kg_exception_get_stats(const struct kg_exception *e);
/* NULL: TCP does not pass inside Linux. */
const struct kg_tcp_way_stats *kg_exception_tcp_way_stats(const struct kg_exception *e);
