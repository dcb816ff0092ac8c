/* SPDX-License-Identifier: BSD-3-Clause */
/* Which UDP frames are alike, and the headers that stand for all of them. */
#include "net/train.h"

#include "base/bytes.h"
#include "net/checksum.h"
#include "net/proto.h"

#include <string.h>

#define IP_PACKET_MAX UINT16_MAX /* RFC 791 §3.1; over IPv6 the header is counted, too */

static uint8_t version_of(const uint8_t *frame)
{
	return frame[KG_ETHER_BYTES] >> 4;
}

void kg_train_begin(struct kg_train *train, const uint8_t *frame, size_t len)
{
	uint16_t headers_bytes =
		KG_ETHER_BYTES + kg_ip_header_bytes(version_of(frame)) + KG_UDP_BYTES;

	*train = (struct kg_train){
		.first = frame,
		.headers_bytes = headers_bytes,
		.piece_bytes = (uint16_t)(len - headers_bytes),
		.payload_bytes = (uint32_t)(len - headers_bytes),
		.complete = len == headers_bytes, /* pieces of nothing cannot be cut */
	};
}

static bool equal(const struct kg_train *train, const uint8_t *frame, size_t from, size_t to)
{
	return memcmp(train->first + from, frame + from, to - from) == 0;
}

/* Of Ethernet, IP and ports; the first two bytes of IP tell the version. */
static bool is_alike(const struct kg_train *train, const uint8_t *frame)
{
	const size_t ip = KG_ETHER_BYTES;
	const size_t ports_end = train->headers_bytes - KG_UDP_BYTES + KG_UDP_LENGTH_AT;

	if (!equal(train, frame, 0, ip + KG_IPV4_LENGTH_AT))
		return false;
	if (version_of(frame) == 4)
		return equal(train, frame, ip + KG_IPV4_FRAGMENT_AT, ip + KG_IPV4_CSUM_AT) &&
		       equal(train, frame, ip + KG_IPV4_ADDRESSES_AT, ports_end);
	return equal(train, frame, ip + KG_IPV4_LENGTH_AT, ip + KG_IPV6_LENGTH_AT) &&
	       equal(train, frame, ip + KG_IPV6_NEXT_HEADER_AT, ports_end);
}

bool kg_train_add(struct kg_train *train, const uint8_t *frame, size_t len)
{
	size_t bytes = len - train->headers_bytes;
	size_t packet_bytes = train->headers_bytes - KG_ETHER_BYTES + train->payload_bytes;

	if (train->complete || len <= train->headers_bytes || bytes > train->piece_bytes ||
	    packet_bytes + bytes > IP_PACKET_MAX || !is_alike(train, frame))
		return false;
	train->payload_bytes += (uint32_t)bytes;
	train->complete = bytes < train->piece_bytes;
	return true;
}

/* Lengths, and the sum of the pseudo-header, which is returned. */
static uint64_t write_ip(uint8_t *ip, uint32_t udp_bytes)
{
	if (ip[0] >> 4 == 4) {
		kg_store_be16(ip + KG_IPV4_LENGTH_AT, (uint16_t)(KG_IPV4_BYTES + udp_bytes));
		kg_checksum_fill_ipv4(ip, KG_IPV4_BYTES);
		return kg_checksum_pseudo(ip + KG_IPV4_ADDRESSES_AT, 8, KG_PROTO_UDP, udp_bytes);
	}
	kg_store_be16(ip + KG_IPV6_LENGTH_AT, (uint16_t)udp_bytes);
	return kg_checksum_pseudo(ip + KG_IPV6_ADDRESSES_AT, 32, KG_PROTO_UDP, udp_bytes);
}

void kg_train_end(const struct kg_train *train, uint8_t *headers, struct kg_offload *offload)
{
	const uint16_t udp_at = train->headers_bytes - KG_UDP_BYTES;
	const uint32_t udp_bytes = KG_UDP_BYTES + train->payload_bytes;
	uint8_t *udp = headers + udp_at;

	memcpy(headers, train->first, train->headers_bytes);
	kg_checksum_store(udp + KG_UDP_CSUM_AT,
			  kg_checksum_fold(write_ip(headers + KG_ETHER_BYTES, udp_bytes)));
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
