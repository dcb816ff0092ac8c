/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of FEC share. */
#pragma once

#include <sys/queue.h>

#include "fec/code.h"
#include "fec/fec.h"
#include "wire/profile.h"

/* Of the largest UDP payload, that a parity block can fill. */
#define KG_FEC_CONTAINER_MAX (KG_BODY_MAX_BYTES - KG_FEC_PARITY_HEADER_BYTES)
/* Room for a block. No power of two, so that the same place of all blocks is not in one cache set.
 */
#define KG_FEC_BLOCK_BYTES 2112

_Static_assert(KG_FEC_CONTAINER_MAX <= KG_FEC_BLOCK_BYTES, "a block has no room");

/* Blocks side by side. Behind `len` they are all zeros that have not been written yet. */
struct kg_fec_sums {
	TAILQ_ENTRY(kg_fec_sums) link;  /* of those to spare, or of a decoder's that are open */
	struct kg_fec_decoder *decoder; /* and the group is this one of its */
	uint32_t sn;
	uint32_t age; /* fec->age when the group began */
	uint16_t len;
	uint8_t *rows[];
};

TAILQ_HEAD(kg_fec_sums_list, kg_fec_sums);

struct kg_fec {
	struct kg_mem *mem;
	const struct kg_rs_alg *rs;
	const struct kg_fec_content *content;
	struct kg_fec_code code;
	uint8_t solve_max; /* datagrams that can be missing: data or parity, whichever is less */
	uint8_t *tables;   /* of the whole code */
	/* to recover with: a matrix, its tables, what comes out, and room to check it */
	uint8_t *matrix, *solve_tables;
	struct kg_fec_sums *solved, *check;
	/* of groups that are over, for the next ones of any channel */
	struct kg_fec_sums_list spare;
	uint32_t spare_count;
	uint32_t sums_count; /* of groups: these, decoders' open ones, and what encoders have */
	struct kg_fec_sums_list open; /* of decoders' groups, oldest first */
	uint32_t open_count;
	uint32_t age;              /* how often kg_fec_age was called */
	struct kg_fec_stats stats; /* of all encoders and decoders */
	/* what the last input brought */
	struct kg_fec_found {
		const uint8_t *bytes;
		uint16_t len;
	} found[KG_FEC_SHARDS_MAX + 1];
	uint16_t found_count, found_next;
};

void kg_fec_stats_add(struct kg_fec_stats *sum, const struct kg_fec_stats *stats);
/* For an encoder or decoder and for all of its kg_fec. */
#define KG_FEC_COUNT(owner, counter, n) \
	((owner)->stats.counter += (n), (owner)->fec->stats.counter += (n))

/* Groups have as much memory as they leave for others to grow; it may have become less. */
bool kg_fec_has_its_share(const struct kg_fec *fec);
/* For a group: a block per parity shard, no bytes long. NULL when groups have their share, or what
 * is left is kept for what cannot do without. */
struct kg_fec_sums *kg_fec_sums_take(struct kg_fec *fec);
/* The same. Where there are too many open groups of decoders the oldest of all channels give way:
 * two for each that comes, so that they become fewer when their share does. */
struct kg_fec_sums *kg_fec_sums_claim(struct kg_fec *fec);
/* When it is over. NULL is allowed. */
void kg_fec_sums_give(struct kg_fec *fec, struct kg_fec_sums *sums);
/* No more to spare than `most`. */
void kg_fec_sums_keep(struct kg_fec *fec, uint32_t most);
/* Makes them at least `len` bytes long. */
void kg_fec_sums_extend(struct kg_fec_sums *sums, uint8_t rows, uint16_t len);

/* Adds a container, without its padding, with its coefficients of all parity shards. */
void kg_fec_add(const struct kg_fec *fec, struct kg_fec_sums *sums, uint8_t sub,
		const uint8_t *container, uint16_t len);
