/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Seals and opens with OpenSSL: AES-256-OCB with the iv of the wire six times as nonce
 * (docs/wire.md §3). The key is expanded once, in a context for either direction; a datagram only
 * sets its nonce. Contexts are in memory that no core dump has.
 */
#include "crypto/ocb_openssl.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/openssl_heap.h"

#define NONCE_BYTES 12

struct ocb {
	EVP_CIPHER_CTX *seal, *open;
	const uint8_t *associated;
	int associated_bytes;
};

static void ocb_destroy(void *ctx)
{
	struct ocb *ocb = ctx;

	if (!ocb)
		return;
	EVP_CIPHER_CTX_free(ocb->seal);
	EVP_CIPHER_CTX_free(ocb->open);
	free(ocb);
}

static bool expand(EVP_CIPHER_CTX *evp, const EVP_CIPHER *cipher, const uint8_t *key, int encrypt)
{
	return evp && EVP_CipherInit_ex2(evp, cipher, key, NULL, encrypt, NULL) == 1 &&
	       EVP_CIPHER_CTX_get_iv_length(evp) == NONCE_BYTES &&
	       EVP_CIPHER_CTX_get_tag_length(evp) == KG_AEAD_TAG_BYTES;
}

static bool create_contexts(struct ocb *ocb, const EVP_CIPHER *cipher, const uint8_t *key)
{
	ocb->seal = EVP_CIPHER_CTX_new();
	ocb->open = EVP_CIPHER_CTX_new();
	return expand(ocb->seal, cipher, key, 1) && expand(ocb->open, cipher, key, 0);
}

static void *ocb_create(const uint8_t key[KG_AEAD_KEY_BYTES], const char *associated)
{
	/* Its thousand allocations have nothing secret. */
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-OCB", NULL);
	struct ocb *ocb = cipher ? calloc(1, sizeof(*ocb)) : NULL;
	bool good = false;

	if (ocb) {
		ocb->associated = (const uint8_t *)associated;
		ocb->associated_bytes = (int)strlen(associated);
		kg_openssl_heap_secret(true);
		good = create_contexts(ocb, cipher, key);
		kg_openssl_heap_secret(false);
	}
	EVP_CIPHER_free(cipher); /* the contexts hold it */
	if (!good) {
		ocb_destroy(ocb);
		return NULL;
	}
	return ocb;
}

/* -1: keeps the direction of the context. */
static bool start(const struct ocb *ocb, EVP_CIPHER_CTX *evp, const uint8_t iv[KG_AEAD_IV_BYTES])
{
	uint8_t nonce[NONCE_BYTES];
	int len;

	kg_aead_nonce(nonce, sizeof(nonce), iv);
	return EVP_CipherInit_ex2(evp, NULL, NULL, nonce, -1, NULL) == 1 &&
	       EVP_CipherUpdate(evp, NULL, &len, ocb->associated, ocb->associated_bytes) == 1;
}

/* In place. The tag is checked by the last call when opening. */
static bool run(EVP_CIPHER_CTX *evp, uint8_t *data, uint16_t len)
{
	int done, rest;

	return EVP_CipherUpdate(evp, data, &done, data, len) == 1 &&
	       EVP_CipherFinal_ex(evp, data + done, &rest) == 1;
}

static void ocb_seal(void *ctx, struct kg_aead_job *jobs, uint16_t n)
{
	struct ocb *ocb = ctx;

	for (uint16_t i = 0; i < n; i++) {
		struct kg_aead_job *job = &jobs[i];
		uint8_t *tag = job->data + job->len;
		uint8_t *iv = tag + KG_AEAD_TAG_BYTES;

		memcpy(iv, &job->iv, KG_AEAD_IV_BYTES);
		job->ok = start(ocb, ocb->seal, iv) && run(ocb->seal, job->data, job->len) &&
			  EVP_CIPHER_CTX_ctrl(ocb->seal, EVP_CTRL_AEAD_GET_TAG, KG_AEAD_TAG_BYTES,
					      tag) == 1;
		if (!job->ok)
			memset(job->data, 0, job->len); /* no plaintext leaves */
		job->len += KG_AEAD_OVERHEAD_BYTES;
	}
}

static void ocb_open(void *ctx, struct kg_aead_job *jobs, uint16_t n)
{
	struct ocb *ocb = ctx;

	for (uint16_t i = 0; i < n; i++) {
		struct kg_aead_job *job = &jobs[i];

		job->ok = job->len >= KG_AEAD_OVERHEAD_BYTES;
		if (!job->ok)
			continue;
		job->len -= KG_AEAD_OVERHEAD_BYTES;

		uint8_t *tag = job->data + job->len;

		job->ok = start(ocb, ocb->open, tag + KG_AEAD_TAG_BYTES) &&
			  EVP_CIPHER_CTX_ctrl(ocb->open, EVP_CTRL_AEAD_SET_TAG, KG_AEAD_TAG_BYTES,
					      tag) == 1 &&
			  run(ocb->open, job->data, job->len);
	}
}

const struct kg_aead_alg kg_aead_aes_ocb = {
	.spec = &kg_aead_spec_aes_ocb,
	.create = ocb_create,
	.destroy = ocb_destroy,
	.seal = ocb_seal,
	.open = ocb_open,
};
