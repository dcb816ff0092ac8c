/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists what each algorithm is called, adds to a datagram and promises. */
#include "aead/aead.h"

#include <strings.h>

#define AEAD_PROMISE                                                                      \
	"KCPTube's wire hides and checks the traffic; it does not keep it secret from a " \
	"determined "                                                                     \
	"observer"

#define AEAD(text)                                                                     \
	{                                                                              \
		.name = text, .overhead_bytes = KG_AEAD_OVERHEAD_BYTES, .keyed = true, \
		.promise = AEAD_PROMISE                                                \
	}

const struct kg_aead_spec kg_aead_spec_aes_gcm = AEAD("AES-GCM");
const struct kg_aead_spec kg_aead_spec_aes_ocb = AEAD("AES-OCB");
const struct kg_aead_spec kg_aead_spec_chacha20 = AEAD("chacha20");
const struct kg_aead_spec kg_aead_spec_xchacha20 = AEAD("xchacha20");

const struct kg_aead_spec kg_aead_spec_xor = {
	.name = "XOR",
	.overhead_bytes = KG_AEAD_CHECK_BYTES,
	.promise = "Without a key it hides nothing from anybody who looks twice, and anybody can "
		   "send into the tunnel; only accidental changes are found",
};

const struct kg_aead_spec kg_aead_spec_none = {
	.name = "none",
	.overhead_bytes = KG_AEAD_CHECK_BYTES,
	.promise = "Everybody on the way can read the traffic, and send into the tunnel; only "
		   "accidental changes are found",
};

const struct kg_aead_spec *kg_aead_spec_lookup(const char *name)
{
	static const struct kg_aead_spec *const specs[] = {
		&kg_aead_spec_aes_gcm,   &kg_aead_spec_aes_ocb, &kg_aead_spec_chacha20,
		&kg_aead_spec_xchacha20, &kg_aead_spec_xor,     &kg_aead_spec_none,
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(specs); i++) {
		if (strcasecmp(specs[i]->name, name) == 0)
			return specs[i];
	}
	return NULL;
}
