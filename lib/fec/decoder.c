/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Gathers shards in their groups, and recovers what is missing there. Groups live in a ring by
 * their number. The newest number seen decides which are too late; numbers are compared by signed
 * difference, so a late shard never disturbs a newer group.
 */
#include <string.h>

#include "base/bytes.h"
#include "fec/judge.h"

#define RING_GROUPS_MIN 8   /* groups that can be open */
#define RING_SHARDS_MIN 128 /* small groups pass fast: more of them, for the same disorder */

#define SET_WORDS ((KG_FEC_SHARDS_MAX + 64) / 64)

enum group_state {
	GROUP_FREE,
	GROUP_OPEN,
	GROUP_OVER, /* nothing to be expected of it */
};

struct group {
	struct kg_fec_sums *sums; /* while open */
	uint32_t sn;
	uint8_t state;              /* enum group_state */
	uint8_t data, parity;       /* shards received */
	uint16_t shortest, longest; /* containers of the data received; UINT16_MAX, 0: none */
	uint16_t block;             /* bytes of its parity; 0: none received */
	uint64_t have[SET_WORDS];
	uint64_t told[SET_WORDS]; /* data that has come out, received or recovered */
};

/* So many too late ones in sequence: the peer counts from somewhere else. */
#define LATE_MAX 16

struct kg_fec_decoder {
	struct kg_fec *fec;
	struct kg_fec_judge judge;
	struct kg_fec_stats stats;
	uint32_t conv;
	uint32_t newest;
	uint32_t ring_mask;
	uint32_t late; /* in sequence */
	bool heard;
	struct group ring[];
};

/* ---- life ---- */

static uint32_t ring_groups(const struct kg_fec *fec)
{
	uint32_t groups = RING_GROUPS_MIN;

	while (groups * (fec->code.data + fec->code.parity) < RING_SHARDS_MIN)
		groups *= 2;
	return groups;
}

static size_t decoder_bytes(const struct kg_fec *fec)
{
	return sizeof(struct kg_fec_decoder) + ring_groups(fec) * sizeof(struct group);
}

struct kg_fec_decoder *kg_fec_decoder_create(struct kg_fec *fec, uint32_t conv)
{
	struct kg_fec_decoder *decoder = kg_mem_alloc(fec->mem, decoder_bytes(fec));

	if (!decoder)
		return NULL;
	decoder->fec = fec;
	decoder->conv = conv;
	decoder->ring_mask = ring_groups(fec) - 1;
	kg_fec_judge_init(&decoder->judge);
	return decoder;
}

static void release(struct kg_fec_decoder *decoder, struct group *group)
{
	struct kg_fec *fec = decoder->fec;

	if (!group->sums)
		return;
	TAILQ_REMOVE(&fec->open, group->sums, link);
	fec->open_count--;
	kg_fec_sums_give(fec, group->sums);
	group->sums = NULL;
}

void kg_fec_decoder_destroy(struct kg_fec_decoder *decoder)
{
	if (!decoder)
		return;
	for (uint32_t i = 0; i <= decoder->ring_mask; i++)
		release(decoder, &decoder->ring[i]);
	kg_mem_free(decoder->fec->mem, decoder, decoder_bytes(decoder->fec));
}

void kg_fec_decoder_trust(struct kg_fec_decoder *decoder)
{
	kg_fec_judge_trust(&decoder->judge);
}

/* ---- groups ---- */

static bool is_in(const uint64_t set[SET_WORDS], unsigned int sub)
{
	return set[sub / 64] >> sub % 64 & 1;
}

static void enter(uint64_t set[SET_WORDS], unsigned int sub)
{
	set[sub / 64] |= (uint64_t)1 << sub % 64;
}

static bool has(const struct group *group, unsigned int sub)
{
	return is_in(group->have, sub);
}

static void finish(struct kg_fec_decoder *decoder, struct group *group)
{
	release(decoder, group);
	group->state = GROUP_OVER;
}

static void give_up(struct kg_fec_decoder *decoder, struct group *group)
{
	if (group->state == GROUP_OPEN)
		KG_FEC_COUNT(decoder, missing, decoder->fec->code.data - group->data);
	finish(decoder, group);
}

static void give_up_oldest(struct kg_fec *fec)
{
	struct kg_fec_sums *oldest = TAILQ_FIRST(&fec->open);
	struct kg_fec_decoder *decoder = oldest->decoder;

	give_up(decoder, &decoder->ring[oldest->sn & decoder->ring_mask]);
}

