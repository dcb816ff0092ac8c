/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Seals and opens with ipsec-mb: AES-256-GCM with the wire's nonce of 16 bytes: the two of the iv,
 * eight times (docs/wire.md §3). The library's one-shot calls take 12 bytes only, hence init,
 * update, finalize.
 *
 * Of the nonce init makes a product in GF(2^128), as in NIST SP 800-38D, which for these nonces is
 * linear in the iv's 16 bits: what several of them change is what each of them changes, added up.
 * So a datagram starts from what four bits at a time change, which a context has learnt from the
 * library; whether the library's state is of that kind is looked at then.
 *
 * Every context has a manager (200 KB) of its own: it holds the functions chosen for this CPU, and
 * the library may note errors in it, so threads do not share one. The key is in memory that no core
 * dump has.
 */
#include "crypto/gcm_ipsec_mb.h"

#include "base/bytes.h"

#include <intel-ipsec-mb.h>
#include <openssl/crypto.h>
#include <sodium.h>
#include <string.h>

#define NONCE_BYTES 16
#define PART_BITS   4u
#define PARTS       (16u / PART_BITS)
#define VALUES      (1u << PART_BITS)
#define LOOKS       256u   /* at so many ivs, */
#define LOOK_STEP   40503u /* odd, and so far apart: all bits change */

/* What depends on the iv stands together. */
#define MOVED_AT    offsetof(struct gcm_context_data, orig_IV)
#define MOVED_BYTES (offsetof(struct gcm_context_data, partial_block_length) - MOVED_AT)
#define MOVED_WORDS (MOVED_BYTES / sizeof(uint64_t))

struct gcm {
	struct gcm_key_data key;
	uint64_t moves[PARTS][VALUES][MOVED_WORDS];
	struct gcm_context_data state;
	struct gcm_context_data first; /* of iv 0 */
	bool linear;
	const uint8_t *associated;
	uint8_t associated_bytes;
	IMB_MGR *mgr;
};

/* ---- where a datagram starts ---- */

static void start_by_library(struct gcm *gcm, const uint8_t iv[KG_AEAD_IV_BYTES])
{
	uint8_t nonce[NONCE_BYTES];

	kg_aead_nonce(nonce, sizeof(nonce), iv);
	IMB_AES256_GCM_INIT_VAR_IV(gcm->mgr, &gcm->key, &gcm->state, nonce, sizeof(nonce),
				   gcm->associated, gcm->associated_bytes);
}

static void start_by_parts(struct gcm *gcm, const uint8_t iv[KG_AEAD_IV_BYTES])
{
	uint8_t *moved = (uint8_t *)&gcm->state + MOVED_AT;
	uint16_t bits = kg_load_le16(iv);
	uint64_t words[MOVED_WORDS];

	gcm->state = gcm->first;
	memcpy(words, moved, sizeof(words));
	for (unsigned int part = 0; part < PARTS; part++, bits >>= PART_BITS) {
		for (size_t i = 0; i < MOVED_WORDS; i++)
			words[i] ^= gcm->moves[part][bits % VALUES][i];
	}
	memcpy(moved, words, sizeof(words));
}

/* What init leaves alone stays 0, in `first` and here. */
static struct gcm_context_data ask_library(struct gcm *gcm, uint16_t bits)
{
	uint8_t iv[KG_AEAD_IV_BYTES];

	kg_store_le16(iv, bits);
	gcm->state = (struct gcm_context_data){ 0 };
	start_by_library(gcm, iv);
	return gcm->state;
}

static void learn_part(struct gcm *gcm, unsigned int part)
{
	uint64_t words[MOVED_WORDS], first[MOVED_WORDS];

	memcpy(first, (uint8_t *)&gcm->first + MOVED_AT, sizeof(first));
	for (unsigned int value = 0; value < VALUES; value++) {
		struct gcm_context_data state =
			ask_library(gcm, (uint16_t)(value << (part * PART_BITS)));

		memcpy(words, (uint8_t *)&state + MOVED_AT, sizeof(words));
		for (size_t i = 0; i < MOVED_WORDS; i++)
			gcm->moves[part][value][i] = words[i] ^ first[i];
	}
}

static bool is_linear(struct gcm *gcm)
{
	for (unsigned int i = 0; i < LOOKS; i++) {
		uint16_t bits = (uint16_t)(i * LOOK_STEP);
		struct gcm_context_data state = ask_library(gcm, bits);
		uint8_t iv[KG_AEAD_IV_BYTES];

		kg_store_le16(iv, bits);
		start_by_parts(gcm, iv);
		if (memcmp(&state, &gcm->state, sizeof(state)) != 0)
			return false;
	}
	return true;
}

static void learn(struct gcm *gcm)
{
	gcm->first = ask_library(gcm, 0);
	for (unsigned int part = 0; part < PARTS; part++)
		learn_part(gcm, part);
	gcm->linear = is_linear(gcm);
}

static inline void start(struct gcm *gcm, const uint8_t iv[KG_AEAD_IV_BYTES])
{
	if (KG_LIKELY(gcm->linear))
		start_by_parts(gcm, iv);
	else
		start_by_library(gcm, iv);
}

/* ---- life ---- */

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
	learn(gcm);
	return gcm;
}

/* ---- bursts ---- */

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
