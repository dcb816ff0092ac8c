/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists all algorithms; a new one is a line here and one in lib/aead/spec.c. */
#include "crypto/aead_table.h"

#include "crypto/chacha_sodium.h"
#include "crypto/check_isal.h"
#include "crypto/gcm_ipsec_mb.h"
#include "crypto/ocb_openssl.h"

const struct kg_aead_alg *const kg_aead_algorithms[KG_AEAD_ALGORITHMS] = {
	&kg_aead_aes_gcm,   &kg_aead_aes_ocb, &kg_aead_chacha20,
	&kg_aead_xchacha20, &kg_aead_xor,     &kg_aead_none,
};

const struct kg_aead_alg *kg_aead_lookup(const char *name)
{
	const struct kg_aead_spec *spec = kg_aead_spec_lookup(name);

	for (size_t i = 0; i < KG_AEAD_ALGORITHMS; i++) {
		if (kg_aead_algorithms[i]->spec == spec)
			return kg_aead_algorithms[i];
	}
	return NULL;
}
