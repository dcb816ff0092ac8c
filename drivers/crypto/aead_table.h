/* SPDX-License-Identifier: BSD-3-Clause */
/* All algorithms of the box, by the names of the configuration. */
#pragma once

#include "aead/aead.h"

#define KG_AEAD_ALGORITHMS 6
extern const struct kg_aead_alg *const kg_aead_algorithms[KG_AEAD_ALGORITHMS];

/* Case does not matter; NULL when unknown. Any thread. */
const struct kg_aead_alg *kg_aead_lookup(const char *name);
