/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads and writes the header of a shard. */
#include "fec/shard.h"

#include "base/bytes.h"
#include "fec/fec_int.h"

#define SUB_OFFSET 4

bool kg_fec_shard_decode(struct kg_fec_shard *shard, uint8_t data, const uint8_t *body, size_t len)
{
	size_t header, least;

	if (len < KG_FEC_HEADER_BYTES)
		return false;
	shard->sn = kg_load_be32(body);
	shard->sub = body[SUB_OFFSET];
	shard->parity = shard->sub >= data;
	header = shard->parity ? KG_FEC_PARITY_HEADER_BYTES : KG_FEC_HEADER_BYTES;
	least = KG_FEC_DATAGRAM_MIN_BYTES + (shard->parity ? KG_FEC_LENGTH_BYTES : 0);
	if (len < header + least || len - header > KG_FEC_CONTAINER_MAX)
		return false;
	shard->bytes = body + header;
	shard->len = (uint16_t)(len - header);
	shard->conv = shard->parity ? kg_load_be32(body + KG_FEC_HEADER_BYTES)
				    : kg_load_le32(shard->bytes);
	return shard->parity || shard->len + KG_FEC_LENGTH_BYTES <= KG_FEC_CONTAINER_MAX;
}

void kg_fec_header_encode(uint8_t *body, uint32_t sn, uint8_t sub)
{
	kg_store_be32(body, sn);
	body[SUB_OFFSET] = sub;
}
