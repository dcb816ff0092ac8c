/* SPDX-License-Identifier: BSD-3-Clause */
/* Which TCP frames are merged, which never, and that cutting them again gives the same frames. */
#include "net/merge.h"
#include "net/split.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tcp_frames.h"

#define SEQ   0xfffff000u /* soon goes through zero */
#define MSS   1000
#define COUNT 10

static struct tcp_frame frames[COUNT];
static uint8_t super[1 << 17];

static void make_run(uint8_t version, size_t payload_bytes)
{
	for (unsigned int i = 0; i < COUNT; i++)
		tcp_frame_make(&frames[i], version, (uint16_t)(0xfffd + i),
			       SEQ + i * (uint32_t)payload_bytes, payload_bytes, TCP_ACK);
}

/* Looked at in memory of exactly its size: a sanitizer sees one byte too far. */
static struct kg_merge_frame look(const struct tcp_frame *f)
{
	uint8_t *exact = malloc(f->len);
	struct kg_merge_frame frame;

	memcpy(exact, f->bytes, f->len);
	kg_merge_look(&frame, exact, f->len, false);
	free(exact);
	frame.bytes = f->bytes;
	return frame;
}

/* How many of the frames become one with the first. */
static uint32_t merged(struct kg_merge *merge, unsigned int count)
{
	struct kg_merge_frame part = look(&frames[0]);

	assert_int_equal(part.kind, KG_MERGE_PART);
	kg_merge_begin(merge, &part);
	for (unsigned int i = 1; i < count; i++) {
		part = look(&frames[i]);
		if (part.kind != KG_MERGE_PART || !kg_merge_add(merge, &part))
			break;
	}
	return merge->frames;
}

/* The super-frame, as it is given to Linux. */
static size_t assemble(const struct kg_merge *merge, struct kg_offload *offload)
{
	size_t len = frames[0].len;

	memcpy(super, frames[0].bytes, len);
	kg_merge_end(merge, super, offload);
	for (uint32_t i = 1; i < merge->frames; i++) {
		memcpy(super + len, tcp_payload(&frames[i]), frames[i].payload_bytes);
		len += frames[i].payload_bytes;
	}
	return len;
}

static void expect_same_again(uint32_t count)
{
	uint8_t *exact, out[TCP_FRAME_ROOM];
	struct kg_offload offload;
	struct kg_split split;
	struct kg_merge merge;
	size_t len;

	assert_int_equal(merged(&merge, COUNT), count);
	len = assemble(&merge, &offload);
	exact = malloc(len);
	memcpy(exact, super, len);
	assert_true(kg_split_begin(&split, exact, len, &offload));
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(kg_split_next_bytes(&split), frames[i].len);
		kg_split_next(&split, out);
		assert_memory_equal(out, frames[i].bytes, frames[i].len);
	}
	assert_int_equal(kg_split_next_bytes(&split), 0);
	free(exact);
}

static void what_was_merged_is_cut_into_the_same_frames(void **state)
{
	static const size_t sizes[] = { 1, 7, 536, 1228, 1448 };

	(void)state;
	for (size_t i = 0; i < KG_ARRAY_SIZE(sizes); i++) {
		make_run(4, sizes[i]);
		expect_same_again(COUNT);
		make_run(6, sizes[i]);
		expect_same_again(COUNT);
	}
}

/* Seven of an MTU of 9,000 are all that an IP packet holds. */
static void a_super_frame_is_an_ip_packet(void **state)
{
	struct kg_merge merge;

	(void)state;
	make_run(4, 8948);
	assert_int_equal(merged(&merge, COUNT), 7);
	make_run(6, 8928);
	assert_int_equal(merged(&merge, COUNT), 7);
}

static void the_last_may_be_shorter(void **state)
{
	(void)state;
	make_run(4, MSS);
	tcp_frame_make(&frames[3], 4, 0, SEQ + 3 * MSS, MSS - 1, TCP_ACK);
	tcp_frame_make(&frames[4], 4, 1, SEQ + 4 * MSS - 1, MSS - 1, TCP_ACK);
	expect_same_again(4);
}

static void a_longer_one_begins_anew(void **state)
{
	struct kg_merge merge;

	(void)state;
	make_run(4, MSS);
	tcp_frame_make(&frames[2], 4, 0, SEQ + 2 * MSS, MSS + 1, TCP_ACK);
	assert_int_equal(merged(&merge, COUNT), 2);
}

static void push_is_the_end(void **state)
{
	struct kg_merge merge;

	(void)state;
	make_run(6, MSS);
	tcp_frame_make(&frames[2], 6, 0, SEQ + 2 * MSS, MSS, TCP_ACK | TCP_PSH);
	expect_same_again(3);
	tcp_frame_make(&frames[0], 6, 0, SEQ, MSS, TCP_ACK | TCP_PSH);
	assert_int_equal(merged(&merge, COUNT), 1);
}

