/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Seals and opens with libsodium. `chacha20` has the iv of the wire four times as its nonce of 8
 * bytes, `xchacha20` twelve times as its nonce of 24 (docs/wire.md §3).
 */
#include "crypto/chacha_sodium.h"

#include <sodium.h>
#include <string.h>

#define CHACHA_NONCE_BYTES  crypto_aead_chacha20poly1305_NPUBBYTES
#define XCHACHA_NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES

/* libsodium keeps the key there where registers do not suffice, and leaves it: a core dump has it.
 */
#define STACK_BYTES 4096

struct chacha {
	uint8_t key[KG_AEAD_KEY_BYTES];
	const uint8_t *associated;
	uint8_t associated_bytes;
};

_Static_assert(crypto_aead_chacha20poly1305_KEYBYTES == KG_AEAD_KEY_BYTES, "");
_Static_assert(crypto_aead_chacha20poly1305_ABYTES == KG_AEAD_TAG_BYTES, "");
_Static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == KG_AEAD_KEY_BYTES, "");
_Static_assert(crypto_aead_xchacha20poly1305_ietf_ABYTES == KG_AEAD_TAG_BYTES, "");

static void chacha_destroy(void *ctx)
{
	sodium_free(ctx);
}

static void *chacha_create(const uint8_t key[KG_AEAD_KEY_BYTES], const char *associated)
{
	struct chacha *chacha;

	if (sodium_init() < 0)
		return NULL;
	chacha = sodium_malloc(sizeof(*chacha));
	if (!chacha)
		return NULL;
	memcpy(chacha->key, key, sizeof(chacha->key));
	chacha->associated = (const uint8_t *)associated;
	chacha->associated_bytes = (uint8_t)strlen(associated);
	return chacha;
}

/* Writes the iv behind where the tag will stand; returns the tag's place. */
static uint8_t *place_trailer(const struct kg_aead_job *job)
{
	uint8_t *tag = job->data + job->len;

	memcpy(tag + KG_AEAD_TAG_BYTES, &job->iv, KG_AEAD_IV_BYTES);
	return tag;
}

/* Takes the trailer off; NULL when the datagram is too short to have one. */
static const uint8_t *take_trailer(struct kg_aead_job *job)
{
	job->ok = job->len >= KG_AEAD_OVERHEAD_BYTES;
	if (!job->ok)
		return NULL;
	job->len -= KG_AEAD_OVERHEAD_BYTES;
	return job->data + job->len;
}

static void chacha_seal(void *ctx, struct kg_aead_job *jobs, uint16_t n)
{
	const struct chacha *chacha = ctx;

	for (uint16_t i = 0; i < n; i++) {
		struct kg_aead_job *job = &jobs[i];
		uint8_t *tag = place_trailer(job), nonce[CHACHA_NONCE_BYTES];

		kg_aead_nonce(nonce, sizeof(nonce), tag + KG_AEAD_TAG_BYTES);
		crypto_aead_chacha20poly1305_encrypt_detached(
			job->data, tag, NULL, job->data, job->len, chacha->associated,
			chacha->associated_bytes, NULL, nonce, chacha->key);
		job->len += KG_AEAD_OVERHEAD_BYTES;
		job->ok = true;
	}
	sodium_stackzero(STACK_BYTES);
}

static void chacha_open(void *ctx, struct kg_aead_job *jobs, uint16_t n)
{
	const struct chacha *chacha = ctx;

	for (uint16_t i = 0; i < n; i++) {
		struct kg_aead_job *job = &jobs[i];
		const uint8_t *tag = take_trailer(job);
		uint8_t nonce[CHACHA_NONCE_BYTES];

		if (!tag)
			continue;
		kg_aead_nonce(nonce, sizeof(nonce), tag + KG_AEAD_TAG_BYTES);
		job->ok = crypto_aead_chacha20poly1305_decrypt_detached(
				  job->data, NULL, job->data, job->len, tag, chacha->associated,
				  chacha->associated_bytes, nonce, chacha->key) == 0;
	}
	sodium_stackzero(STACK_BYTES);
}

static void xchacha_seal(void *ctx, struct kg_aead_job *jobs, uint16_t n)
{
	const struct chacha *chacha = ctx;

	for (uint16_t i = 0; i < n; i++) {
		struct kg_aead_job *job = &jobs[i];
		uint8_t *tag = place_trailer(job), nonce[XCHACHA_NONCE_BYTES];

		kg_aead_nonce(nonce, sizeof(nonce), tag + KG_AEAD_TAG_BYTES);
		crypto_aead_xchacha20poly1305_ietf_encrypt_detached(
			job->data, tag, NULL, job->data, job->len, chacha->associated,
			chacha->associated_bytes, NULL, nonce, chacha->key);
		job->len += KG_AEAD_OVERHEAD_BYTES;
		job->ok = true;
	}
	sodium_stackzero(STACK_BYTES);
}

static void xchacha_open(void *ctx, struct kg_aead_job *jobs, uint16_t n)
{
	const struct chacha *chacha = ctx;

	for (uint16_t i = 0; i < n; i++) {
		struct kg_aead_job *job = &jobs[i];
		const uint8_t *tag = take_trailer(job);
		uint8_t nonce[XCHACHA_NONCE_BYTES];

		if (!tag)
			continue;
		kg_aead_nonce(nonce, sizeof(nonce), tag + KG_AEAD_TAG_BYTES);
		job->ok = crypto_aead_xchacha20poly1305_ietf_decrypt_detached(
				  job->data, NULL, job->data, job->len, tag, chacha->associated,
				  chacha->associated_bytes, nonce, chacha->key) == 0;
	}
	sodium_stackzero(STACK_BYTES);
}

const struct kg_aead_alg kg_aead_chacha20 = {
	.spec = &kg_aead_spec_chacha20,
	.create = chacha_create,
	.destroy = chacha_destroy,
	.seal = chacha_seal,
	.open = chacha_open,
};

const struct kg_aead_alg kg_aead_xchacha20 = {
	.spec = &kg_aead_spec_xchacha20,
	.create = chacha_create,
	.destroy = chacha_destroy,
	.seal = xchacha_seal,
	.open = xchacha_open,
};
