/* SPDX-License-Identifier: BSD-3-Clause */
/* ChaCha20-Poly1305 as it was before RFC 8439, and XChaCha20-Poly1305, by libsodium. */
#pragma once

#include "aead/aead.h"

extern const struct kg_aead_alg kg_aead_chacha20;
extern const struct kg_aead_alg kg_aead_xchacha20;
