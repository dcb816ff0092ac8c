/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `none` (wire.md §2): two bytes of check behind the plaintext, a CRC-32 folded in half. The CRC
 * (IEEE 802.3, reflected) takes eight bytes at a step: table k holds what a byte contributes when
 * k more bytes follow it.
 */
#include "aead/aead.h"

#include <stdlib.h>

#include "base/bytes.h"

#define CRC32_POLYNOMIAL 0xedb88320u /* 0x04c11db7, bits reversed */
#define CRC32_STEP_BYTES 8
#define CHECK_BYTES      2

struct none {
	uint32_t table[CRC32_STEP_BYTES][256];
};

static void *none_create(const uint8_t key[KG_AEAD_KEY_BYTES])
{
	struct none *none = malloc(sizeof(*none));

	if (!none)
		return NULL;
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;

		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? CRC32_POLYNOMIAL : 0);
		none->table[0][i] = crc;
	}
	for (int k = 1; k < CRC32_STEP_BYTES; k++) {
		for (int i = 0; i < 256; i++) {
			uint32_t crc = none->table[k - 1][i];

			none->table[k][i] = crc >> 8 ^ none->table[0][crc & 0xff];
		}
	}
	return none;
}

static void none_destroy(void *ctx)
{
	free(ctx);
}

static uint32_t crc32_of(const struct none *none, const uint8_t *data, size_t len)
{
	const uint32_t(*t)[256] = none->table;
	uint32_t crc = UINT32_MAX;

	for (; len >= CRC32_STEP_BYTES; len -= CRC32_STEP_BYTES, data += CRC32_STEP_BYTES) {
		uint32_t low = kg_load_le32(data) ^ crc;
		uint32_t high = kg_load_le32(data + 4);

		crc = t[7][low & 0xff] ^ t[6][low >> 8 & 0xff] ^ t[5][low >> 16 & 0xff] ^
		      t[4][low >> 24] ^ t[3][high & 0xff] ^ t[2][high >> 8 & 0xff] ^
		      t[1][high >> 16 & 0xff] ^ t[0][high >> 24];
	}
	for (; len; len--, data++)
		crc = crc >> 8 ^ t[0][(crc ^ *data) & 0xff];
	return ~crc;
}

static uint16_t check_of(const struct none *none, const uint8_t *data, size_t len)
{
	uint32_t crc = crc32_of(none, data, len);

	return (uint16_t)(crc >> 16 ^ crc);
}

static void none_seal(void *ctx, struct kg_aead_job *jobs, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		struct kg_aead_job *job = &jobs[i];

		kg_store_be16(job->data + job->len, check_of(ctx, job->data, job->len));
		job->len += CHECK_BYTES;
		job->ok = true;
	}
}

static void none_open(void *ctx, struct kg_aead_job *jobs, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		struct kg_aead_job *job = &jobs[i];

		job->ok = job->len >= CHECK_BYTES;
		if (!job->ok)
			continue;
		job->len -= CHECK_BYTES;
		job->ok = kg_load_be16(job->data + job->len) == check_of(ctx, job->data, job->len);
	}
}

const struct kg_aead_alg kg_aead_none = {
	.name = "none",
	.overhead_bytes = CHECK_BYTES,
	.keyed = false,
	.create = none_create,
	.destroy = none_destroy,
	.seal = none_seal,
	.open = none_open,
};
