/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * KCPTube's envelope: what surrounds a body before encryption (docs/wire.md §1), a timestamp:u32le
 * in Unix seconds.
 */
#pragma once

#include "base/base.h"
#include "base/drop.h"

#define KG_ENVELOPE_BYTES   4
#define KG_CLOCK_SKEW_MAX_S 255

void kg_envelope_write(uint8_t out[KG_ENVELOPE_BYTES], uint32_t unix_s);

/*
 * Checks length and clock; the difference is a signed 32-bit one, so 2106 passes unnoticed. On
 * KG_DROP_NONE *body and *body_len are what follows. *skew_s (may be NULL) is theirs minus ours.
 */
enum kg_drop kg_envelope_open(const uint8_t *plain, size_t len, uint32_t unix_s,
			      const uint8_t **body, size_t *body_len, int32_t *skew_s);