void kg_fec_age(struct kg_fec *fec)
{
	while (!TAILQ_EMPTY(&fec->open) && TAILQ_FIRST(&fec->open)->age != fec->age)
		give_up_oldest(fec);
	if (TAILQ_EMPTY(&fec->open))
		kg_fec_sums_keep(fec, 0);
	fec->age++;
}

/* Where there are too many open groups the oldest of all channels gives way. */
static struct kg_fec_sums *take_sums(struct kg_fec *fec)
{
	struct kg_fec_sums *sums = kg_fec_sums_take(fec);

	if (sums || TAILQ_EMPTY(&fec->open))
		return sums;
	give_up_oldest(fec);
	return kg_fec_sums_take(fec);
}

static void own(struct kg_fec_decoder *decoder, struct kg_fec_sums *sums, uint32_t sn)
{
	struct kg_fec *fec = decoder->fec;

	sums->decoder = decoder;
	sums->sn = sn;
	sums->age = fec->age;
	TAILQ_INSERT_TAIL(&fec->open, sums, link);
	fec->open_count++;
}

static void begin(struct kg_fec_decoder *decoder, struct group *group, uint32_t sn)
{
	struct kg_fec_sums *sums;

	give_up(decoder, group);
	sums = take_sums(decoder->fec);
	if (sums)
		own(decoder, sums, sn);
	*group = (struct group){
		.sums = sums,
		.sn = sn,
		.state = sums ? GROUP_OPEN : GROUP_OVER,
		.shortest = UINT16_MAX,
	};
}

/* A peer that was started anew counts from 0 again, where nothing else tells. */
static bool is_too_late(struct kg_fec_decoder *decoder, int32_t ahead)
{
	bool late = decoder->heard && ahead < -(int32_t)decoder->ring_mask;

	decoder->late = late ? decoder->late + 1 : 0;
	if (decoder->late < LATE_MAX || !decoder->fec->content->nameless)
		return late;
	decoder->heard = false;
	decoder->late = 0;
	return false;
}

/* NULL: too late. */
static struct group *find_group(struct kg_fec_decoder *decoder, uint32_t sn)
{
	int32_t ahead = (int32_t)(sn - decoder->newest);
	struct group *group = &decoder->ring[sn & decoder->ring_mask];

	if (is_too_late(decoder, ahead))
		return NULL;
	if (ahead > 0 || !decoder->heard)
		decoder->newest = sn;
	decoder->heard = true;
	if (group->state == GROUP_FREE || group->sn != sn)
		begin(decoder, group, sn);
	return group;
}

/* ---- recovery ---- */

static void add_block(uint8_t *restrict sum, const uint8_t *restrict block, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum[i] ^= block[i];
}

/* Of a group, NULL: one that is too late to be known. */
static void find(struct kg_fec *fec, struct group *group, unsigned int sub, const uint8_t *bytes,
		 uint16_t len)
{
	if (group != NULL && fec->content->once) {
		if (is_in(group->told, sub))
			return;
		enter(group->told, sub);
	}
	fec->found[fec->found_count].bytes = bytes;
	fec->found[fec->found_count++].len = len;
}

struct recovery {
	uint8_t count;
	uint8_t lost[KG_FEC_SHARDS_MAX]; /* data shards */
	uint8_t rows[KG_FEC_SHARDS_MAX]; /* parity shards, as many */
	int spare;                       /* parity shard beyond these; -1: none */
};

static void choose(const struct kg_fec_code *code, const struct group *group,
		   struct recovery *recovery)
{
	unsigned int rows = 0;

	*recovery = (struct recovery){ .spare = -1 };
	for (unsigned int i = 0; i < code->data; i++) {
		if (!has(group, i))
			recovery->lost[recovery->count++] = (uint8_t)i;
	}
	for (unsigned int i = 0; i < code->parity && recovery->spare < 0; i++) {
		if (!has(group, code->data + i))
			continue;
		if (rows < recovery->count)
			recovery->rows[rows++] = (uint8_t)i;
		else
			recovery->spare = (int)i;
	}
}

