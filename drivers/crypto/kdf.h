/* SPDX-License-Identifier: BSD-3-Clause */
/* From the password of the configuration to the key of all AEADs (docs/wire.md §3). */
#pragma once

#include "aead/aead.h"

/*
 * SHA3-256 of the password's bytes as they are. False when the library fails; then `key` is
 * undefined. The caller wipes the key when its contexts are made. Any thread.
 */
bool kg_kdf_sha3_256(const char *password, size_t len, uint8_t key[KG_AEAD_KEY_BYTES]);
