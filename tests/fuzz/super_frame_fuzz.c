/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Merging and cutting of super-frames. First byte: whether to merge, then frames, each behind its
 * length in two bytes; or to cut, then what Linux says of the frame, then the frame. A frame's TCP
 * checksum is believed, as a NIC would have verified it: the fuzzer would find none.
 */
#include <string.h>

#include "base/bytes.h"
#include "fuzz.h"
#include "net/frame.h"
#include "net/merge.h"
#include "net/split.h"

#define FRAMES 16

/* Each piece lies within its own size, and together they are no less than the payload. */
static void fuzz_cut(const uint8_t *bytes, size_t len, const struct kg_offload *offload)
{
	struct kg_split split;
	size_t total = 0, piece;

	if (!kg_split_begin(&split, bytes, len, offload))
		return;
	while ((piece = kg_split_next_bytes(&split)) > 0) {
		uint8_t *out = malloc(piece);

		FUZZ_CHECK(piece <= len);
		kg_split_next(&split, out);
		free(out);
		total += piece;
	}
	FUZZ_CHECK(total >= len);
}

static void fuzz_said(const uint8_t *data, size_t len)
{
	struct kg_offload offload;

	if (len < 10)
		return;
	offload = (struct kg_offload){ .cut = data[0] % 3,
				       .sum_left = data[1] & 1,
				       .piece_bytes = kg_load_be16(data + 2),
				       .headers_bytes = kg_load_be16(data + 4),
				       .sum_from = kg_load_be16(data + 6),
				       .sum_at = kg_load_be16(data + 8) };
	fuzz_cut(data + 10, len - 10, &offload);
}

/* What was merged is cut again: as many frames, each as long as it was without padding. */
static void fuzz_again(const struct kg_merge *merge, const struct kg_merge_frame *parts)
{
	size_t at = merge->first.payload_at, len = at + merge->payload_bytes;
	uint8_t *super = malloc(len);
	struct kg_offload offload;
	struct kg_split split;

	memcpy(super, merge->first.bytes, at);
	for (uint32_t i = 0; i < merge->frames; i++) {
		memcpy(super + at, parts[i].bytes + parts[i].payload_at, parts[i].payload_bytes);
		at += parts[i].payload_bytes;
	}
	FUZZ_CHECK(at == len && len - KG_ETHER_BYTES <= UINT16_MAX);
	kg_merge_end(merge, super, &offload);
	FUZZ_CHECK(kg_split_begin(&split, super, len, &offload));
	for (uint32_t i = 0; i < merge->frames; i++) {
		FUZZ_CHECK(kg_split_next_bytes(&split) ==
			   (size_t)parts[i].payload_at + parts[i].payload_bytes);
		kg_split_next(&split, NULL);
	}
	FUZZ_CHECK(kg_split_next_bytes(&split) == 0);
	fuzz_cut(super, len, &offload);
	free(super);
}

/* One that makes the other needless cannot be made so by it. */
static void fuzz_ack(const struct kg_merge_frame *later, const struct kg_merge_frame *earlier)
{
	if (later->kind == KG_MERGE_FOREIGN || earlier->kind == KG_MERGE_FOREIGN ||
	    !kg_merge_same_flow(later, earlier) || !kg_merge_outdates(later, earlier))
		return;
	FUZZ_CHECK(!kg_merge_outdates(earlier, later));
	FUZZ_CHECK(later->payload_bytes == 0 && earlier->payload_bytes == 0);
}

static void fuzz_merge(const uint8_t *data, size_t len)
{
	struct kg_merge_frame parts[FRAMES], part;
	struct kg_merge_frame before = { 0 };
	struct kg_merge merge = { 0 };

	while (len > 2 && merge.frames < FRAMES) {
		size_t bytes = KG_MIN((size_t)kg_load_be16(data), len - 2);

		kg_merge_look(&part, data + 2, bytes, true);
		data += 2 + bytes;
		len -= 2 + bytes;
		fuzz_ack(&part, &before);
		before = part;
		if (part.kind != KG_MERGE_PART)
			continue;
		FUZZ_CHECK(part.payload_bytes > 0 &&
			   (size_t)part.payload_at + part.payload_bytes <= bytes);
		if (merge.frames == 0)
			kg_merge_begin(&merge, &part);
		else if (!kg_merge_add(&merge, &part))
			break;
		parts[merge.frames - 1] = part;
	}
	if (merge.frames > 1)
		fuzz_again(&merge, parts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len < 1)
		return 0;
	if (data[0] & 1)
		fuzz_said(data + 1, len - 1);
	else
		fuzz_merge(data + 1, len - 1);
	return 0;
}
