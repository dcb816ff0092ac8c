/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checks with ISA-L what is not encrypted. `none` (docs/wire.md §3): two bytes of check behind the
 * plaintext, a CRC-32 (IEEE 802.3, reflected) folded in half. `XOR`: the same, and then each byte
 * but the last XORed with its right neighbour.
 */
#include "crypto/check_isal.h"

#include <isa-l/crc.h>

#include "base/bytes.h"

#define WORD_BYTES sizeof(uint64_t)
#define EVERY_BYTE 0x0101010101010101u /* times a byte: the byte in all eight places */

/* ---- check ---- */

static uint16_t check_of(const uint8_t *data, size_t len)
{
	uint32_t crc = crc32_gzip_refl(0, data, len);

	return (uint16_t)(crc >> 16 ^ crc);
}

static void add_check(struct kg_aead_job *job)
{
	kg_store_be16(job->data + job->len, check_of(job->data, job->len));
	job->len += KG_AEAD_CHECK_BYTES;
	job->ok = true;
}

static void take_check(struct kg_aead_job *job)
{
	job->len -= KG_AEAD_CHECK_BYTES;
	job->ok = kg_load_be16(job->data + job->len) == check_of(job->data, job->len);
}

/* ---- whitening ---- */

/* b[i] ^= b[i + 1], the right neighbour as it was. The compiler makes vectors of it. */
static void whiten(uint8_t *b, size_t len)
{
	for (size_t i = 0; i + 1 < len; i++)
		b[i] ^= b[i + 1];
}

/*
 * The inverse: b[i] becomes the XOR of all from i to the last. Eight bytes at a step from the end:
 * each word's own suffixes, then what stands to the right of the word.
 */
static void unwhiten(uint8_t *b, size_t len)
{
	uint64_t right = 0; /* XOR of all bytes behind the word, eight times */

	for (; len >= WORD_BYTES; len -= WORD_BYTES) {
		uint8_t *at = b + len - WORD_BYTES;
		uint64_t word = kg_load_le64(at);

		word ^= word >> 8;
		word ^= word >> 16;
		word ^= word >> 32;
		kg_store_le64(at, word ^ right);
		right ^= (word & 0xff) * EVERY_BYTE;
	}
	for (uint8_t behind = right & 0xff; len > 0; len--)
		behind = b[len - 1] ^= behind;
}

/* ---- algorithms ---- */

static void *check_create(const uint8_t key[KG_AEAD_KEY_BYTES], const char *associated)
{
	static uint8_t nothing; /* to remember */

	return &nothing;
}

static void check_destroy(void *ctx)
{
}

static void none_seal(void *ctx, struct kg_aead_job *jobs, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		add_check(&jobs[i]);
}

static void none_open(void *ctx, struct kg_aead_job *jobs, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		jobs[i].ok = jobs[i].len >= KG_AEAD_CHECK_BYTES;
		if (jobs[i].ok)
			take_check(&jobs[i]);
	}
}

static void xor_seal(void *ctx, struct kg_aead_job *jobs, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		add_check(&jobs[i]);
		whiten(jobs[i].data, jobs[i].len);
	}
}

static void xor_open(void *ctx, struct kg_aead_job *jobs, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		jobs[i].ok = jobs[i].len >= KG_AEAD_CHECK_BYTES;
		if (!jobs[i].ok)
			continue;
		unwhiten(jobs[i].data, jobs[i].len);
		take_check(&jobs[i]);
	}
}

const struct kg_aead_alg kg_aead_none = {
	.spec = &kg_aead_spec_none,
	.create = check_create,
	.destroy = check_destroy,
	.seal = none_seal,
	.open = none_open,
};

const struct kg_aead_alg kg_aead_xor = {
	.spec = &kg_aead_spec_xor,
	.create = check_create,
	.destroy = check_destroy,
	.seal = xor_seal,
	.open = xor_open,
};
