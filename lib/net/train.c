/* SPDX-License-Identifier: BSD-3-Clause */
/* Which UDP frames are alike, and the headers that stand for all of them. */
#include "net/train.h"

#include "net/super.h"

void kg_train_begin(struct kg_train *train, const uint8_t *frame, size_t len)
{
	uint16_t headers_bytes =
		KG_ETHER_BYTES + kg_ip_header_bytes(frame[KG_ETHER_BYTES] >> 4) + KG_UDP_BYTES;

	*train = (struct kg_train){
		.first = frame,
		.headers_bytes = headers_bytes,
		.piece_bytes = (uint16_t)(len - headers_bytes),
		.payload_bytes = (uint32_t)(len - headers_bytes),
		.complete = len == headers_bytes, /* pieces of nothing cannot be cut */
	};
}

bool kg_train_add(struct kg_train *train, const uint8_t *frame, size_t len)
{
	const size_t udp_at = train->headers_bytes - KG_UDP_BYTES;
	size_t bytes = len - train->headers_bytes;
	size_t packet_bytes = train->headers_bytes - KG_ETHER_BYTES + train->payload_bytes;

	if (train->complete || len <= train->headers_bytes || bytes > train->piece_bytes ||
	    packet_bytes + bytes > KG_IP_PACKET_MAX || !kg_super_alike(train->first, frame) ||
	    !kg_super_equal(train->first, frame, udp_at, udp_at + KG_UDP_LENGTH_AT))
		return false;
	train->payload_bytes += (uint32_t)bytes;
	train->complete = bytes < train->piece_bytes;
	return true;
}

void kg_train_end(const struct kg_train *train, uint8_t *headers, struct kg_offload *offload)
{
	const uint16_t udp_at = train->headers_bytes - KG_UDP_BYTES;
	const uint32_t udp_bytes = KG_UDP_BYTES + train->payload_bytes;
	uint8_t *udp = headers + udp_at;
	uint64_t pseudo;

	memcpy(headers, train->first, train->headers_bytes);
	pseudo = kg_super_write_ip(headers + KG_ETHER_BYTES, KG_PROTO_UDP, udp_bytes);
	kg_checksum_store(udp + KG_UDP_CSUM_AT, kg_checksum_fold(pseudo));
	kg_store_be16(udp + KG_UDP_LENGTH_AT, (uint16_t)udp_bytes);
	*offload = (struct kg_offload){
		.cut = KG_CUT_UDP,
		.piece_bytes = train->piece_bytes,
		.headers_bytes = train->headers_bytes,
		.sum_left = true,
		.sum_from = udp_at,
		.sum_at = KG_UDP_CSUM_AT,
	};
}
