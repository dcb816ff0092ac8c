/* SPDX-License-Identifier: BSD-3-Clause */
/* Hashes the password with OpenSSL's SHA3-256. */
#include "crypto/kdf.h"

#include <openssl/evp.h>

bool kg_kdf_sha3_256(const char *password, size_t len, uint8_t key[KG_AEAD_KEY_BYTES])
{
	return EVP_Digest(password, len, key, NULL, EVP_sha3_256(), NULL) == 1;
}
