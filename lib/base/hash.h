/* SPDX-License-Identifier: BSD-3-Clause */
/* 64-bit hash of bytes, not cryptographic: all input bits reach all output bits. */
#pragma once

#include "base/base.h"

uint64_t kg_hash64(const void *bytes, size_t len, uint64_t seed);
