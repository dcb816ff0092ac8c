/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A sender and a sink around running boxes:
 *
 *   first port ── client box ══ tunnel ══ server box ── second port
 *   sender: `from` ─► `to`                              sink: `sink`
 *
 * The sink is the application that the server box forwards to. Both are in one process and read one
 * time-stamp counter, so that latency is exact one way; with `echo` the sink sends everything back
 * and the sender takes it, round trip. With one port both are on it. Without a sink something else
 * must echo.
 *
 * The sender's port belongs to the main lcore. So does the sink's, or to an lcore of its own while
 * a trial runs.
 */
#pragma once

#include "io_stats.h"
#include "port.h"
#include "tally.h"

#include <signal.h>

struct bench_rig_params {
	struct kg_endpoint from; /* the port is the first flow's, others follow */
	struct kg_endpoint to;   /* where the client box listens */
	struct kg_endpoint sink; /* version 0: none here */
	struct kg_ip gateway;    /* towards `to`; version 0: it is a neighbour */
	uint32_t flows;
	uint16_t size; /* payload bytes; 0: a mix of sizes */
	bool echo;
	bool two_cores;
	bool adaptive;                            /* sleep when there is nothing to do */
	const volatile sig_atomic_t *interrupted; /* ends whatever waits */
};

enum {
	BENCH_RIG_SENDER,
	BENCH_RIG_SINK,
	BENCH_RIG_PORTS
};

struct bench_rig {
	const struct bench_rig_params *params;
	struct bench_port ports[BENCH_RIG_PORTS];
	unsigned int port_count; /* 1: the sink is on the sender's */
	struct rte_mempool *rx_mempool, *tx_mempool;
	struct kg_l2 l2;               /* towards `to` */
	uint32_t run;                  /* number of the current one */
	struct bench_tally one_way;    /* sink's */
	struct bench_tally round_trip; /* sender's */
};

/* Starts the ports that EAL has found and resolves the next hop. False with a text in `error`; call
 * bench_rig_stop in any case. */
bool bench_rig_start(struct bench_rig *rig, const struct bench_rig_params *params, char *error,
		     size_t error_bytes);
void bench_rig_stop(struct bench_rig *rig);

/* A new run of up to `numbers` datagrams: from now on only these count. False when out of memory.
 */
bool bench_rig_begin(struct bench_rig *rig, uint64_t numbers);
/* Sends a datagram of every flow again and again until each has arrived: channels are open then.
 * False with a text in `error`. */
bool bench_rig_open_flows(struct bench_rig *rig, char *error, size_t error_bytes);

/* What its ports have done so far, BENCH_RIG_PORTS of them. */
void bench_rig_io(const struct bench_rig *rig, struct bench_io *io);
/* Prints the difference of two of these. */
void bench_rig_print_io(const struct bench_rig *rig, const struct bench_io *from,
			const struct bench_io *to, double seconds);

/* What counts as arrived: the round trip if there is one. */
struct bench_tally *bench_rig_tally(struct bench_rig *rig);

/* ---- traffic.c ---- */

/* Payload bytes of a datagram on the average. */
double bench_rig_mean_size(const struct bench_rig_params *params);

/* Sends `count` datagrams of a run, numbered from `number`. Returns how many the port took. */
unsigned int bench_rig_send(struct bench_rig *rig, uint32_t run, uint64_t number,
			    unsigned int count, uint64_t now_cyc);
/* Takes a burst from a port; returns how many datagrams. */
unsigned int bench_rig_poll(struct bench_rig *rig, struct bench_port *port);
/* Both ports, on the main lcore. */
unsigned int bench_rig_poll_all(struct bench_rig *rig);
/* Once on each thread that calls bench_rig_idle. */
void bench_rig_idle_init(const struct bench_rig *rig);
/* Nothing to do for so long: sleeps a little if that was asked for. */
void bench_rig_idle(const struct bench_rig *rig, uint64_t cyc);
