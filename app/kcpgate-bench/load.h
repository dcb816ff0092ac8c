/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stands in for a worker's payload thread, on the worker's own core: opens flows on the client,
 * sends as fast as credit allows, and takes what arrives on the server. A box may be both, or a
 * relay, which is neither.
 */
#pragma once

#include "worker.h"

struct bench_load {
	struct kg_worker *worker;
	uint16_t size;            /* payload bytes of a message */
	uint8_t protocol;         /* enum kg_protocol */
	unsigned int sources;     /* client: flows to be opened, which send */
	unsigned int sinks;       /* server: flows that may come, and take */
	struct bench_flow *flows; /* sources, then sinks */
	unsigned int opened, accepted;
	/* one writer: the worker's core */
	uint64_t messages, bytes; /* taken */
};

/* False when out of memory. */
bool bench_load_init(struct bench_load *load, struct kg_worker *worker, unsigned int sources,
		     unsigned int sinks, uint8_t protocol, uint16_t size);
void bench_load_fini(struct bench_load *load);

/* One turn of a payload thread. */
void bench_load_turn(struct bench_load *load);
