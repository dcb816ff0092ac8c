/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cuts a super-frame of a stack's into the frames that it stands for, and fills checksums in. What
 * comes out is what the stack itself would have sent without offload.
 */
#pragma once

#include "base/base.h"
#include "net/offload.h"

struct kg_split {
	const uint8_t *bytes;
	size_t len;
	struct kg_offload offload;
	uint16_t ip_at; /* of a super-frame */
	uint16_t headers_bytes;
	size_t next; /* where the payload of the next piece begins */
	uint16_t pieces;
	bool done;
};

/* An Ethernet frame, with tags or without, that stays where it is until all pieces are out. False:
 * what `offload` says of it is not true. */
bool kg_split_begin(struct kg_split *split, const uint8_t *bytes, size_t len,
		    const struct kg_offload *offload);
/* Bytes of the next piece, a whole frame; 0: there is none. */
size_t kg_split_next_bytes(const struct kg_split *split);
/* Writes it, when `out` is not NULL, and goes on to the one after. */
void kg_split_next(struct kg_split *split, uint8_t *out);
