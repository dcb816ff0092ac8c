/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What all frames have in common that stand for several, of TCP (merge.h) and of UDP (train.h):
 * when the headers in front of TCP and UDP are alike, and what they are of the whole. Ethernet
 * without tag, IPv4 without options, IPv6 without extension headers.
 */
#pragma once

#include "base/bytes.h"
#include "net/checksum.h"
#include "net/frame.h"

#include <string.h>

#define KG_IP_PACKET_MAX UINT16_MAX /* RFC 791 §3.1; over IPv6 the header is counted, too */

static inline bool kg_super_equal(const uint8_t *a, const uint8_t *b, size_t from, size_t to)
{
	return memcmp(a + from, b + from, to - from) == 0;
}

/* Of two frames all but lengths, id and checksum; the first two bytes of IP tell the version. */
static inline bool kg_super_alike(const uint8_t *a, const uint8_t *b)
{
	const size_t ip = KG_ETHER_BYTES;

	if (!kg_super_equal(a, b, 0, ip + KG_IPV4_LENGTH_AT))
		return false;
	if (a[ip] >> 4 == 4)
		return kg_super_equal(a, b, ip + KG_IPV4_FRAGMENT_AT, ip + KG_IPV4_CSUM_AT) &&
		       kg_super_equal(a, b, ip + KG_IPV4_ADDRESSES_AT, ip + KG_IPV4_BYTES);
	return kg_super_equal(a, b, ip + KG_IPV4_LENGTH_AT, ip + KG_IPV6_LENGTH_AT) &&
	       kg_super_equal(a, b, ip + KG_IPV6_NEXT_HEADER_AT, ip + KG_IPV6_BYTES);
}

/* Writes the IP header's lengths for so much behind it; the sum of the pseudo-header. */
static inline uint64_t kg_super_write_ip(uint8_t *ip, uint8_t protocol, uint32_t upper_bytes)
{
	if (ip[0] >> 4 == 4) {
		kg_store_be16(ip + KG_IPV4_LENGTH_AT, (uint16_t)(KG_IPV4_BYTES + upper_bytes));
		kg_checksum_fill_ipv4(ip, KG_IPV4_BYTES);
		return kg_checksum_pseudo(ip + KG_IPV4_ADDRESSES_AT, 8, protocol, upper_bytes);
	}
	kg_store_be16(ip + KG_IPV6_LENGTH_AT, (uint16_t)upper_bytes);
	return kg_checksum_pseudo(ip + KG_IPV6_ADDRESSES_AT, 32, protocol, upper_bytes);
}
