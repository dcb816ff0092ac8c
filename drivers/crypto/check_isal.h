/* SPDX-License-Identifier: BSD-3-Clause */
/* The two algorithms without a key, `none` and `XOR`, with ISA-L's CRC-32. */
#pragma once

#include "aead/aead.h"

extern const struct kg_aead_alg kg_aead_none;
extern const struct kg_aead_alg kg_aead_xor;
