/* SPDX-License-Identifier: BSD-3-Clause */
/* AES-256-OCB by OpenSSL. */
#pragma once

#include "aead/aead.h"

extern const struct kg_aead_alg kg_aead_aes_ocb;