static void one_alone_stays_as_it_is(void **state)
{
	struct kg_offload offload;
	struct kg_merge merge;

	(void)state;
	make_run(4, MSS);
	assert_int_equal(merged(&merge, 1), 1);
	assert_int_equal(assemble(&merge, &offload), frames[0].len);
	assert_int_equal(offload.cut, KG_CUT_NOTHING);
	assert_memory_equal(super, frames[0].bytes, frames[0].len);
}

/* A byte of the third frame is another; its checksums are right. */
static void what_differs_is_not_merged(void **state)
{
	static const struct {
		uint8_t version;
		size_t at;
		uint8_t change;
	} cases[] = {
		{ 4, 0, 2 },           /* MAC */
		{ 4, 14 + 1, 4 },      /* TOS */
		{ 4, 14 + 1, 3 },      /* ECN: congestion experienced */
		{ 4, 14 + 8, 1 },      /* TTL */
		{ 4, 14 + 15, 1 },     /* addresses … */
		{ 4, 14 + 19, 1 },     /* */
		{ 4, 34 + 0, 1 },      /* ports */
		{ 4, 34 + 3, 1 },      /* */
		{ 4, 34 + 7, 1 },      /* a gap */
		{ 4, 34 + 11, 1 },     /* acknowledgement */
		{ 4, 34 + 15, 1 },     /* window */
		{ 4, 34 + 20 + 7, 1 }, /* options */
		{ 6, 14 + 0, 1 },      /* traffic class */
		{ 6, 14 + 3, 1 },      /* flow label */
		{ 6, 14 + 7, 1 },      /* hop limit */
		{ 6, 14 + 23, 2 },     /* addresses */
		{ 6, 54 + 11, 1 },
	};
	struct kg_merge merge;

	(void)state;
	for (size_t i = 0; i < KG_ARRAY_SIZE(cases); i++) {
		make_run(cases[i].version, MSS);
		frames[2].bytes[cases[i].at] ^= cases[i].change;
		tcp_frame_sum(&frames[2]);
		assert_int_equal(merged(&merge, COUNT), 2);
	}
}

/* Without DF ids count; with it they may be anything. */
static void ids_of_what_may_be_cut_count(void **state)
{
	struct kg_merge merge;

	(void)state;
	make_run(4, MSS);
	kg_store_be16(frames[2].bytes + 14 + 4, 99);
	tcp_frame_sum(&frames[2]);
	assert_int_equal(merged(&merge, COUNT), COUNT);
	for (unsigned int i = 0; i < COUNT; i++) {
		frames[i].bytes[14 + 6] = 0;
		tcp_frame_sum(&frames[i]);
	}
	assert_int_equal(merged(&merge, COUNT), 2);
}

static enum kg_merge_kind kind_of(const struct tcp_frame *f)
{
	return look(f).kind;
}

/* FIN, SYN, RST, URG, ECE, CWR, and no ACK; a reserved bit; an urgent pointer. */
static void flags_go_alone(void **state)
{
	static const uint8_t flags[] = { 0x11, 0x12, 0x14, 0x30, 0x50, 0x90, 0x00, 0x08 };
	struct tcp_frame *f = &frames[0];

	(void)state;
	for (size_t i = 0; i < KG_ARRAY_SIZE(flags); i++) {
		tcp_frame_make(f, 4, 1, SEQ, MSS, flags[i]);
		assert_int_equal(kind_of(f), KG_MERGE_ALONE);
	}
	tcp_frame_make(f, 4, 1, SEQ, MSS, TCP_ACK);
	tcp_of(f)[12] |= 1;
	tcp_frame_sum(f);
	assert_int_equal(kind_of(f), KG_MERGE_ALONE);
	tcp_frame_make(f, 4, 1, SEQ, MSS, TCP_ACK);
	tcp_of(f)[19] = 1;
	tcp_frame_sum(f);
	assert_int_equal(kind_of(f), KG_MERGE_ALONE);
}

/* Nothing but an acknowledgement, of the number `ack`. */
static void make_ack(struct tcp_frame *f, uint8_t version, uint32_t ack)
{
	tcp_frame_make(f, version, 1, SEQ, 0, TCP_ACK);
	kg_store_be32(tcp_of(f) + 8, ack);
	tcp_frame_sum(f);
}

static bool outdates(struct tcp_frame *later, struct tcp_frame *earlier)
{
	struct kg_merge_frame a = look(later), b = look(earlier);

	return kg_merge_outdates(&a, &b);
}

