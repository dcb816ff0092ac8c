/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a frame between two hosts' stacks still needs before a wire can carry it. Its bytes alone do
 * not say it; virtio's header for the frame does (virtio 1.2, "Network Device").
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum kg_offload_cut {
	KG_CUT_NOTHING,
	KG_CUT_TCP, /* a super-frame: it stands for several, of one TCP flow … */
	KG_CUT_UDP, /* … or one UDP flow, each with a datagram of its own */
};

struct kg_offload {
	enum kg_offload_cut cut;
	uint16_t piece_bytes; /* of TCP's or UDP's payload in each but the last */
	uint16_t headers_bytes;
	/* The field at sum_from + sum_at holds the pseudo-header's sum; the rest, from sum_from to
	 * the frame's end, is to be added. */
	bool sum_left;
	uint16_t sum_from, sum_at;
};
