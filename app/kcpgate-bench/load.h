/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stands in for a worker's payload thread, on the worker's own core: opens flows on the client,
 * sends as fast as credit allows, and takes what arrives on the server.
 */
#pragma once

#include "worker.h"

struct bench_load {
	struct kg_worker *worker;
	bool source;             /* client: sends; server: takes */
	uint16_t size;           /* payload bytes of a message */
	uint8_t protocol;        /* enum kg_protocol */
	unsigned int flow_count; /* client: to be opened */
	struct bench_flow *flows;
	unsigned int opened;
	/* one writer: the worker's core */
	uint64_t messages, bytes; /* sent, or taken */
};

/* NULL flows when out of memory. */
bool bench_load_init(struct bench_load *load, struct kg_worker *worker, bool source,
		     unsigned int flows, uint8_t protocol, uint16_t size);
void bench_load_fini(struct bench_load *load);

/* One turn of a payload thread. */
void bench_load_turn(struct bench_load *load);
