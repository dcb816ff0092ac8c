/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SipHash-2-4 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012). For tables whose keys
 * strangers choose: who does not know the key cannot find values that meet.
 */
#pragma once

#include "base/base.h"

struct kg_siphash_key {
	uint64_t words[2];
};

uint64_t kg_siphash(const struct kg_siphash_key *key, const void *bytes, size_t len);
