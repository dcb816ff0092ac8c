/* SPDX-License-Identifier: BSD-3-Clause */
/* Gathers shards in their groups, and recovers what is missing there. */
#include <string.h>

#include "base/bytes.h"
#include "fec/groups.h"

static bool has(const struct kg_fec_group *group, unsigned int sub)
{
	return kg_fec_is_in(group->have, sub);
}

/* ---- recovery ---- */

static void add_block(uint8_t *restrict sum, const uint8_t *restrict block, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum[i] ^= block[i];
}

struct recovery {
	uint8_t count;
	uint8_t lost[KG_FEC_SHARDS_MAX]; /* data shards */
	uint8_t rows[KG_FEC_SHARDS_MAX]; /* parity shards, as many */
	int spare;                       /* parity shard beyond these; -1: none */
};

static void choose(const struct kg_fec_code *code, const struct kg_fec_group *group,
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
static void solve(struct kg_fec *fec, const struct kg_fec_group *group,
		  const struct recovery *recovery)
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
static size_t good_bytes(struct kg_fec *fec, const struct kg_fec_group *group,
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

static size_t sure_bytes(const struct kg_fec_group *group)
{
	return KG_MIN(group->shortest, group->block);
}

static bool padded_with_zeros(const struct kg_fec *fec, const struct kg_fec_group *group,
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

/* How many bytes of all that was recovered are right, as far as tests say. */
static size_t tested_bytes(struct kg_fec_decoder *decoder, const struct kg_fec_group *group,
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

/* Where nobody would know a wrong byte: none that padding has a part in. */
static size_t believed_bytes(struct kg_fec_decoder *decoder, const struct kg_fec_group *group,
			     const struct recovery *recovery)
{
	size_t tested = tested_bytes(decoder, group, recovery);

	return decoder->fec->content->once && !decoder->trusted ? KG_MIN(tested, sure_bytes(group))
								: tested;
}

static void recover(struct kg_fec_decoder *decoder, struct kg_fec_group *group)
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
			kg_fec_group_tell(decoder, group, recovery.lost[i],
					  container + KG_FEC_LENGTH_BYTES, usable);
		KG_FEC_COUNT(decoder, recovered, usable > 0);
		KG_FEC_COUNT(decoder, refused, usable == 0);
		whole = whole && usable > 0 && usable == kg_load_be16(container);
	}
	/* Else a parity shard to spare may still come. */
	if (whole)
		kg_fec_group_finish(decoder, group);
}

/* All data and some parity: nothing to recover, but a test. */
static void test(struct kg_fec_decoder *decoder, struct kg_fec_group *group)
{
	const struct kg_fec_code *code = &decoder->fec->code;
	size_t good = group->block;

	for (unsigned int i = 0; i < code->parity; i++) {
		if (has(group, code->data + i))
			good = KG_MIN(good, kg_fec_zeros(group->sums->rows[i], group->block));
	}
	judge(decoder, good, sure_bytes(group), group->block);
	kg_fec_group_finish(decoder, group);
}

/* ---- input ---- */

/* For a container the end of the header becomes the length in front of the datagram. */
static void take_data(struct kg_fec_decoder *decoder, struct kg_fec_group *group,
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

static void take_parity(struct kg_fec_decoder *decoder, struct kg_fec_group *group,
			const struct kg_fec_shard *shard)
{
	const struct kg_fec_code *code = &decoder->fec->code;

	kg_fec_sums_extend(group->sums, code->parity, shard->len);
	add_block(group->sums->rows[shard->sub - code->data], shard->bytes, shard->len);
	group->block = shard->len;
	group->parity++;
}

/* The length of a block is that of the longest container. */
static bool fits(const struct kg_fec_group *group, const struct kg_fec_shard *shard)
{
	if (!shard->parity)
		return group->block == 0 || KG_FEC_LENGTH_BYTES + shard->len <= group->block;
	return shard->len >= group->longest && (group->block == 0 || shard->len == group->block);
}

static void take(struct kg_fec_decoder *decoder, struct kg_fec_group *group,
		 const struct kg_fec_shard *shard, uint8_t *body)
{
	uint8_t data = decoder->fec->code.data;

	kg_fec_enter(group->have, shard->sub);
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
	struct kg_fec_group *group;

	fec->found_count = fec->found_next = 0;
	if (!kg_fec_shard_decode(&shard, fec->content, fec->code.data, body, len) ||
	    shard.conv != decoder->conv || shard.sub >= fec->code.data + fec->code.parity)
		return KG_DROP_FEC_MALFORMED;
	if (!shard.parity && !fec->content->plausible(shard.bytes, shard.len, shard.conv))
		return KG_DROP_KCP_MALFORMED;
	group = kg_fec_group_of(decoder, &shard);
	if (!shard.parity)
		kg_fec_group_tell(decoder, group, shard.sub, shard.bytes, shard.len);
	if (!group || group->state != KG_FEC_GROUP_OPEN) {
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
