/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two boxes in one process, client and server, joined by in-memory ports: the box's own stages over
 * full frames, without a NIC, Linux or a payload thread.
 */
#pragma once

#include "box.h"
#include "worker.h"

struct bench_two_boxes_params {
	const char *algorithm; /* configuration name */
	const char *preset;    /* of KCP */
	const char *fec;       /* likewise; NULL: off */
	unsigned int window;   /* segments, both directions; 0: the preset's */
	unsigned int mux;      /* mux_tunnels */
	unsigned int keep_alive_s;
	unsigned int workers;   /* per box */
	unsigned int memory_mb; /* per box */
};

struct bench_two_boxes {
	struct kg_config configs[2];
	struct kg_box boxes[2]; /* client, server */
	char names[2][16];
};

/* EAL is up. False with a text in `error`; call bench_two_boxes_fini in any case. */
bool bench_two_boxes_init(struct bench_two_boxes *two, const struct bench_two_boxes_params *params,
			  char *error, size_t error_bytes);
void bench_two_boxes_fini(struct bench_two_boxes *two);
