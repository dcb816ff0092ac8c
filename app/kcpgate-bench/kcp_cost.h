/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a segment costs in the KCP engine, both ends together: send, output, input, recv, and the
 * ACKs back, buffers and payload copies included, crypto and NIC not.
 *
 * A pair of engines, each with buffers and state as a box has them. Datagrams arrive at once; ACKs
 * are held back until `window` segments are in flight, so that the sender always has a full window
 * to look after. Bursts of 32, as a worker has them. Virtual time, so that nothing times out.
 *
 * Several pairs take turns, piece by piece, so that programs beside them slow down all alike.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KCP_COST_PIECES 15

struct kcp_cost_params {
	uint32_t window;     /* segments in flight */
	uint16_t size;       /* payload bytes of a segment */
	uint64_t segments;   /* to be measured, after four windows to warm up */
	double loss_percent; /* of data datagrams, at random */
};

struct kcp_cost_result {
	double ns[KCP_COST_PIECES]; /* per segment delivered, of each piece */
	double resent_percent;
	double in_flight; /* segments sent and not acknowledged, mean */
};

/* A result for each pair; false when out of memory. */
bool kcp_cost_run(const struct kcp_cost_params *params, size_t count,
		  struct kcp_cost_result *results);
