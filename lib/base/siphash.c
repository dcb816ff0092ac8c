/* SPDX-License-Identifier: BSD-3-Clause */
/* SipHash-2-4, word by word. */
#include "base/siphash.h"

#include "base/bits.h"
#include "base/bytes.h"

#define COMPRESSION_ROUNDS  2
#define FINALIZATION_ROUNDS 4

static void rounds(uint64_t v[4], int count)
{
	for (; count > 0; count--) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = kg_rotate_left(v[1], 13) ^ v[0];
		v[3] = kg_rotate_left(v[3], 16) ^ v[2];
		v[0] = kg_rotate_left(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = kg_rotate_left(v[1], 17) ^ v[2];
		v[3] = kg_rotate_left(v[3], 21) ^ v[0];
		v[2] = kg_rotate_left(v[2], 32);
	}
}

static void absorb(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	rounds(v, COMPRESSION_ROUNDS);
	v[0] ^= word;
}

uint64_t kg_siphash(const struct kg_siphash_key *key, const void *bytes, size_t len)
{
	const uint64_t *k = key->words;
	/* "somepseudorandomlygeneratedbytes", as the paper has it */
	uint64_t v[4] = { k[0] ^ 0x736f6d6570736575, k[1] ^ 0x646f72616e646f6d,
			  k[0] ^ 0x6c7967656e657261, k[1] ^ 0x7465646279746573 };
	uint64_t last = (uint64_t)len << 56;
	const uint8_t *at = bytes;

	for (; len >= sizeof(uint64_t); at += sizeof(uint64_t), len -= sizeof(uint64_t))
		absorb(v, kg_load_le64(at));
	while (len-- > 0)
		last |= (uint64_t)at[len] << (8 * len);
	absorb(v, last);
	v[2] ^= 0xff;
	rounds(v, FINALIZATION_ROUNDS);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
