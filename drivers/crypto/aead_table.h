/* SPDX-License-Identifier: BSD-3-Clause */
/* All algorithms of the box, by the names of the configuration. */
#pragma once

#include "aead/aead.h"

/* Case does not matter; NULL when unknown. Any thread. */
const struct kg_aead_alg *kg_aead_lookup(const char *name);
