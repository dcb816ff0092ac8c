/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a segment costs in the KCP engine, both ends together: send, output, input, recv, and the
 * ACKs back, buffers and payload copies included, crypto and NIC not.
 *
 * A pair of engines, each with buffers and state as a box has them. Datagrams arrive at once; ACKs
 * are held back until `window` segments are in flight, so that the sender always has a full window
 * to look after. Bursts of 32, as a worker has them. Virtual time, so that nothing times out.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The segments are measured in so many pieces, since other programs may disturb some. */
#define KCP_PAIR_PIECES 25

struct kcp_pair_params {
	uint32_t window;     /* segments in flight */
	uint16_t size;       /* payload bytes of a segment */
	uint64_t segments;   /* to be measured, after four windows to warm up */
	double loss_percent; /* of data datagrams, at random */
};

struct kcp_pair_result {
	double ns, ns_best;         /* per segment delivered: median and best piece */
	double cycles, cycles_best; /* the same in TSC cycles */
	double resent_percent;
	double in_flight; /* segments sent and not acknowledged, mean */
};

/* False when out of memory. */
bool kcp_pair_run(const struct kcp_pair_params *params, struct kcp_pair_result *result);
