/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads and writes the header of a shard. */
#include "fec/shard.h"

#include "base/bytes.h"
#include "fec/internal.h"

#define SUB_OFFSET 4

/* Of a shard whose bytes are known to be there. */
static uint32_t conv_of(const struct kg_fec_shard *shard, const struct kg_fec_content *content,
			const uint8_t *body)
{
	if (content->nameless)
		return 0;
	return shard->parity ? kg_load_be32(body + KG_FEC_HEADER_BYTES)
			     : kg_load_le32(shard->bytes);
}

bool kg_fec_shard_decode(struct kg_fec_shard *shard, const struct kg_fec_content *content,
			 uint8_t data, const uint8_t *body, size_t len)
{
	size_t header, least;

	if (len < KG_FEC_HEADER_BYTES)
		return false;
	shard->sn = kg_load_be32(body);
	shard->sub = body[SUB_OFFSET];
	shard->parity = shard->sub >= data;
	header = shard->parity ? kg_fec_parity_header_bytes(content) : KG_FEC_HEADER_BYTES;
	least = content->least_bytes + (shard->parity ? KG_FEC_LENGTH_BYTES : 0u);
	if (len < header + least || len - header > KG_FEC_CONTAINER_MAX)
		return false;
	shard->bytes = body + header;
	shard->len = (uint16_t)(len - header);
	shard->conv = conv_of(shard, content, body);
	return shard->parity || shard->len + KG_FEC_LENGTH_BYTES <= KG_FEC_CONTAINER_MAX;
}

void kg_fec_header_encode(uint8_t *body, uint32_t sn, uint8_t sub)
{
	kg_store_be32(body, sn);
	body[SUB_OFFSET] = sub;
}
