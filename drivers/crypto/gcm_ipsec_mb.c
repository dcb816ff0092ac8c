/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * AES-256-GCM with the wire's nonce of 16 bytes: the two of the iv, eight times (docs/wire.md §3).
 * The library's one-shot calls take 12 bytes only, hence init, update, finalize.
 *
 * Every context has a manager (200 KB) of its own: it holds the functions chosen for this CPU, and
 * the library may note errors in it, so threads do not share one. The key is in memory that no core
 * dump has.
 */
#include "crypto/gcm_ipsec_mb.h"

#include <intel-ipsec-mb.h>
#include <openssl/crypto.h>
#include <sodium.h>
#include <string.h>

#define NONCE_BYTES 16

struct gcm {
	struct gcm_key_data key;
	struct gcm_context_data state;
	const uint8_t *associated;
	uint8_t associated_bytes;
	IMB_MGR *mgr;
};

static void gcm_destroy(void *ctx)
{
	struct gcm *gcm = ctx;

	if (!gcm)
		return;
	if (gcm->mgr)
		free_mb_mgr(gcm->mgr);
	sodium_free(gcm);
}

static void *gcm_create(const uint8_t key[KG_AEAD_KEY_BYTES], const char *associated)
{
	struct gcm *gcm;

	if (sodium_init() < 0)
		return NULL;
	gcm = sodium_malloc(sizeof(*gcm)); /* ends with a page: aligned as its size is */
	if (!gcm)
		return NULL;
	gcm->associated = (const uint8_t *)associated;
	gcm->associated_bytes = (uint8_t)strlen(associated);
	gcm->mgr = alloc_mb_mgr(0);
	if (gcm->mgr)
		init_mb_mgr_auto(gcm->mgr, NULL);
	if (!gcm->mgr || imb_get_errno(gcm->mgr) != 0) {
		gcm_destroy(gcm);
		return NULL;
	}
	IMB_AES256_GCM_PRE(gcm->mgr, key, &gcm->key);
	return gcm;
}

static void start(struct gcm *gcm, const uint8_t iv[KG_AEAD_IV_BYTES])
{
	uint8_t nonce[NONCE_BYTES];

	kg_aead_nonce(nonce, sizeof(nonce), iv);
	IMB_AES256_GCM_INIT_VAR_IV(gcm->mgr, &gcm->key, &gcm->state, nonce, sizeof(nonce),
				   gcm->associated, gcm->associated_bytes);
}

static void gcm_seal(void *ctx, struct kg_aead_job *jobs, uint16_t n)
{
	struct gcm *gcm = ctx;

	for (uint16_t i = 0; i < n; i++) {
		struct kg_aead_job *job = &jobs[i];
		uint8_t *tag = job->data + job->len;
		uint8_t *iv = tag + KG_AEAD_TAG_BYTES;

		memcpy(iv, &job->iv, KG_AEAD_IV_BYTES);
		start(gcm, iv);
		IMB_AES256_GCM_ENC_UPDATE(gcm->mgr, &gcm->key, &gcm->state, job->data, job->data,
					  job->len);
		IMB_AES256_GCM_ENC_FINALIZE(gcm->mgr, &gcm->key, &gcm->state, tag,
					    KG_AEAD_TAG_BYTES);
		job->len += KG_AEAD_OVERHEAD_BYTES;
		job->ok = true;
	}
}

static void gcm_open(void *ctx, struct kg_aead_job *jobs, uint16_t n)
{
	struct gcm *gcm = ctx;

	for (uint16_t i = 0; i < n; i++) {
		struct kg_aead_job *job = &jobs[i];
		uint8_t expected[KG_AEAD_TAG_BYTES];

		job->ok = job->len >= KG_AEAD_OVERHEAD_BYTES;
		if (!job->ok)
			continue;
		job->len -= KG_AEAD_OVERHEAD_BYTES;

		const uint8_t *tag = job->data + job->len;

		start(gcm, tag + KG_AEAD_TAG_BYTES);
		IMB_AES256_GCM_DEC_UPDATE(gcm->mgr, &gcm->key, &gcm->state, job->data, job->data,
					  job->len);
		IMB_AES256_GCM_DEC_FINALIZE(gcm->mgr, &gcm->key, &gcm->state, expected,
					    sizeof(expected));
		job->ok = CRYPTO_memcmp(expected, tag, sizeof(expected)) == 0;
	}
}

const struct kg_aead_alg kg_aead_aes_gcm = {
	.spec = &kg_aead_spec_aes_gcm,
	.create = gcm_create,
	.destroy = gcm_destroy,
	.seal = gcm_seal,
	.open = gcm_open,
};
