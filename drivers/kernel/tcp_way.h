/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP's way inside Linux between the interface under an AF_XDP port and the TAP, past sockets,
 * workers and pump: frames come in by Linux's own GRO as super-frames, and leave as such.
 *
 *   interface ── XDP ─┬─ TCP but SYN ─► GRO ─► tcx ─► TAP, as received there
 *                     └─ all else ────► AF_XDP socket ─► worker
 *   interface ◄─ to be sent ── tcx ◄── TCP ◄── TAP
 *
 * What opens a connection comes in by the worker and the pump, whose rings bound a flood of it
 * (docs/decisions/0103-tcp-stays-inside-linux.md).
 */
#pragma once

#include "base/metric.h"

struct kg_tcp_way_params {
	unsigned int port_ifindex, tap_ifindex;
	const int *sockets; /* the port's AF_XDP sockets, in the order of their queues */
	unsigned int socket_count;
	unsigned int first_queue; /* of the interface, which has the first socket */
};

#define KG_TCP_WAY_METRICS(X)                                                                    \
	X(in, "tcp_way_in", COUNTER, "frames",                                                   \
	  "frames of hosts' TCP that Linux has passed from the port's own interface to the TAP") \
	X(out, "tcp_way_out", COUNTER, "frames",                                                 \
	  "frames of Linux's TCP that it has passed from the TAP to the port's own interface")

/* The writer is Linux, on any CPU. */
struct kg_tcp_way_stats {
	KG_TCP_WAY_METRICS(KG_METRIC_FIELD)
};
extern const struct kg_metric_table kg_tcp_way_metrics;

struct kg_tcp_way;

/* The control thread, when port and TAP are there. 0, or -errno and NULL: Linux is older than 6.6,
 * its driver runs no XDP, or somebody has a program of his own there; then nothing has changed.
 * Needs CAP_NET_ADMIN and CAP_SYS_ADMIN, as AF_XDP does. */
int kg_tcp_way_begin(struct kg_tcp_way **way, const struct kg_tcp_way_params *params);
/* Before port or TAP go; harmless on NULL. */
void kg_tcp_way_end(struct kg_tcp_way *way);
/* Takes away what a box that was killed has left on the interface. */
void kg_tcp_way_clear(unsigned int port_ifindex);

const struct kg_tcp_way_stats *kg_tcp_way_get_stats(const struct kg_tcp_way *way);
