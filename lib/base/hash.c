/* SPDX-License-Identifier: BSD-3-Clause */
/* Mixes bytes into 64 bits. */
#include "base/hash.h"

#include "base/bytes.h"

#define GOLDEN 0x9e3779b97f4a7c15 /* 2^64 / golden ratio: no seed begins with 0 */

/* Finalizer of splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

uint64_t kg_hash64(const void *bytes, size_t len, uint64_t seed)
{
	const uint8_t *at = bytes;
	uint64_t hash = mix(mix(seed + GOLDEN) + len), tail = 0;

	for (; len >= sizeof(uint64_t); at += sizeof(uint64_t), len -= sizeof(uint64_t))
		hash = mix(hash ^ kg_load_be64(at));
	for (; len > 0; len--)
		tail = tail << 8 | *at++;
	return mix(hash ^ tail);
}