static void the_last_acknowledgement_does_for_all(void **state)
{
	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		make_ack(&frames[0], version, 0xfffffff0u);
		make_ack(&frames[1], version, 16); /* the numbers go through zero */
		assert_int_equal(kind_of(&frames[0]), KG_MERGE_ACK);
		assert_true(outdates(&frames[1], &frames[0]));
		assert_false(outdates(&frames[0], &frames[1]));
		kg_store_be16(tcp_of(&frames[1]) + 14, 7); /* the window is what it is now */
		tcp_frame_sum(&frames[1]);
		assert_true(outdates(&frames[1], &frames[0]));
	}
}

/* Three alike are how a sender learns of a loss. */
static void an_acknowledgement_that_is_repeated_stays(void **state)
{
	(void)state;
	make_ack(&frames[0], 4, 100);
	make_ack(&frames[1], 4, 100);
	assert_false(outdates(&frames[1], &frames[0]));
}

/* A byte of the later is another; its checksums are right. */
static void acknowledgements_that_say_more_stay(void **state)
{
	static const struct {
		uint8_t version;
		size_t at;
		uint8_t change;
	} cases[] = {
		{ 4, 14 + 1, 3 },          /* ECN */
		{ 4, 14 + 8, 1 },          /* TTL */
		{ 4, 34 + 7, 1 },          /* sequence number */
		{ 4, 34 + 13, 0x40 },      /* ECE */
		{ 4, 34 + 13, 0x01 },      /* FIN */
		{ 4, 34 + 13, TCP_PSH },   /* */
		{ 4, 34 + 12, 0x01 },      /* ECN's third bit (RFC 9768) */
		{ 4, 34 + 20 + 2, 8 ^ 5 }, /* SACK in the timestamp's place */
		{ 4, 34 + 20 + 6, 2 },     /* the earlier has a later timestamp */
		{ 6, 14 + 1, 0x30 },       /* ECN */
		{ 6, 14 + 7, 1 },          /* hop limit */
		{ 6, 54 + 13, 0x40 },
	};

	(void)state;
	for (size_t i = 0; i < KG_ARRAY_SIZE(cases); i++) {
		bool older = cases[i].at == 34 + 20 + 6;
		struct tcp_frame *changed = &frames[older ? 0 : 1];

		make_ack(&frames[0], cases[i].version, 100);
		make_ack(&frames[1], cases[i].version, 200);
		changed->bytes[cases[i].at] ^= cases[i].change;
		tcp_frame_sum(changed);
		assert_false(outdates(&frames[1], &frames[0]));
	}
}

/* Nor does payload do for an acknowledgement, nor one that is corrupted. */
static void only_acknowledgements_do_for_acknowledgements(void **state)
{
	(void)state;
	make_ack(&frames[0], 4, 70);
	tcp_frame_make(&frames[1], 4, 2, SEQ, MSS, TCP_ACK);
	assert_false(outdates(&frames[1], &frames[0]));
	assert_false(outdates(&frames[0], &frames[1]));
	make_ack(&frames[1], 4, 80);
	frames[1].bytes[34 + 11] ^= 1;
	assert_int_equal(kind_of(&frames[1]), KG_MERGE_ALONE);
	assert_false(outdates(&frames[1], &frames[0]));
}

/* Each single bit of what a checksum covers, flipped on the wire. */
static void corrupted_frames_are_never_parts(void **state)
{
	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		tcp_frame_make(&frames[0], version, 1, SEQ, 40, TCP_ACK);
		for (size_t bit = 8 * tcp_addresses(&frames[0]); bit < 8 * frames[0].len; bit++) {
			frames[0].bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
			assert_int_not_equal(kind_of(&frames[0]), KG_MERGE_PART);
			frames[0].bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		assert_int_equal(kind_of(&frames[0]), KG_MERGE_PART);
	}
}

static void what_the_nic_has_verified_is_believed(void **state)
{
	struct kg_merge_frame frame;

	(void)state;
	tcp_frame_make(&frames[0], 4, 1, SEQ, MSS, TCP_ACK);
	tcp_payload(&frames[0])[5] ^= 1;
	kg_merge_look(&frame, frames[0].bytes, frames[0].len, false);
	assert_int_equal(frame.kind, KG_MERGE_ALONE);
	kg_merge_look(&frame, frames[0].bytes, frames[0].len, true);
	assert_int_equal(frame.kind, KG_MERGE_PART);
}

/* As a virtual NIC's sender leaves them. */
static void unfilled_checksums_are_good(void **state)
{
	uint16_t unfilled;

	(void)state;
	tcp_frame_make(&frames[0], 6, 1, SEQ, MSS, TCP_ACK);
	unfilled = kg_checksum_fold(tcp_pseudo(&frames[0]));
	memcpy(tcp_of(&frames[0]) + 16, &unfilled, 2);
	assert_int_equal(kind_of(&frames[0]), KG_MERGE_PART);
}

