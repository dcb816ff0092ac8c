/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes one frame of UDP frames that leave together: of the same ends, alike in all headers but
 * lengths, checksums and IPv4's id, and of one length, of which the last may be shorter. Linux or a
 * NIC cuts it into these frames again (UDP segmentation), with ids that follow the first's.
 */
#pragma once

#include "base/base.h"
#include "net/frame.h"
#include "net/offload.h"

#define KG_TRAIN_HEADERS_MAX (KG_ETHER_BYTES + KG_IPV6_BYTES + KG_UDP_BYTES)

struct kg_train {
	const uint8_t *first; /* its frame, whole */
	uint16_t headers_bytes;
	uint16_t piece_bytes;   /* of the first's payload */
	uint32_t payload_bytes; /* of all */
	bool complete;          /* nothing more is added */
};

/* Frames are such as kg_frame_build() makes, without tag. The first stays where it is until the
 * end. */
void kg_train_begin(struct kg_train *train, const uint8_t *frame, size_t len);
/* False: the frame cannot be the next one, or not within the length of an IP packet. */
bool kg_train_add(struct kg_train *train, const uint8_t *frame, size_t len);
/* Writes the one frame's headers, up to KG_TRAIN_HEADERS_MAX bytes; the payloads follow them, each
 * from `headers_bytes` on in its frame. */
void kg_train_end(const struct kg_train *train, uint8_t *headers, struct kg_offload *offload);
