/* SPDX-License-Identifier: BSD-3-Clause */
/* Counts a peer's tests, and cuts a recovered datagram down to what is believed. */
#include "fec/judge.h"

#include "base/bytes.h"

#define WANTED_MAX (1u << 20)

void kg_fec_judge_init(struct kg_fec_judge *judge)
{
	judge->parity = judge->padding = (struct kg_fec_record){ .wanted = KG_FEC_TESTS };
}

void kg_fec_judge_trust(struct kg_fec_judge *judge)
{
	judge->parity.passed = judge->parity.wanted;
	judge->padding.passed = judge->padding.wanted;
}

static void note(struct kg_fec_record *record, bool passed)
{
	if (passed) {
		record->passed++;
		return;
	}
	record->passed = 0;
	record->wanted = KG_MIN(2 * record->wanted, WANTED_MAX);
}

/* Wrong parity says nothing about padding, and equal lengths do not either. */
enum kg_fec_verdict kg_fec_judge_test(struct kg_fec_judge *judge, size_t good, size_t sure,
				      size_t len)
{
	note(&judge->parity, good >= sure);
	if (good < sure)
		return KG_FEC_PARITY_WRONG;
	if (sure < len)
		note(&judge->padding, good == len);
	return good == len ? KG_FEC_RIGHT : KG_FEC_PADDING_WRONG;
}

size_t kg_fec_judge_believes(const struct kg_fec_judge *judge, size_t sure, size_t len)
{
	if (judge->parity.passed < judge->parity.wanted)
		return 0;
	return judge->padding.passed < judge->padding.wanted ? sure : len;
}

size_t kg_fec_zeros(const uint8_t *bytes, size_t len)
{
	size_t i = 0;

	while (i + sizeof(uint64_t) <= len && kg_load_le64(bytes + i) == 0)
		i += sizeof(uint64_t);
	while (i < len && bytes[i] == 0)
		i++;
	return i;
}

uint16_t kg_fec_usable(const struct kg_fec_content *content, const uint8_t *container, size_t len,
		       size_t believed, uint32_t conv)
{
	size_t datagram_len = kg_load_be16(container);

	if (datagram_len < content->least_bytes || believed < KG_FEC_LENGTH_BYTES ||
	    KG_FEC_LENGTH_BYTES + datagram_len > len)
		return 0;
	return (uint16_t)content->usable(container + KG_FEC_LENGTH_BYTES, datagram_len,
					 believed - KG_FEC_LENGTH_BYTES, conv);
}
