/* SPDX-License-Identifier: BSD-3-Clause */
/* Sums bytes up, eight at a time. */
#include "net/checksum.h"

#include <endian.h>
#include <string.h>

/*
 * The halves of 64-bit words into 64-bit lanes: no carry to care for below 16 GiB, and a loop that
 * compilers turn into vector code that unpacks nothing.
 */
uint64_t kg_checksum_add(uint64_t sum, const void *bytes, size_t len)
{
	const uint8_t *from = bytes;
	uint64_t low = 0, high = 0, word = 0;

	/* Room for what is added here, however long the chain of calls. */
	sum = (sum & UINT32_MAX) + (sum >> 32);
	for (; len >= sizeof(word); len -= sizeof(word), from += sizeof(word)) {
		memcpy(&word, from, sizeof(word));
		low += word & UINT32_MAX;
		high += word >> 32;
	}
	word = 0;
	memcpy(&word, from, len);
	return sum + low + high + (word & UINT32_MAX) + (word >> 32);
}

uint64_t kg_checksum_pseudo(const void *addresses, size_t addresses_bytes, uint8_t protocol,
			    uint32_t upper_bytes)
{
	uint64_t sum = kg_checksum_add(0, addresses, addresses_bytes);

	return sum + htobe16(protocol) + htobe32(upper_bytes);
}
