/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Datagrams with data that tell by their acknowledgement that packets of their length pass. A few
 * at a time are enough: what they tell is needed while a path seems to have become narrow only
 * (peers.c).
 *
 * A datagram is known by the order of its last segment (docs/kcp.md §7.2). Of what an
 * acknowledgement names KCP keeps the newest order alone, so one of several that are acknowledged
 * together tells, and the others are forgotten.
 */
#pragma once

#include "base/base.h"

#define KG_WITNESSES 16u

struct kg_witnesses {
	struct {
		uint32_t conv, order;
		uint16_t bytes; /* of the IP packet */
	} all[KG_WITNESSES];
	uint8_t count;
};

/* One has left; nothing is done when there are so many already. */
void kg_witnesses_add(struct kg_witnesses *w, uint32_t conv, uint32_t order, uint16_t bytes);
/* The newest order that the peer has acknowledged: how long that packet was, if it is one of them;
 * 0: it is none. What left before it tells nothing any more. */
uint16_t kg_witnesses_hear(struct kg_witnesses *w, uint32_t conv, uint32_t newest);
