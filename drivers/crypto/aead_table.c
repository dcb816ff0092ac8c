/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/aead_table.h"

#include <strings.h>

#include "crypto/gcm_ipsec_mb.h"

static const struct kg_aead_alg *const algorithms[] = {
	&kg_aead_aes_gcm,
	&kg_aead_none,
};

const struct kg_aead_alg *kg_aead_lookup(const char *name)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(algorithms); i++) {
		if (strcasecmp(algorithms[i]->name, name) == 0)
			return algorithms[i];
	}
	return NULL;
}
