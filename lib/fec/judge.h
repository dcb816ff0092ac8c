/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What of a recovered datagram may be used (docs/fec.md §6, §7). KCP has no checksum; a peer may
 *
 *   pad with whatever is in its memory   bytes behind the shortest container that was received are
 *                                        then wrong, all before are right
 *   make wrong parity                    all is wrong, or only some of it
 *
 * Every group that says more than is needed is a test of the peer: all data and a parity shard, or
 * a parity shard to spare after a recovery. A recovery that passes its own test is right. One that
 * has none is believed as far as earlier tests carry: after KG_FEC_TESTS groups that passed, up to
 * the shortest container; after as many that passed with containers of different lengths, whole.
 * A failure begins its count again, and doubles what is asked for.
 */
#pragma once

#include "fec/internal.h"

#define KG_FEC_TESTS 8

struct kg_fec_judge {
	struct kg_fec_record {
		uint32_t wanted, passed; /* tests, in sequence */
	} parity, padding;
};

void kg_fec_judge_init(struct kg_fec_judge *judge);
void kg_fec_judge_trust(struct kg_fec_judge *judge);

enum kg_fec_verdict {
	KG_FEC_RIGHT,
	KG_FEC_PARITY_WRONG,
	KG_FEC_PADDING_WRONG,
};

/*
 * A test: the first `good` bytes of `len` were as they should be. `sure` bytes do not depend on
 * padding: the length of the shortest container that took part.
 */
enum kg_fec_verdict kg_fec_judge_test(struct kg_fec_judge *judge, size_t good, size_t sure,
				      size_t len);

/* How many bytes to believe of a recovery that could not be tested. */
size_t kg_fec_judge_believes(const struct kg_fec_judge *judge, size_t sure, size_t len);

/* Bytes before the first that is not 0; `len` when there is none. */
size_t kg_fec_zeros(const uint8_t *bytes, size_t len);

/*
 * Bytes of the datagram in a recovered container that can be used, when the first `believed` bytes
 * of the container are right. 0: it does not hold a datagram of this conv, or nothing is believed.
 */
uint16_t kg_fec_usable(const struct kg_fec_content *content, const uint8_t *container, size_t len,
		       size_t believed, uint32_t conv);
