/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/checksum.h"

#include <endian.h>
#include <string.h>

/*
 * 32-bit words into 64-bit lanes: no carry to care for below 16 GiB, and a loop that compilers turn
 * into vector code.
 */
uint64_t kg_checksum_add(uint64_t sum, const void *bytes, size_t len)
{
	const uint8_t *from = bytes;
	uint32_t tail = 0;

	/* Room for what is added here, however long the chain of calls. */
	sum = (sum & UINT32_MAX) + (sum >> 32);
	for (; len >= sizeof(uint32_t); len -= sizeof(uint32_t), from += sizeof(uint32_t)) {
		uint32_t word;

		memcpy(&word, from, sizeof(word));
		sum += word;
	}
	memcpy(&tail, from, len);
	return sum + tail;
}

uint64_t kg_checksum_pseudo(const void *addresses, size_t addresses_bytes, uint8_t protocol,
			    uint32_t upper_bytes)
{
	uint64_t sum = kg_checksum_add(0, addresses, addresses_bytes);

	return sum + htobe16(protocol) + htobe32(upper_bytes);
}