/* The containers of what is lost, into fec->solved. */
static void solve(struct kg_fec *fec, const struct group *group, const struct recovery *recovery)
{
	const uint8_t *sums[KG_FEC_SHARDS_MAX];

	for (unsigned int i = 0; i < recovery->count; i++)
		sums[i] = group->sums->rows[recovery->rows[i]];
	kg_fec_code_invert(&fec->code, recovery->rows, recovery->lost, recovery->count,
			   fec->matrix);
	fec->rs->expand(fec->solve_tables, fec->matrix, recovery->count, recovery->count);
	fec->rs->multiply(fec->solve_tables, recovery->count, recovery->count, sums, group->block,
			  fec->solved->rows);
}

/* What was recovered, with the spare parity's coefficients, must make up its sum. */
static size_t good_bytes(struct kg_fec *fec, const struct group *group,
			 const struct recovery *recovery)
{
	uint8_t *check = fec->check->rows[0];

	for (unsigned int i = 0; i < recovery->count; i++)
		fec->matrix[i] = kg_fec_code_coefficient(&fec->code, (uint8_t)recovery->spare,
							 recovery->lost[i]);
	fec->rs->expand(fec->solve_tables, fec->matrix, 1, recovery->count);
	fec->rs->multiply(fec->solve_tables, 1, recovery->count,
			  (const uint8_t *const *)fec->solved->rows, group->block, &check);
	add_block(check, group->sums->rows[recovery->spare], group->block);
	return kg_fec_zeros(check, group->block);
}

static size_t sure_bytes(const struct group *group)
{
	return KG_MIN(group->shortest, group->block);
}

static bool padded_with_zeros(const struct kg_fec *fec, const struct group *group,
			      const struct recovery *recovery)
{
	for (unsigned int i = 0; i < recovery->count; i++) {
		const uint8_t *container = fec->solved->rows[i];
		size_t len = (size_t)KG_FEC_LENGTH_BYTES + kg_load_be16(container);

		if (len < group->block &&
		    kg_fec_zeros(container + len, group->block - len) < group->block - len)
			return false;
	}
	return true;
}

static void judge(struct kg_fec_decoder *decoder, size_t good, size_t sure, size_t len)
{
	enum kg_fec_verdict verdict = kg_fec_judge_test(&decoder->judge, good, sure, len);

	KG_FEC_COUNT(decoder, peer_wrong, verdict != KG_FEC_RIGHT);
	KG_FEC_COUNT(decoder, parity_wrong, verdict == KG_FEC_PARITY_WRONG);
	KG_FEC_COUNT(decoder, padding_wrong, verdict == KG_FEC_PADDING_WRONG);
}

/* How many bytes of all that was recovered are right. */
static size_t believed_bytes(struct kg_fec_decoder *decoder, const struct group *group,
			     const struct recovery *recovery)
{
	size_t block = group->block, sure = sure_bytes(group), good;

	if (recovery->spare >= 0) {
		good = good_bytes(decoder->fec, group, recovery);
		judge(decoder, good, sure, block);
		return good == block ? block : good < sure ? 0 : sure;
	}
	if (kg_fec_judge_believes(&decoder->judge, sure, block) > sure &&
	    !padded_with_zeros(decoder->fec, group, recovery))
		judge(decoder, sure, sure, block);
	return kg_fec_judge_believes(&decoder->judge, sure, block);
}

static void recover(struct kg_fec_decoder *decoder, struct group *group)
{
	struct kg_fec *fec = decoder->fec;
	struct recovery recovery;
	bool whole = true;
	size_t believed;

	choose(&fec->code, group, &recovery);
	solve(fec, group, &recovery);
	believed = believed_bytes(decoder, group, &recovery);
	for (unsigned int i = 0; i < recovery.count; i++) {
		const uint8_t *container = fec->solved->rows[i];
		uint16_t usable = kg_fec_usable(fec->content, container, group->block, believed,
						decoder->conv);

		if (usable > 0)
			find(fec, group, recovery.lost[i], container + KG_FEC_LENGTH_BYTES, usable);
		KG_FEC_COUNT(decoder, recovered, usable > 0);
		KG_FEC_COUNT(decoder, refused, usable == 0);
		whole = whole && usable > 0 && usable == kg_load_be16(container);
	}
	/* Else a parity shard to spare may still come. */
	if (whole)
		finish(decoder, group);
}

