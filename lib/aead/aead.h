/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Seal and open datagrams (wire.md §2) through a table of algorithms. lib/ brings `none`;
 * drivers/crypto brings the rest and the table of all. Works on bursts, in place; open() leaves the
 * trailer behind the plaintext as it came.
 */
#pragma once

#include "base/base.h"

#define KG_AEAD_KEY_BYTES        32
#define KG_AEAD_TAG_BYTES        16
#define KG_AEAD_IV_BYTES         2
#define KG_AEAD_OVERHEAD_BYTES   (KG_AEAD_TAG_BYTES + KG_AEAD_IV_BYTES)
#define KG_AEAD_OVERHEAD_MAX     KG_AEAD_OVERHEAD_BYTES
#define KG_AEAD_ASSOCIATED       "KCP PortHopping"
#define KG_AEAD_ASSOCIATED_BYTES 15

struct kg_aead_job {
	uint8_t *data; /* seal: plaintext with `overhead` bytes of room behind; open: datagram */
	uint16_t len;  /* in: valid bytes at data; out: datagram or plaintext bytes */
	uint16_t iv;   /* seal: two random bytes */
	bool ok;       /* out: false when open() failed; data is then garbage */
};

struct kg_aead_alg {
	const char *name;       /* as in the configuration */
	uint8_t overhead_bytes; /* trailer that seal adds */
	bool keyed;             /* needs a password */
	/* A context for one thread; NULL when out of memory or the CPU lacks what is needed. */
	void *(*create)(const uint8_t key[KG_AEAD_KEY_BYTES]);
	void (*destroy)(void *ctx); /* wipes the key */
	void (*seal)(void *ctx, struct kg_aead_job *jobs, uint16_t n);
	void (*open)(void *ctx, struct kg_aead_job *jobs, uint16_t n);
};

/* No key: a folded CRC-32 behind the plaintext finds accidents, keeps nothing secret. */
extern const struct kg_aead_alg kg_aead_none;
