/* SPDX-License-Identifier: BSD-3-Clause */
/* Super-frames as Linux makes them, and such as nobody should. merge_test.c cuts plain ones. */
#include "net/split.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tcp_frames.h"

#define MSS 1000

static struct tcp_frame whole;
static uint8_t pieces[8][TCP_FRAME_ROOM];

/* A super-frame of Linux: its checksum is the pseudo-header's sum. */
static struct kg_offload make_super(uint8_t version, size_t payload_bytes, uint8_t flags)
{
	uint16_t pseudo;

	tcp_frame_make(&whole, version, 7, 5, payload_bytes, flags);
	pseudo = kg_checksum_fold(tcp_pseudo(&whole));
	memcpy(tcp_of(&whole) + 16, &pseudo, 2);
	return (struct kg_offload){ .cut = KG_CUT_TCP,
				    .piece_bytes = MSS,
				    .sum_left = true,
				    .sum_from = (uint16_t)(KG_ETHER_BYTES + whole.ip_bytes),
				    .sum_at = 16 };
}

/* In memory of exactly its size; how many pieces there were, or -1: refused. */
static int cut(const uint8_t *bytes, size_t len, const struct kg_offload *offload)
{
	uint8_t *exact = malloc(len);
	struct kg_split split;
	int count = -1;

	memcpy(exact, bytes, len);
	if (kg_split_begin(&split, exact, len, offload)) {
		for (count = 0; kg_split_next_bytes(&split) > 0; count++)
			kg_split_next(&split, pieces[count % 8]);
	}
	free(exact);
	return count;
}

/* FIN and PSH are the last piece's, CWR the first one's. */
static void flags_stand_where_they_belong(void **state)
{
	struct kg_offload offload = make_super(4, 3 * MSS, 0x99);
	static const uint8_t expected[] = { 0x90, 0x10, 0x19 };

	(void)state;
	assert_int_equal(cut(whole.bytes, whole.len, &offload), 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pieces[i][34 + 13], expected[i]);
}

/* Puts `count` bytes in and moves all offsets. */
static size_t insert(uint8_t *out, size_t at, const void *bytes, size_t count,
		     struct kg_offload *offload)
{
	memcpy(out, whole.bytes, at);
	memcpy(out + at, bytes, count);
	memcpy(out + at + count, whole.bytes + at, whole.len - at);
	offload->sum_from = (uint16_t)(offload->sum_from + count);
	return whole.len + count;
}

/* Each piece is what the frame would be that carries its payload alone, but for what was put in. */
static void expect_pieces(uint8_t version, size_t at, const uint8_t *in, size_t count)
{
	struct tcp_frame alone;

	for (uint32_t i = 0; i < 3; i++) {
		tcp_frame_make(&alone, version, (uint16_t)(7 + i), 5 + i * MSS, MSS, TCP_ACK);
		assert_memory_equal(pieces[i] + at, in, count);
		assert_memory_equal(pieces[i] + KG_ETHER_BYTES + alone.ip_bytes + count,
				    alone.bytes + KG_ETHER_BYTES + alone.ip_bytes,
				    alone.len - KG_ETHER_BYTES - alone.ip_bytes);
	}
}

static void tags_are_passed(void **state)
{
	static const uint8_t tag[] = { 0x81, 0x00, 0x00, 0x07 };
	struct kg_offload offload = make_super(4, 3 * MSS, TCP_ACK);
	uint8_t tagged[TCP_FRAME_ROOM];
	size_t len = insert(tagged, 12, tag, sizeof(tag), &offload);

	(void)state;
	assert_int_equal(cut(tagged, len, &offload), 3);
	expect_pieces(4, 12, tag, sizeof(tag));
}

/* Destination options, behind which TCP's header stands; lengths count them. */
static void extension_headers_are_passed(void **state)
{
	static const uint8_t options[] = { 6, 0, 1, 4, 0, 0, 0, 0 };
	struct kg_offload offload = make_super(6, 3 * MSS, TCP_ACK);
	uint8_t extended[TCP_FRAME_ROOM];
	size_t len;

	(void)state;
	whole.bytes[14 + 6] = 60;
	len = insert(extended, 54, options, sizeof(options), &offload);
	assert_int_equal(cut(extended, len, &offload), 3);
	expect_pieces(6, 54, options, sizeof(options));
	for (int i = 0; i < 3; i++)
		assert_int_equal(kg_load_be16(pieces[i] + 14 + 4), 8 + 32 + MSS);
}

static void options_of_ipv4_are_passed(void **state)
{
	static const uint8_t options[] = { 1, 1, 1, 0 };
	struct kg_offload offload = make_super(4, 3 * MSS, TCP_ACK);
	uint8_t longer[TCP_FRAME_ROOM];
	size_t len;

	(void)state;
	whole.bytes[14] = 0x46;
	len = insert(longer, 34, options, sizeof(options), &offload);
	assert_int_equal(cut(longer, len, &offload), 3);
	expect_pieces(4, 34, options, sizeof(options));
	for (int i = 0; i < 3; i++)
		assert_int_equal(kg_checksum_fold(kg_checksum_add(0, pieces[i] + 14, 24)), 0xffff);
}

