/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Seal and open datagrams (docs/wire.md §3) through a table of algorithms. lib/ knows what each of
 * them is called and adds; drivers/crypto brings what does the work, and the table of all. Works on
 * bursts, in place; open() leaves a trailer behind the plaintext that is a function of what came.
 */
#pragma once

#include "base/base.h"

#include <string.h>

#define KG_AEAD_KEY_BYTES      32
#define KG_AEAD_TAG_BYTES      16
#define KG_AEAD_IV_BYTES       2
#define KG_AEAD_OVERHEAD_BYTES (KG_AEAD_TAG_BYTES + KG_AEAD_IV_BYTES)
#define KG_AEAD_CHECK_BYTES    2 /* trailer of those that take no key */
#define KG_AEAD_OVERHEAD_MAX   KG_AEAD_OVERHEAD_BYTES

struct kg_aead_spec {
	const char *name;       /* as in the configuration */
	uint8_t overhead_bytes; /* trailer that seal adds */
	bool keyed;             /* needs a password */
	const char *promise;    /* what users may expect of it, a sentence or two */
};

extern const struct kg_aead_spec kg_aead_spec_aes_gcm;
extern const struct kg_aead_spec kg_aead_spec_aes_ocb;
extern const struct kg_aead_spec kg_aead_spec_chacha20;
extern const struct kg_aead_spec kg_aead_spec_xchacha20;
extern const struct kg_aead_spec kg_aead_spec_xor;
extern const struct kg_aead_spec kg_aead_spec_none;

/* By the name of the configuration; case does not matter; NULL when unknown. Any thread. */
const struct kg_aead_spec *kg_aead_spec_lookup(const char *name);

struct kg_aead_job {
	uint8_t *data; /* seal: plaintext with `overhead` bytes of room behind; open: datagram */
	uint16_t len;  /* in: valid bytes at data; out: datagram or plaintext bytes */
	uint16_t iv;   /* seal: two random bytes */
	bool ok;       /* out: false when open() failed; data is then garbage */
};

/* A keyed algorithm's nonce is the iv again and again (docs/wire.md §3); `bytes` is even. */
static inline void kg_aead_nonce(uint8_t *nonce, size_t bytes, const uint8_t iv[KG_AEAD_IV_BYTES])
{
	for (size_t i = 0; i < bytes; i += KG_AEAD_IV_BYTES)
		memcpy(nonce + i, iv, KG_AEAD_IV_BYTES);
}

struct kg_aead_alg {
	const struct kg_aead_spec *spec;
	/* A context for one thread; NULL when out of memory or the CPU lacks what is needed. `key`
	 * is not read by algorithms that are not keyed. `associated`: a text that the tag covers
	 * and the wire does not carry; outlives the context. */
	void *(*create)(const uint8_t key[KG_AEAD_KEY_BYTES], const char *associated);
	void (*destroy)(void *ctx); /* wipes the key; NULL is allowed */
	void (*seal)(void *ctx, struct kg_aead_job *jobs, uint16_t n);
	void (*open)(void *ctx, struct kg_aead_job *jobs, uint16_t n);
};