/* All data and some parity: nothing to recover, but a test. */
static void test(struct kg_fec_decoder *decoder, struct group *group)
{
	const struct kg_fec_code *code = &decoder->fec->code;
	size_t good = group->block;

	for (unsigned int i = 0; i < code->parity; i++) {
		if (has(group, code->data + i))
			good = KG_MIN(good, kg_fec_zeros(group->sums->rows[i], group->block));
	}
	judge(decoder, good, sure_bytes(group), group->block);
	finish(decoder, group);
}

/* ---- input ---- */

/* For a container the end of the header becomes the length in front of the datagram. */
static void take_data(struct kg_fec_decoder *decoder, struct group *group,
		      const struct kg_fec_shard *shard, uint8_t *body)
{
	uint16_t len = (uint16_t)(KG_FEC_LENGTH_BYTES + shard->len);
	uint8_t *container = body + KG_FEC_HEADER_BYTES - KG_FEC_LENGTH_BYTES;

	kg_store_be16(container, shard->len);
	kg_fec_add(decoder->fec, group->sums, shard->sub, container, len);
	group->shortest = KG_MIN(group->shortest, len);
	group->longest = KG_MAX(group->longest, len);
	group->data++;
}

static void take_parity(struct kg_fec_decoder *decoder, struct group *group,
			const struct kg_fec_shard *shard)
{
	const struct kg_fec_code *code = &decoder->fec->code;

	kg_fec_sums_extend(group->sums, code->parity, shard->len);
	add_block(group->sums->rows[shard->sub - code->data], shard->bytes, shard->len);
	group->block = shard->len;
	group->parity++;
}

/* The length of a block is that of the longest container. */
static bool fits(const struct group *group, const struct kg_fec_shard *shard)
{
	if (!shard->parity)
		return group->block == 0 || KG_FEC_LENGTH_BYTES + shard->len <= group->block;
	return shard->len >= group->longest && (group->block == 0 || shard->len == group->block);
}

static void take(struct kg_fec_decoder *decoder, struct group *group,
		 const struct kg_fec_shard *shard, uint8_t *body)
{
	uint8_t data = decoder->fec->code.data;

	enter(group->have, shard->sub);
	if (shard->parity)
		take_parity(decoder, group, shard);
	else
		take_data(decoder, group, shard, body);
	if (group->data == data && group->parity > 0)
		test(decoder, group);
	else if (group->data < data && group->data + group->parity >= data)
		recover(decoder, group);
}

enum kg_drop kg_fec_decoder_input(struct kg_fec_decoder *decoder, uint8_t *body, size_t len)
{
	struct kg_fec *fec = decoder->fec;
	struct kg_fec_shard shard;
	struct group *group;

	fec->found_count = fec->found_next = 0;
	if (!kg_fec_shard_decode(&shard, fec->content, fec->code.data, body, len) ||
	    shard.conv != decoder->conv || shard.sub >= fec->code.data + fec->code.parity)
		return KG_DROP_FEC_MALFORMED;
	if (!shard.parity && !fec->content->plausible(shard.bytes, shard.len, shard.conv))
		return KG_DROP_KCP_MALFORMED;
	group = find_group(decoder, shard.sn);
	if (!shard.parity)
		find(fec, group, shard.sub, shard.bytes, shard.len);
	if (!group || group->state != GROUP_OPEN) {
		KG_FEC_COUNT(decoder, late, group == NULL);
		KG_FEC_COUNT(decoder, unneeded, group != NULL);
		return KG_DROP_NONE;
	}
	if (has(group, shard.sub)) {
		KG_FEC_COUNT(decoder, duplicates, 1);
		return KG_DROP_NONE;
	}
	if (!fits(group, &shard))
		return shard.parity ? KG_DROP_FEC_MALFORMED : KG_DROP_NONE;
	KG_FEC_COUNT(decoder, received, !shard.parity);
	KG_FEC_COUNT(decoder, parity_received, shard.parity);
	take(decoder, group, &shard, body);
	return KG_DROP_NONE;
}

bool kg_fec_decoder_output(struct kg_fec_decoder *decoder, const uint8_t **datagram, uint16_t *len)
{
	struct kg_fec *fec = decoder->fec;

	if (fec->found_next == fec->found_count)
		return false;
	*datagram = fec->found[fec->found_next].bytes;
	*len = fec->found[fec->found_next++].len;
	return true;
}

void kg_fec_decoder_add_stats(const struct kg_fec_decoder *decoder, struct kg_fec_stats *stats)
{
	kg_fec_stats_add(stats, &decoder->stats);
}
