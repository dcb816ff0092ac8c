/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Puts datagrams together that IP has cut on the way: DPDK's table of fragments, bounded in number
 * and time. Of one worker.
 */
#pragma once

#include "base/base.h"
#include "net/frame.h"

#include <rte_mbuf.h>

/* Fragments that may wait for others of their datagram, and for how long. When there are as many,
 * those that have waited for long give way. */
#define KG_REASSEMBLY_FRAGMENTS 256
#define KG_REASSEMBLY_WAIT_US   (2ull * KG_US_PER_S)
#define KG_REASSEMBLY_LONG_US   (50ull * KG_US_PER_MS)

struct kg_reassembly;

/* NULL when memory is short. */
struct kg_reassembly *kg_reassembly_create(void);
void kg_reassembly_destroy(struct kg_reassembly *r);

/* Takes a fragment whose frame was parsed. When it was the last that was missing: the whole
 * datagram, a chain of them; NULL otherwise. */
struct rte_mbuf *kg_reassembly_take(struct kg_reassembly *r, struct rte_mbuf *m,
				    const struct kg_frame *frame, uint64_t now_us);

/* Notes whether the datagram that begins with this fragment is put together here. */
void kg_reassembly_note(struct kg_reassembly *r, const struct kg_frame *first, bool here);
/* Whether the datagram of a later fragment was lately noted as one that is. */
bool kg_reassembly_expects(const struct kg_reassembly *r, const struct kg_frame *later);

/* Gives those up that waited in vain. */
void kg_reassembly_expire(struct kg_reassembly *r, uint64_t now_us);
/* Fragments that were given up since the last call. */
uint32_t kg_reassembly_take_lost(struct kg_reassembly *r);
