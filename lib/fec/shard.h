/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What stands between timestamp and KCP when FEC is on (docs/wire.md §1):
 *
 *   sn:u32be sub:u8 datagram              data shard, sub < data
 *   sn:u32be sub:u8 conv:u32be block      parity shard; without conv where contents are nameless
 *
 * sn numbers the group, sub the shard in it. Handshakes (conv 0) are data shards 0 of group 0, each
 * of them, and belong to no group.
 *
 * A group is coded over containers: length:u16be datagram, and zeros up to the longest of them.
 * Containers do not travel; parity blocks are as long as one.
 */
#pragma once

#include "base/base.h"
#include "fec/content.h"

#define KG_FEC_SHARDS_MAX          255 /* of a group, data and parity */
#define KG_FEC_HEADER_BYTES        5
#define KG_FEC_PARITY_HEADER_BYTES 9
#define KG_FEC_LENGTH_BYTES        2
/* What FEC makes the longest body longer: a parity shard has the longest datagram's container. */
#define KG_FEC_OVERHEAD_BYTES (KG_FEC_PARITY_HEADER_BYTES + KG_FEC_LENGTH_BYTES)

struct kg_fec_shard {
	uint32_t sn;
	uint32_t conv;
	uint8_t sub;
	bool parity;
	const uint8_t *bytes; /* of the body: KCP datagram, or parity block */
	uint16_t len;
};

/*
 * Reads a body. `data`: how many data shards a group has. False when it is too short to hold the
 * least content, or its container, or too long for any.
 */
bool kg_fec_shard_decode(struct kg_fec_shard *shard, const struct kg_fec_content *content,
			 uint8_t data, const uint8_t *body, size_t len);
/* In front of a parity block. */
static inline uint16_t kg_fec_parity_header_bytes(const struct kg_fec_content *content)
{
	return content->nameless ? KG_FEC_HEADER_BYTES : KG_FEC_PARITY_HEADER_BYTES;
}

/* Writes KG_FEC_HEADER_BYTES. */
void kg_fec_header_encode(uint8_t *body, uint32_t sn, uint8_t sub);
