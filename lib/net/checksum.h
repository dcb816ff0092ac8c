/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Internet checksum (RFC 1071). Sums are kept in the machine's byte order, which the ones'
 * complement sum does not mind, and folded once at the end; a folded sum is stored as it is in
 * memory.
 */
#pragma once

#include "base/base.h"
#include "net/addr.h"
#include "net/proto.h"

#include <endian.h>
#include <string.h>

/* Adds bytes to a running sum. Only the last piece may have an odd length. */
uint64_t kg_checksum_add(uint64_t sum, const void *bytes, size_t len);

/* The same of a header: of few words of 32 bits, how many the compiler often knows. */
static inline uint64_t kg_checksum_add_words(uint64_t sum, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i += sizeof(uint32_t)) {
		uint32_t word;

		memcpy(&word, bytes + i, sizeof(word));
		sum += word;
	}
	return sum;
}

/* Addresses, protocol and length of the upper layer, as TCP and UDP sum them (RFC 768, RFC 8200
 * §8.1). `addresses` is the sum of both. */
static inline uint64_t kg_checksum_upper(uint64_t addresses, uint8_t protocol, uint32_t upper_bytes)
{
	return addresses + htobe16(protocol) + htobe32(upper_bytes);
}

/* The same of the source followed by the destination, as both stand in an IP header. */
static inline uint64_t kg_checksum_pseudo(const uint8_t *addresses, size_t addresses_bytes,
					  uint8_t protocol, uint32_t upper_bytes)
{
	uint64_t sum = addresses_bytes == 8 ? kg_checksum_add_words(0, addresses, 8)
					    : kg_checksum_add_words(0, addresses, 32);

	return kg_checksum_upper(sum, protocol, upper_bytes);
}

/* 16 bits, not inverted: 0xffff over a region that holds its right checksum. */
static inline uint16_t kg_checksum_fold(uint64_t sum)
{
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	return (uint16_t)sum;
}

static inline void kg_checksum_store(uint8_t *field, uint16_t sum)
{
	memcpy(field, &sum, sizeof(sum));
}

/* Fills in that of an IPv4 header. */
static inline void kg_checksum_fill_ipv4(uint8_t *ip, size_t header_bytes)
{
	kg_checksum_store(ip + KG_IPV4_CSUM_AT, 0);
	kg_checksum_store(ip + KG_IPV4_CSUM_AT,
			  (uint16_t)~kg_checksum_fold(kg_checksum_add_words(0, ip, header_bytes)));
}

/* Of the sum of all else. 0 itself, which in UDP says that there is none (RFC 768), is written as
 * its twin. */
static inline void kg_checksum_put(uint8_t *field, uint64_t sum)
{
	uint16_t inverted = (uint16_t)~kg_checksum_fold(sum);

	kg_checksum_store(field, inverted == 0 ? UINT16_MAX : inverted);
}

/* Fills in that of an upper layer, at `at`. The field holds 0, or the pseudo-header's sum instead
 * of `pseudo`. */
static inline void kg_checksum_fill(uint8_t *upper, size_t len, size_t at, uint64_t pseudo)
{
	kg_checksum_put(upper + at, kg_checksum_add(pseudo, upper, len));
}

/* The field holds the pseudo-header's sum alone, as a virtual NIC's sender leaves it. */
static inline bool kg_checksum_is_unfilled(const uint8_t *upper, size_t at, uint64_t pseudo)
{
	uint16_t unfilled = kg_checksum_fold(pseudo);

	return memcmp(upper + at, &unfilled, sizeof(unfilled)) == 0;
}

/* It is right, or unfilled. */
static inline bool kg_checksum_is_good(const uint8_t *upper, size_t len, size_t at, uint64_t pseudo)
{
	return kg_checksum_is_unfilled(upper, at, pseudo) ||
	       kg_checksum_fold(kg_checksum_add(pseudo, upper, len)) == UINT16_MAX;
}
