/* SPDX-License-Identifier: BSD-3-Clause */
/* AES-256-GCM by intel-ipsec-mb. */
#pragma once

#include "aead/aead.h"

extern const struct kg_aead_alg kg_aead_aes_gcm;