/* UDP's pieces are datagrams, which kg_frame_parse verifies. */
static void datagrams_are_cut(void **state)
{
	static const struct kg_mac mac = { { 2, 0, 0, 0, 0, 1 } };
	struct kg_endpoint a = { .port = 3000 }, b = { .port = 4000 };
	struct kg_frame frame;
	struct kg_offload offload = { .cut = KG_CUT_UDP, .piece_bytes = 100, .sum_left = true };
	uint8_t bytes[400];
	struct kg_l2 l2;
	uint16_t at;

	(void)state;
	kg_ip_parse(&a.ip, "fd00:18::1");
	kg_ip_parse(&b.ip, "fd00:18::2");
	kg_l2_init(&l2, &mac, &mac, 0);
	at = kg_frame_header_bytes(&l2, 6);
	memset(bytes + at, 0x5a, 250);
	kg_frame_build(bytes, &l2, &a, &b, 250, 0, KG_FRAME_CSUM_OFFLOAD);
	offload.sum_from = at - KG_UDP_BYTES;
	offload.sum_at = 6;
	assert_int_equal(cut(bytes, at + 250u, &offload), 3);
	for (int i = 0; i < 3; i++) {
		kg_frame_parse(&frame, pieces[i], at + (i < 2 ? 100u : 50u), 0, 0);
		assert_int_equal(frame.kind, KG_FRAME_UDP);
		assert_int_equal(frame.payload_bytes, i < 2 ? 100 : 50);
		assert_memory_equal(pieces[i] + at, bytes + at, frame.payload_bytes);
	}
}

static void what_is_not_cut_gets_its_checksum(void **state)
{
	struct kg_offload offload = make_super(4, MSS, TCP_ACK);
	struct tcp_frame alone;

	(void)state;
	tcp_frame_make(&alone, 4, 7, 5, MSS, TCP_ACK);
	offload.cut = KG_CUT_NOTHING;
	assert_int_equal(cut(whole.bytes, whole.len, &offload), 1);
	assert_memory_equal(pieces[0], alone.bytes, alone.len);
	offload.sum_left = false;
	assert_int_equal(cut(whole.bytes, whole.len, &offload), 1);
	assert_memory_equal(pieces[0], whole.bytes, whole.len);
}

/* A piece for which no buffer was left does not shift the others. */
static void a_piece_may_be_left_out(void **state)
{
	struct kg_offload offload = make_super(4, 3 * MSS, TCP_ACK);
	struct tcp_frame third;
	struct kg_split split;

	(void)state;
	tcp_frame_make(&third, 4, 9, 5 + 2 * MSS, MSS, TCP_ACK);
	assert_true(kg_split_begin(&split, whole.bytes, whole.len, &offload));
	kg_split_next(&split, NULL);
	kg_split_next(&split, NULL);
	kg_split_next(&split, pieces[2]);
	assert_memory_equal(pieces[2], third.bytes, third.len);
}

static void expect_refused(struct kg_offload offload)
{
	assert_int_equal(cut(whole.bytes, whole.len, &offload), -1);
}

static void lies_are_refused(void **state)
{
	struct kg_offload good = make_super(4, 3 * MSS, TCP_ACK), bad;

	(void)state;
	bad = good, bad.piece_bytes = 0, expect_refused(bad);
	bad = good, bad.sum_left = false, expect_refused(bad);
	bad = good, bad.sum_at = 6, expect_refused(bad);
	bad = good, bad.cut = KG_CUT_UDP, expect_refused(bad);
	bad = good, bad.sum_from = UINT16_MAX, expect_refused(bad);
	bad = good, bad.sum_from = (uint16_t)(whole.len - 19), expect_refused(bad);
	bad = good, bad.sum_from += 4, expect_refused(bad);
	bad = good, bad.sum_from = 0, expect_refused(bad);
	bad = good, bad.cut = KG_CUT_NOTHING, bad.sum_from = (uint16_t)(whole.len - 17);
	expect_refused(bad);
	tcp_of(&whole)[12] = 0x40;
	expect_refused(good);
	make_super(4, 3 * MSS, TCP_ACK);
	kg_store_be16(whole.bytes + 12, 0x0806);
	expect_refused(good);
	make_super(4, 0, TCP_ACK);
	expect_refused(good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags_stand_where_they_belong),
		cmocka_unit_test(tags_are_passed),
		cmocka_unit_test(extension_headers_are_passed),
		cmocka_unit_test(options_of_ipv4_are_passed),
		cmocka_unit_test(datagrams_are_cut),
		cmocka_unit_test(what_is_not_cut_gets_its_checksum),
		cmocka_unit_test(a_piece_may_be_left_out),
		cmocka_unit_test(lies_are_refused),
	};

	return cmocka_run_group_tests_name("split", tests, NULL, NULL);
}
