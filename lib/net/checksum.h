/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Internet checksum (RFC 1071). Sums are kept in the machine's byte order, which the ones'
 * complement sum does not mind, and folded once at the end; a folded sum is stored as it is in
 * memory.
 */
#pragma once

#include "base/base.h"
#include "net/addr.h"

/* Adds bytes to a running sum. Only the last piece may have an odd length. */
uint64_t kg_checksum_add(uint64_t sum, const void *bytes, size_t len);

/* Addresses, protocol and length of the upper layer, as TCP and UDP sum them (RFC 768, RFC 8200
 * §8.1). `addresses` is the source followed by the destination, as both stand in an IP header. */
uint64_t kg_checksum_pseudo(const void *addresses, size_t addresses_bytes, uint8_t protocol,
			    uint32_t upper_bytes);

/* 16 bits, not inverted: 0xffff over a region that holds its right checksum. */
static inline uint16_t kg_checksum_fold(uint64_t sum)
{
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	return (uint16_t)sum;
}
