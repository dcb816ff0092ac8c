/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Has this exact datagram been served before? Remembers digests for as long as a copy would pass
 * for new by its stamp. What it cannot know it refuses: copies that may be of an earlier life, and
 * where a set has overflowed, whatever is not younger than what was forgotten there. So at any rate
 * nothing is served twice; beyond the rate that the table is made for (entries by keep_s) senders
 * whose clock is behind are refused first.
 *
 * Fixed memory. The one structure that several workers write: each slot is one atomic word, so the
 * worst a race does is to refuse a datagram that will be sent again.
 */
#pragma once

#include "base/base.h"
#include "base/drop.h"
#include "base/mem.h"

struct kg_seen;

/*
 * `entries` is rounded up to 7 times a power of two; `keep_s`: how long after its stamp a datagram
 * may still be taken. `second_us`: when, by the clock of now_us, the second of the wall clock began
 * that the table is made in. What was stamped in it or before may be of an earlier life.
 */
struct kg_seen *kg_seen_create(struct kg_mem *mem, uint32_t entries, uint32_t keep_s,
			       uint64_t second_us);
void kg_seen_destroy(struct kg_seen *seen);

/*
 * KG_DROP_NONE: new, and remembered from now on. Otherwise KG_DROP_HANDSHAKE_REPLAYED, or
 * KG_DROP_HANDSHAKE_STALE where that cannot be known. `age_s`: since it was stamped; below 0 its
 * sender's clock is ahead.
 */
enum kg_drop kg_seen_enter(struct kg_seen *seen, uint64_t digest, int32_t age_s, uint64_t now_us);

/* Entries that were forgotten before their time, ever: the rate is above what the table is made
 * for. Any thread. */
uint64_t kg_seen_forgotten(const struct kg_seen *seen);
