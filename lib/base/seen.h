/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Remembers digests for a while: has this exact datagram been served before? Fixed memory; when a
 * set is full the oldest entry gives way. The one structure that several workers write: each slot
 * is one atomic word, so the worst a race does is to refuse a datagram that will be sent again.
 */
#pragma once

#include "base/base.h"
#include "base/mem.h"

struct kg_seen;

/* `entries` is rounded up to a power of two; `keep_s` how long an entry counts. */
struct kg_seen *kg_seen_create(struct kg_mem *mem, uint32_t entries, uint32_t keep_s);
void kg_seen_destroy(struct kg_seen *seen);

/* True when `digest` was given before, not longer than keep_s ago; otherwise remembers it. */
bool kg_seen_test_and_set(struct kg_seen *seen, uint64_t digest, uint64_t now_us);
