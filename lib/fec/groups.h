/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The groups that a decoder knows, a ring of them by their number, and what of each has come out.
 * The newest number seen decides which are too late; numbers are compared by signed difference, so
 * a late shard never disturbs a newer group.
 */
#pragma once

#include "fec/internal.h"
#include "fec/judge.h"

#define KG_FEC_SET_WORDS ((KG_FEC_SHARDS_MAX + 64) / 64)

enum kg_fec_group_state {
	KG_FEC_GROUP_FREE,
	KG_FEC_GROUP_OPEN,
	KG_FEC_GROUP_OVER, /* nothing to be expected of it */
};

struct kg_fec_group {
	struct kg_fec_sums *sums; /* while open */
	uint32_t sn;
	uint8_t state;              /* enum kg_fec_group_state */
	uint8_t data, parity;       /* shards received */
	uint16_t shortest, longest; /* containers of the data received; UINT16_MAX, 0: none */
	uint16_t block;             /* bytes of its parity; 0: none received */
	uint64_t have[KG_FEC_SET_WORDS];
	uint64_t told[KG_FEC_SET_WORDS]; /* data that has come out, received or recovered */
};

struct kg_fec_decoder {
	struct kg_fec *fec;
	struct kg_fec_judge judge;
	struct kg_fec_stats stats;
	uint32_t conv;
	uint32_t newest;
	uint32_t ring_mask;
	uint32_t late; /* in sequence */
	bool heard, trusted;
	uint16_t *marks; /* where contents come out once: by these they are known again */
	struct kg_fec_group ring[];
};

static inline bool kg_fec_is_in(const uint64_t set[KG_FEC_SET_WORDS], unsigned int sub)
{
	return set[sub / 64] >> sub % 64 & 1;
}

static inline void kg_fec_enter(uint64_t set[KG_FEC_SET_WORDS], unsigned int sub)
{
	set[sub / 64] |= (uint64_t)1 << sub % 64;
}

/* Nothing more is expected of it, and its memory goes back. */
void kg_fec_group_finish(struct kg_fec_decoder *decoder, struct kg_fec_group *group);
/* Whose the shard is, begun if need be; NULL: it is too late. A peer that was started anew is
 * noticed here, and what it had begun before is forgotten. */
struct kg_fec_group *kg_fec_group_of(struct kg_fec_decoder *decoder,
				     const struct kg_fec_shard *shard);
/* A datagram, which comes out unless it has. `group`: NULL when that is too late to be known. */
void kg_fec_group_tell(struct kg_fec_decoder *decoder, struct kg_fec_group *group, unsigned int sub,
		       const uint8_t *bytes, uint16_t len);