static void other_than_tcp_is_foreign(void **state)
{
	struct tcp_frame *f = &frames[0];

	(void)state;
	tcp_frame_make(f, 4, 1, SEQ, MSS, TCP_ACK);
	f->bytes[14 + 9] = 17;
	tcp_frame_sum(f);
	assert_int_equal(kind_of(f), KG_MERGE_FOREIGN);
	tcp_frame_make(f, 4, 1, SEQ, MSS, TCP_ACK);
	f->bytes[14 + 6] = 0x20; /* more fragments */
	tcp_frame_sum(f);
	assert_int_equal(kind_of(f), KG_MERGE_FOREIGN);
	tcp_frame_make(f, 6, 1, SEQ, MSS, TCP_ACK);
	f->bytes[14 + 6] = 0; /* hop-by-hop options */
	assert_int_equal(kind_of(f), KG_MERGE_FOREIGN);
	tcp_frame_make(f, 4, 1, SEQ, MSS, TCP_ACK);
	kg_store_be16(f->bytes + 12, 0x8100);
	assert_int_equal(kind_of(f), KG_MERGE_FOREIGN);
}

/* Lengths that lie, each header's, and a frame cut anywhere. */
static void lies_about_lengths_are_never_parts(void **state)
{
	static const struct {
		uint8_t version;
		size_t at;
		uint8_t value;
	} lies[] = {
		{ 4, 14, 0x46 },      { 4, 14, 0x44 },      { 4, 14, 0x55 },   { 4, 16, 0xff },
		{ 4, 17, 39 },        { 6, 14 + 4, 0xff },  { 6, 14 + 5, 19 }, { 4, 34 + 12, 0x40 },
		{ 4, 34 + 12, 0x00 }, { 4, 34 + 12, 0xf0 },
	};
	struct tcp_frame *f = &frames[0];

	(void)state;
	for (size_t i = 0; i < KG_ARRAY_SIZE(lies); i++) {
		tcp_frame_make(f, lies[i].version, 1, SEQ, 20, TCP_ACK);
		f->bytes[lies[i].at] = lies[i].value;
		tcp_frame_sum(f);
		assert_int_not_equal(kind_of(f), KG_MERGE_PART);
	}
	for (uint8_t version = 4; version <= 6; version += 2) {
		tcp_frame_make(f, version, 1, SEQ, MSS, TCP_ACK);
		while (f->len-- > 1)
			assert_int_equal(kind_of(f), KG_MERGE_FOREIGN);
	}
}

/* Frames shorter than Ethernet's least are padded. */
static void padding_is_no_payload(void **state)
{
	struct kg_merge_frame frame;

	(void)state;
	tcp_frame_make(&frames[0], 4, 1, SEQ, 2, TCP_ACK);
	kg_merge_look(&frame, frames[0].bytes, frames[0].len + 10, false);
	assert_int_equal(frame.kind, KG_MERGE_PART);
	assert_int_equal(frame.payload_bytes, 2);
}

static void flows_are_told_apart(void **state)
{
	struct kg_merge_frame a, b;

	(void)state;
	make_run(4, MSS);
	a = look(&frames[0]);
	tcp_frame_make(&frames[1], 4, 9, 5, 0, 0x11);
	b = look(&frames[1]);
	assert_true(kg_merge_same_flow(&a, &b));
	frames[1].bytes[34 + 1] ^= 1;
	assert_false(kg_merge_same_flow(&a, &b));
	tcp_frame_make(&frames[1], 6, 9, 5, 0, 0x11);
	b = look(&frames[1]);
	assert_false(kg_merge_same_flow(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_merged_is_cut_into_the_same_frames),
		cmocka_unit_test(a_super_frame_is_an_ip_packet),
		cmocka_unit_test(the_last_may_be_shorter),
		cmocka_unit_test(a_longer_one_begins_anew),
		cmocka_unit_test(push_is_the_end),
		cmocka_unit_test(one_alone_stays_as_it_is),
		cmocka_unit_test(what_differs_is_not_merged),
		cmocka_unit_test(ids_of_what_may_be_cut_count),
		cmocka_unit_test(flags_go_alone),
		cmocka_unit_test(the_last_acknowledgement_does_for_all),
		cmocka_unit_test(an_acknowledgement_that_is_repeated_stays),
		cmocka_unit_test(acknowledgements_that_say_more_stay),
		cmocka_unit_test(only_acknowledgements_do_for_acknowledgements),
		cmocka_unit_test(corrupted_frames_are_never_parts),
		cmocka_unit_test(what_the_nic_has_verified_is_believed),
		cmocka_unit_test(unfilled_checksums_are_good),
		cmocka_unit_test(other_than_tcp_is_foreign),
		cmocka_unit_test(lies_about_lengths_are_never_parts),
		cmocka_unit_test(padding_is_no_payload),
		cmocka_unit_test(flows_are_told_apart),
	};

	return cmocka_run_group_tests_name("merge", tests, NULL, NULL);
}
