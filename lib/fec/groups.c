/* SPDX-License-Identifier: BSD-3-Clause */
/* Keeps the groups of a decoder: which there are, how long, and what has come out of each. */
#include "fec/groups.h"

#include "base/bytes.h"

#define RING_GROUPS_MIN 8   /* groups that can be open */
#define RING_SHARDS_MIN 128 /* small groups pass fast: more of them, for the same disorder */

/* So many too late ones in sequence: the peer counts from somewhere else. */
#define LATE_MAX 16

/* What tells datagrams apart stands at their ends: counters, checksums, tags. */
#define MARK_BYTES 64u

/* ---- life ---- */

static uint32_t ring_groups(const struct kg_fec *fec)
{
	uint32_t groups = RING_GROUPS_MIN;

	while (groups * (fec->code.data + fec->code.parity) < RING_SHARDS_MIN)
		groups *= 2;
	return groups;
}

static size_t marks_bytes(const struct kg_fec *fec)
{
	return fec->content->once ? (size_t)ring_groups(fec) * fec->code.data * sizeof(uint16_t)
				  : 0;
}

static size_t decoder_bytes(const struct kg_fec *fec)
{
	return sizeof(struct kg_fec_decoder) + ring_groups(fec) * sizeof(struct kg_fec_group) +
	       marks_bytes(fec);
}

struct kg_fec_decoder *kg_fec_decoder_create(struct kg_fec *fec, uint32_t conv)
{
	struct kg_fec_decoder *decoder = kg_mem_alloc(fec->mem, decoder_bytes(fec));

	if (!decoder)
		return NULL;
	decoder->fec = fec;
	decoder->conv = conv;
	decoder->ring_mask = ring_groups(fec) - 1;
	decoder->marks = (uint16_t *)(decoder->ring + ring_groups(fec));
	kg_fec_judge_init(&decoder->judge);
	return decoder;
}

static void release(struct kg_fec_decoder *decoder, struct kg_fec_group *group)
{
	struct kg_fec *fec = decoder->fec;

	if (!group->sums)
		return;
	TAILQ_REMOVE(&fec->open, group->sums, link);
	fec->open_count--;
	kg_fec_sums_give(fec, group->sums);
	group->sums = NULL;
}

static void forget_groups(struct kg_fec_decoder *decoder)
{
	for (uint32_t i = 0; i <= decoder->ring_mask; i++) {
		release(decoder, &decoder->ring[i]);
		decoder->ring[i].state = KG_FEC_GROUP_FREE;
	}
	decoder->heard = false;
	decoder->late = 0;
}

void kg_fec_decoder_destroy(struct kg_fec_decoder *decoder)
{
	if (!decoder)
		return;
	forget_groups(decoder);
	kg_mem_free(decoder->fec->mem, decoder, decoder_bytes(decoder->fec));
}

void kg_fec_decoder_trust(struct kg_fec_decoder *decoder)
{
	kg_fec_judge_trust(&decoder->judge);
	decoder->trusted = true;
}

bool kg_fec_decoder_is_near(const struct kg_fec_decoder *decoder, uint32_t sn)
{
	return decoder->heard &&
	       sn - decoder->newest + decoder->ring_mask <= 2 * decoder->ring_mask;
}

/* ---- groups ---- */

void kg_fec_group_finish(struct kg_fec_decoder *decoder, struct kg_fec_group *group)
{
	release(decoder, group);
	group->state = KG_FEC_GROUP_OVER;
}

static void give_up(struct kg_fec_decoder *decoder, struct kg_fec_group *group)
{
	if (group->state == KG_FEC_GROUP_OPEN)
		KG_FEC_COUNT(decoder, missing, decoder->fec->code.data - group->data);
	kg_fec_group_finish(decoder, group);
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

struct kg_fec_sums *kg_fec_sums_claim(struct kg_fec *fec)
{
	struct kg_fec_sums *sums;

	for (int i = 0; i < 2 && kg_fec_has_its_share(fec) && !TAILQ_EMPTY(&fec->open); i++)
		give_up_oldest(fec);
	sums = kg_fec_sums_take(fec);
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

static void begin(struct kg_fec_decoder *decoder, struct kg_fec_group *group, uint32_t sn)
{
	struct kg_fec_sums *sums;

	give_up(decoder, group);
	sums = kg_fec_sums_claim(decoder->fec);
	if (sums)
		own(decoder, sums, sn);
	*group = (struct kg_fec_group){
		.sums = sums,
		.sn = sn,
		.state = sums ? KG_FEC_GROUP_OPEN : KG_FEC_GROUP_OVER,
		.shortest = UINT16_MAX,
	};
}

/* A peer that was started anew counts from 0 again, where nothing else tells. What is left of its
 * groups before must not meet those. */
static bool is_too_late(struct kg_fec_decoder *decoder, int32_t ahead)
{
	bool late = decoder->heard && ahead < -(int32_t)decoder->ring_mask;

	decoder->late = late ? decoder->late + 1 : 0;
	if (decoder->late < LATE_MAX || !decoder->fec->content->nameless)
		return late;
	forget_groups(decoder);
	return false;
}

/* ---- what has come out ---- */

static uint64_t mix(uint64_t sum, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum = sum * 31 + bytes[i];
	return sum;
}

static uint16_t mark_of(const uint8_t *bytes, size_t len)
{
	size_t part = KG_MIN(len, MARK_BYTES);
	uint64_t sum = mix(mix(len, bytes, part), bytes + len - part, part);

	return (uint16_t)((sum * 0x9e3779b97f4a7c15u) >> 48);
}

static uint16_t *mark_at(struct kg_fec_decoder *decoder, uint32_t sn, unsigned int sub)
{
	return &decoder->marks[(sn & decoder->ring_mask) * decoder->fec->code.data + sub];
}

/* Something else has come out in its place: the peer was started anew, and counts as before. */
static bool is_of_another_life(struct kg_fec_decoder *decoder, const struct kg_fec_shard *shard)
{
	struct kg_fec_group *group = &decoder->ring[shard->sn & decoder->ring_mask];

	return decoder->fec->content->once && !shard->parity && group->state != KG_FEC_GROUP_FREE &&
	       group->sn == shard->sn && kg_fec_is_in(group->told, shard->sub) &&
	       *mark_at(decoder, shard->sn, shard->sub) != mark_of(shard->bytes, shard->len);
}

void kg_fec_group_tell(struct kg_fec_decoder *decoder, struct kg_fec_group *group, unsigned int sub,
		       const uint8_t *bytes, uint16_t len)
{
	struct kg_fec *fec = decoder->fec;

	if (group != NULL && fec->content->once) {
		if (kg_fec_is_in(group->told, sub))
			return;
		kg_fec_enter(group->told, sub);
		*mark_at(decoder, group->sn, sub) = mark_of(bytes, len);
	}
	fec->found[fec->found_count].bytes = bytes;
	fec->found[fec->found_count++].len = len;
}

struct kg_fec_group *kg_fec_group_of(struct kg_fec_decoder *decoder,
				     const struct kg_fec_shard *shard)
{
	struct kg_fec_group *group = &decoder->ring[shard->sn & decoder->ring_mask];
	int32_t ahead;

	if (is_of_another_life(decoder, shard))
		forget_groups(decoder);
	ahead = (int32_t)(shard->sn - decoder->newest);
	if (is_too_late(decoder, ahead))
		return NULL;
	if (ahead > 0 || !decoder->heard)
		decoder->newest = shard->sn;
	decoder->heard = true;
	if (group->state == KG_FEC_GROUP_FREE || group->sn != shard->sn)
		begin(decoder, group, shard->sn);
	return group;
}
