/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames are made by hand here, so that the parser and the builder are not measured by each other;
 * their checksums were worked out apart from this project.
 */
#include "net/frame.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/rng.h"
#include "net/checksum.h"

#define SEED 0x5eed0003
#define VLAN 42

/* 198.18.0.1:3000 → 198.18.0.2:4000, "kcpgate" */
static const uint8_t frame4[] = { 0x02, 0x00, 0x00, 0x00, 0x00, 0x02, 0x02, 0x00,
				  0x00, 0x00, 0x00, 0x01, 0x08, 0x00, /* L2 */
				  0x45, 0x00, 0x00, 0x23, 0x12, 0x34, 0x40, 0x00,
				  0x40, 0x11, 0x9c, 0x6e,                         /* IP */
				  198,  18,   0,    1,    198,  18,   0,    2,    /* */
				  0x0b, 0xb8, 0x0f, 0xa0, 0x00, 0x0f, 0xb6, 0x10, /* UDP */
				  'k',  'c',  'p',  'g',  'a',  't',  'e' };
/* [fd00:18::1]:3000 → [fd00:18::2]:4000, "kcpgate" */
static const uint8_t frame6[] = { 0x02, 0x00, 0x00, 0x00, 0x00, 0x02, 0x02, 0x00,
				  0x00, 0x00, 0x00, 0x01, 0x86, 0xdd,             /* L2 */
				  0x60, 0x00, 0x00, 0x00, 0x00, 0x0f, 0x11, 0x40, /* IP */
				  0xfd, 0x00, 0x00, 0x18, 0,    0,    0,    0,
				  0,    0,    0,    0,    0,    0,    0,    1, /* */
				  0xfd, 0x00, 0x00, 0x18, 0,    0,    0,    0,
				  0,    0,    0,    0,    0,    0,    0,    2,    /* */
				  0x0b, 0xb8, 0x0f, 0xa0, 0x00, 0x0f, 0x48, 0x04, /* UDP */
				  'k',  'c',  'p',  'g',  'a',  't',  'e' };

enum {
	IP4 = 14,
	IP6 = 14,
	UDP4 = IP4 + 20,
	UDP6 = IP6 + 40,
	UDP_LEN = 4,
	UDP_CSUM = 6,
	ROOM = 2048,
};

/* A frame in memory of exactly its size: a sanitizer sees one byte too far. */
struct sample {
	uint8_t *bytes;
	size_t len;
};

static struct sample sample(const uint8_t *bytes, size_t len)
{
	struct sample s = { malloc(len > 0 ? len : 1), len };

	assert_non_null(s.bytes);
	memcpy(s.bytes, bytes, len);
	return s;
}

/* RFC 1071's definition, one 16-bit word at a time. */
static uint32_t slow_sum(uint32_t sum, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static uint16_t slow_pseudo(const uint8_t *addresses, size_t len, uint8_t protocol, size_t upper)
{
	return (uint16_t)slow_sum(slow_sum(protocol + (uint32_t)upper, addresses, len), NULL, 0);
}

static void fill_ip_csum(uint8_t *ip, size_t header_bytes)
{
	kg_store_be16(ip + 10, 0);
	kg_store_be16(ip + 10, (uint16_t)~slow_sum(0, ip, header_bytes));
}

static void fill_csum(uint8_t *field, const uint8_t *addresses, size_t addresses_bytes,
		      uint8_t protocol, const uint8_t *upper, size_t upper_bytes)
{
	uint16_t csum;

	kg_store_be16(field, 0);
	csum = (uint16_t)~slow_sum(slow_pseudo(addresses, addresses_bytes, protocol, upper_bytes),
				   upper, upper_bytes);
	kg_store_be16(field, csum == 0 ? 0xffff : csum);
}

static struct sample good4(void)
{
	return sample(frame4, sizeof(frame4));
}

static struct sample good6(void)
{
	return sample(frame6, sizeof(frame6));
}

/* Puts a tag in; frees the frame given. */
static struct sample tagged(struct sample s, uint16_t tpid, uint16_t tci)
{
	struct sample t = { malloc(s.len + 4), s.len + 4 };

	assert_non_null(t.bytes);
	memcpy(t.bytes, s.bytes, 12);
	kg_store_be16(t.bytes + 12, tpid);
	kg_store_be16(t.bytes + 14, tci);
	memcpy(t.bytes + 16, s.bytes + 12, s.len - 12);
	free(s.bytes);
	return t;
}

static struct kg_frame parse(const uint8_t *bytes, size_t len, uint16_t vlan, unsigned int trust)
{
	struct kg_frame frame;

	memset(&frame, 0xa5, sizeof(frame));
	kg_frame_parse(&frame, bytes, len, vlan, trust);
	return frame;
}

static void expect_udp(struct sample s, uint16_t vlan, const char *source, const char *destination)
{
	struct kg_frame frame = parse(s.bytes, s.len, vlan, 0);
	char text[KG_ENDPOINT_TEXT_BYTES];

	assert_int_equal(frame.kind, KG_FRAME_UDP);
	assert_int_equal(frame.drop, KG_DROP_NONE);
	assert_int_equal(frame.vlan, vlan);
	assert_int_equal(frame.l2_bytes, vlan == 0 ? 14 : 18);
	assert_string_equal(kg_endpoint_text(&frame.source, text), source);
	assert_string_equal(kg_endpoint_text(&frame.destination, text), destination);
	assert_int_equal(frame.payload_bytes, 7);
	assert_int_equal(frame.payload_offset, frame.l2_bytes + frame.l3_bytes + 8);
	assert_memory_equal(s.bytes + frame.payload_offset, "kcpgate", 7);
	free(s.bytes);
}

static void expect_other(struct sample s, uint16_t vlan)
{
	struct kg_frame frame = parse(s.bytes, s.len, vlan, 0);

	assert_int_equal(frame.kind, KG_FRAME_OTHER);
	assert_int_equal(frame.drop, KG_DROP_NONE);
	assert_true(frame.l2_bytes == 14 || frame.l2_bytes == 18);
	free(s.bytes);
}

static void expect_bad(struct sample s, uint16_t vlan, enum kg_drop reason)
{
	struct kg_frame frame = parse(s.bytes, s.len, vlan, 0);

	assert_int_equal(frame.kind, KG_FRAME_BAD);
	assert_int_equal(frame.drop, reason);
	free(s.bytes);
}

static void good_frames_are_read(void **state)
{
	expect_udp(good4(), 0, "198.18.0.1:3000", "198.18.0.2:4000");
	expect_udp(good6(), 0, "[fd00:18::1]:3000", "[fd00:18::2]:4000");
	expect_udp(tagged(good4(), 0x8100, VLAN), VLAN, "198.18.0.1:3000", "198.18.0.2:4000");
	expect_udp(tagged(good6(), 0x8100, 0xf000 | VLAN), VLAN, "[fd00:18::1]:3000",
		   "[fd00:18::2]:4000");
}

static void padding_is_allowed(void **state)
{
	struct sample s = good4();
	uint8_t padded[64];

	memset(padded, 0xee, sizeof(padded));
	memcpy(padded, s.bytes, s.len);
	free(s.bytes);
	expect_udp(sample(padded, sizeof(padded)), 0, "198.18.0.1:3000", "198.18.0.2:4000");
}

/* What follows the datagram within the IP packet belongs to nobody (RFC 768 says nothing). */
static void bytes_after_the_datagram_are_allowed(void **state)
{
	struct sample s = good4();
	uint8_t longer[sizeof(frame4) + 5];

	memset(longer, 0xee, sizeof(longer));
	memcpy(longer, s.bytes, s.len);
	free(s.bytes);
	kg_store_be16(longer + IP4 + 2, 0x23 + 5);
	fill_ip_csum(longer + IP4, 20);
	expect_udp(sample(longer, sizeof(longer)), 0, "198.18.0.1:3000", "198.18.0.2:4000");
}

/* `vlan`, and each length below the whole. */
static void expect_truncated(struct sample s, uint16_t vlan)
{
	for (size_t len = 0; len < s.len; len++)
		expect_bad(sample(s.bytes, len), vlan, KG_DROP_FRAME_TRUNCATED);
	free(s.bytes);
}

static void every_truncation_is_noticed(void **state)
{
	struct sample tagged_short = tagged(good4(), 0x8100, VLAN);

	expect_truncated(good4(), 0);
	expect_truncated(good6(), 0);
	expect_truncated(tagged(good4(), 0x8100, VLAN), VLAN);
	expect_truncated(tagged(good6(), 0x8100, VLAN), VLAN);
	expect_bad(sample(tagged_short.bytes, 14), 0, KG_DROP_FRAME_TRUNCATED);
	free(tagged_short.bytes);
}

static void expect_ends(struct sample s, size_t len, const char *source, const char *destination)
{
	struct kg_tuple ends, expected = { 0 };

	if (source != NULL) {
		assert_true(kg_endpoint_parse(&expected.remote, source));
		assert_true(kg_endpoint_parse(&expected.local, destination));
	}
	kg_frame_ends(s.bytes, len, &ends);
	assert_true(kg_endpoint_equal(&ends.remote, &expected.remote));
	assert_true(kg_endpoint_equal(&ends.local, &expected.local));
	free(s.bytes);
}

/* Of what is cut off, tagged as it should not be, or has a wrong sum. */
static void ends_show_as_far_as_they_do(void **state)
{
	struct sample wrong_sum = good4();

	wrong_sum.bytes[IP4 + 10] ^= 1;
	expect_ends(wrong_sum, wrong_sum.len, "198.18.0.1:3000", "198.18.0.2:4000");
	for (size_t len = 0; len < IP4 + 20; len++) {
		uint8_t cut[IP4 + 20];
		struct sample s = good4();

		memcpy(cut, s.bytes, len);
		free(s.bytes);
		expect_ends(sample(cut, len), len, NULL, NULL);
	}
	expect_ends(good4(), IP4 + 23, "198.18.0.1:0", "198.18.0.2:0");
	expect_ends(good6(), IP4 + 44, "[fd00:18::1]:3000", "[fd00:18::2]:4000");
	expect_ends(tagged(tagged(good4(), 0x8100, VLAN), 0x88a8, 7), IP4 + 8 + 24,
		    "198.18.0.1:3000", "198.18.0.2:4000");
}

static struct sample with_byte(struct sample s, size_t at, uint8_t value)
{
	s.bytes[at] = value;
	return s;
}

static struct sample with_be16(struct sample s, size_t at, uint16_t value)
{
	kg_store_be16(s.bytes + at, value);
	return s;
}

static void lengths_that_contradict_are_noticed(void **state)
{
	static const uint16_t udp_lengths[] = { 0, 7, 16, 0x23, 0xffff };

	for (size_t i = 0; i < KG_ARRAY_SIZE(udp_lengths); i++) {
		expect_bad(with_be16(good4(), UDP4 + UDP_LEN, udp_lengths[i]), 0,
			   KG_DROP_FRAME_TRUNCATED);
		expect_bad(with_be16(good6(), UDP6 + UDP_LEN, udp_lengths[i]), 0,
			   KG_DROP_FRAME_TRUNCATED);
	}
	expect_bad(with_be16(good4(), IP4 + 2, 19), 0, KG_DROP_FRAME_TRUNCATED);
	expect_bad(with_be16(good4(), IP4 + 2, 0x24), 0, KG_DROP_FRAME_TRUNCATED);
	expect_bad(with_byte(good4(), IP4, 0x44), 0, KG_DROP_FRAME_TRUNCATED); /* header 16 */
	expect_bad(with_byte(good4(), IP4, 0x65), 0, KG_DROP_FRAME_TRUNCATED); /* version 6 */
	expect_bad(with_be16(good6(), IP6 + 4, 0x10), 0, KG_DROP_FRAME_TRUNCATED);
	expect_bad(with_be16(good6(), IP6 + 4, 7), 0, KG_DROP_FRAME_TRUNCATED);
	expect_bad(with_byte(good6(), IP6, 0x45), 0, KG_DROP_FRAME_TRUNCATED);
}

static void ip_length_below_the_datagram_is_noticed(void **state)
{
	struct sample s = with_be16(good4(), IP4 + 2, 0x22);

	fill_ip_csum(s.bytes + IP4, 20);
	expect_bad(s, 0, KG_DROP_FRAME_TRUNCATED);
	expect_bad(with_be16(good6(), IP6 + 4, 14), 0, KG_DROP_FRAME_TRUNCATED);
}

static struct sample with_options(struct sample s)
{
	struct sample t = { malloc(s.len + 4), s.len + 4 };

	memcpy(t.bytes, s.bytes, UDP4);
	memset(t.bytes + UDP4, 1, 4); /* no operation */
	memcpy(t.bytes + UDP4 + 4, s.bytes + UDP4, s.len - UDP4);
	t.bytes[IP4] = 0x46;
	kg_store_be16(t.bytes + IP4 + 2, 0x27);
	fill_ip_csum(t.bytes + IP4, 24);
	free(s.bytes);
	return t;
}

static struct sample piece4(uint16_t fragment, size_t udp_bytes)
{
	struct sample s = sample(frame4, UDP4 + udp_bytes);

	kg_store_be16(s.bytes + IP4 + 2, (uint16_t)(20 + udp_bytes));
	kg_store_be16(s.bytes + IP4 + 6, fragment);
	fill_ip_csum(s.bytes + IP4, 20);
	return s;
}

static struct sample piece6(uint16_t fragment, uint8_t next, size_t udp_bytes)
{
	static const uint8_t id[] = { 0xde, 0xad, 0xbe, 0xef };
	uint8_t bytes[sizeof(frame6) + 8] = { 0 };

	memcpy(bytes, frame6, UDP6);
	kg_store_be16(bytes + IP6 + 4, (uint16_t)(8 + udp_bytes));
	bytes[IP6 + 6] = 44;
	bytes[UDP6] = next;
	kg_store_be16(bytes + UDP6 + 2, fragment);
	memcpy(bytes + UDP6 + 4, id, sizeof(id));
	memcpy(bytes + UDP6 + 8, frame6 + UDP6, udp_bytes);
	return sample(bytes, UDP6 + 8 + udp_bytes);
}

static void expect_piece(struct sample s, bool first, uint32_t id, const char *source,
			 const char *destination)
{
	struct kg_frame frame = parse(s.bytes, s.len, 0, 0);
	char text[KG_ENDPOINT_TEXT_BYTES];

	assert_int_equal(frame.kind, KG_FRAME_FRAGMENT);
	assert_int_equal(frame.first, first);
	assert_int_equal(frame.datagram_id, id);
	assert_string_equal(kg_endpoint_text(&frame.source, text), source);
	assert_string_equal(kg_endpoint_text(&frame.destination, text), destination);
	assert_int_equal(frame.l3_bytes, frame.source.ip.version == 4 ? 20 : 48);
	free(s.bytes);
}

static void fragments_are_told_apart(void **state)
{
	expect_piece(piece4(0x2000, 8), true, 0x1234, "198.18.0.1:3000", "198.18.0.2:4000");
	expect_piece(piece4(0x2001, 7), false, 0x1234, "198.18.0.1:0", "198.18.0.2:0");
	expect_piece(piece4(0x0001, 0), false, 0x1234, "198.18.0.1:0", "198.18.0.2:0");
	expect_piece(piece6(0x0001, 17, 8), true, 0xdeadbeef, "[fd00:18::1]:3000",
		     "[fd00:18::2]:4000");
	expect_piece(piece6(0x0008, 17, 3), false, 0xdeadbeef, "[fd00:18::1]:0", "[fd00:18::2]:0");
	expect_other(piece6(0x0001, 17, 7), 0); /* no whole UDP header */
	expect_other(piece6(0x0000, 17, 8), 0); /* nothing was cut off */
	expect_other(piece6(0x0008, 6, 8), 0);
	expect_bad(with_byte(piece4(0x2000, 8), IP4 + 8, 63), 0, KG_DROP_IP_CHECKSUM);
}

static void the_rest_is_for_linux(void **state)
{
	static const uint8_t extensions[] = { 0, 43, 44, 50, 51, 59, 60 };

	expect_other(with_be16(good4(), 12, 0x0806), 0); /* ARP */
	expect_other(with_be16(good4(), 12, 0x002b), 0); /* 802.3 length */
	expect_other(with_byte(good4(), IP4 + 9, 1), 0);
	expect_other(with_byte(good4(), IP4 + 9, 6), 0);
	expect_other(with_byte(good6(), IP6 + 6, 58), 0);
	expect_other(piece4(0x2000, 7), 0); /* a first fragment that has no whole UDP header */
	expect_other(with_options(good4()), 0);
	for (size_t i = 0; i < KG_ARRAY_SIZE(extensions); i++)
		expect_other(with_byte(good6(), IP6 + 6, extensions[i]), 0);
}

static void tags_are_those_of_the_port(void **state)
{
	expect_bad(good4(), VLAN, KG_DROP_VLAN_FOREIGN);
	expect_bad(with_be16(good4(), 12, 0x0806), VLAN, KG_DROP_VLAN_FOREIGN);
	expect_bad(tagged(good4(), 0x8100, VLAN), 0, KG_DROP_VLAN_FOREIGN);
	expect_bad(tagged(good4(), 0x8100, VLAN + 1), VLAN, KG_DROP_VLAN_FOREIGN);
	expect_bad(tagged(good4(), 0x8100, 0), VLAN, KG_DROP_VLAN_FOREIGN);
	expect_bad(tagged(good4(), 0x88a8, VLAN), VLAN, KG_DROP_VLAN_FOREIGN);
	expect_bad(tagged(good4(), 0x88a8, VLAN), 0, KG_DROP_VLAN_FOREIGN);
	expect_bad(tagged(tagged(good4(), 0x8100, 7), 0x8100, VLAN), VLAN, KG_DROP_VLAN_FOREIGN);
	expect_bad(tagged(tagged(good4(), 0x8100, 7), 0x88a8, VLAN), VLAN, KG_DROP_VLAN_FOREIGN);
	expect_bad(tagged(tagged(good4(), 0x9100, 7), 0x8100, VLAN), VLAN, KG_DROP_VLAN_FOREIGN);
	expect_bad(tagged(tagged(good4(), 0x8100, 7), 0x8100, 0), 0, KG_DROP_VLAN_FOREIGN);
	expect_other(tagged(good4(), 0x8100, 0xe000), 0); /* priority only */
	expect_other(with_be16(tagged(good4(), 0x8100, VLAN), 16, 0x0806), VLAN);
}

static void wrong_checksums_are_noticed(void **state)
{
	for (size_t at = IP4; at < sizeof(frame4); at++) {
		struct sample s = good4();
		struct kg_frame frame;

		s.bytes[at] ^= 0x01;
		frame = parse(s.bytes, s.len, 0, 0);
		assert_int_not_equal(frame.kind, KG_FRAME_UDP);
		free(s.bytes);
	}
	expect_bad(with_byte(good4(), IP4 + 8, 63), 0, KG_DROP_IP_CHECKSUM);
	expect_bad(with_byte(good4(), UDP4 + 8, 'K'), 0, KG_DROP_UDP_CHECKSUM);
	expect_bad(with_byte(good4(), UDP4 + 14, 'E'), 0, KG_DROP_UDP_CHECKSUM);
	expect_bad(with_byte(good6(), UDP6 + 14, 'E'), 0, KG_DROP_UDP_CHECKSUM);
	expect_bad(with_byte(good6(), IP6 + 9, 1), 0, KG_DROP_UDP_CHECKSUM); /* an address */
}

static void no_checksum_is_good_over_ipv4_only(void **state)
{
	expect_udp(with_be16(good4(), UDP4 + UDP_CSUM, 0), 0, "198.18.0.1:3000", "198.18.0.2:4000");
	expect_bad(with_be16(good6(), UDP6 + UDP_CSUM, 0), 0, KG_DROP_UDP_CHECKSUM);
}

static void unfilled_checksums_are_good(void **state)
{
	struct sample s4 = good4(), s6 = good6();

	s4 = with_be16(s4, UDP4 + UDP_CSUM, slow_pseudo(s4.bytes + IP4 + 12, 8, 17, 15));
	s6 = with_be16(s6, UDP6 + UDP_CSUM, slow_pseudo(s6.bytes + IP6 + 8, 32, 17, 15));
	expect_udp(s4, 0, "198.18.0.1:3000", "198.18.0.2:4000");
	expect_udp(s6, 0, "[fd00:18::1]:3000", "[fd00:18::2]:4000");
}

static void what_the_nic_has_checked_is_trusted(void **state)
{
	struct sample s = with_byte(with_byte(good4(), IP4 + 8, 63), UDP4 + 8, 'K');

	assert_int_equal(parse(s.bytes, s.len, 0, 0).drop, KG_DROP_IP_CHECKSUM);
	assert_int_equal(parse(s.bytes, s.len, 0, KG_FRAME_IP_CSUM_GOOD).drop,
			 KG_DROP_UDP_CHECKSUM);
	assert_int_equal(parse(s.bytes, s.len, 0, KG_FRAME_UDP_CSUM_GOOD).drop,
			 KG_DROP_IP_CHECKSUM);
	assert_int_equal(
		parse(s.bytes, s.len, 0, KG_FRAME_IP_CSUM_GOOD | KG_FRAME_UDP_CSUM_GOOD).kind,
		KG_FRAME_UDP);
	free(s.bytes);
}

/* Whatever the bytes: what is said to be UDP lies within the frame. Each input has its exact size.
 */
static void mutations_never_lead_out_of_the_frame(void **state)
{
	struct sample seeds[] = { good4(), good6(), tagged(good4(), 0x8100, VLAN),
				  tagged(good6(), 0x8100, VLAN) };
	struct kg_rng rng;

	print_message("seed %#x\n", SEED);
	kg_rng_init(&rng, SEED);
	for (unsigned int i = 0; i < 200000; i++) {
		const struct sample *from = &seeds[kg_rng_below(&rng, KG_ARRAY_SIZE(seeds))];
		struct sample s = sample(
			from->bytes, from->len - kg_rng_below(&rng, 4) / 3 *
							 kg_rng_below(&rng, (uint32_t)from->len));
		struct kg_frame frame;

		for (uint32_t n = kg_rng_below(&rng, 4); n > 0 && s.len > 0; n--)
			s.bytes[kg_rng_below(&rng, (uint32_t)s.len)] = (uint8_t)kg_rng_next(&rng);
		frame = parse(s.bytes, s.len, kg_rng_below(&rng, 2) ? VLAN : 0,
			      kg_rng_below(&rng, 4));
		kg_frame_complete_checksum(s.bytes, s.len);
		if (frame.kind == KG_FRAME_UDP)
			assert_true(frame.payload_offset + (size_t)frame.payload_bytes <= s.len);
		assert_int_equal(frame.kind == KG_FRAME_BAD, frame.drop != KG_DROP_NONE);
		free(s.bytes);
	}
	for (size_t i = 0; i < KG_ARRAY_SIZE(seeds); i++)
		free(seeds[i].bytes);
}

/* The example of RFC 1071 §3. */
static void the_known_sum_comes_out(void **state)
{
	static const uint8_t bytes[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };
	uint16_t folded = kg_checksum_fold(kg_checksum_add(0, bytes, sizeof(bytes)));

	assert_memory_equal(&folded, "\xdd\xf2", 2);
	assert_int_equal(slow_sum(0, bytes, sizeof(bytes)), 0xddf2);
}

static void sums_of_any_length_and_alignment_agree(void **state)
{
	uint8_t bytes[ROOM + 8];
	struct kg_rng rng;

	print_message("seed %#x\n", SEED);
	kg_rng_init(&rng, SEED);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(kg_rng_below(&rng, 3) ? 0xff : kg_rng_next(&rng));
	for (unsigned int i = 0; i < 3000; i++) {
		size_t from = kg_rng_below(&rng, 8), len = kg_rng_below(&rng, ROOM);
		size_t first = kg_rng_below(&rng, (uint32_t)len + 1) & ~(size_t)1;
		uint64_t sum = kg_checksum_add(0, bytes + from, first);
		uint16_t folded =
			kg_checksum_fold(kg_checksum_add(sum, bytes + from + first, len - first));
		uint8_t stored[2];

		memcpy(stored, &folded, 2);
		assert_int_equal(kg_load_be16(stored), slow_sum(0, bytes + from, len));
	}
	assert_int_equal(kg_checksum_fold(UINT64_MAX), 0xffff);
	assert_int_equal(kg_checksum_fold(kg_checksum_add(UINT64_MAX, "\xff\xff", 2)), 0xffff);
}

static struct kg_endpoint endpoint(const char *address, uint16_t port)
{
	struct kg_endpoint ep = { .port = port };

	assert_true(kg_ip_parse(&ep.ip, address));
	return ep;
}

static const struct kg_mac our_mac = { { 2, 0, 0, 0, 0, 1 } };
static const struct kg_mac their_mac = { { 2, 0, 0, 0, 0, 2 } };

/* The one above, with an id and nothing against pieces. */
static struct sample open4(void)
{
	struct sample s = good4();

	kg_store_be16(s.bytes + IP4 + 6, 0);
	fill_ip_csum(s.bytes + IP4, 20);
	return s;
}

/* What the builder writes is, byte by byte, the frame made by hand. */
static void the_builder_writes_known_frames(void **state)
{
	struct kg_endpoint a4 = endpoint("198.18.0.1", 3000), b4 = endpoint("198.18.0.2", 4000);
	struct kg_endpoint a6 = endpoint("fd00:18::1", 3000), b6 = endpoint("fd00:18::2", 4000);
	struct sample s[] = { open4(), good6(), tagged(open4(), 0x8100, VLAN),
			      tagged(good6(), 0x8100, VLAN) };
	uint8_t out[128];

	for (size_t i = 0; i < KG_ARRAY_SIZE(s); i++) {
		bool six = i % 2 == 1;
		uint16_t len;
		struct kg_l2 l2;

		kg_l2_init(&l2, &our_mac, &their_mac, i < 2 ? 0 : VLAN);
		len = kg_frame_header_bytes(&l2, six ? 6 : 4);
		memset(out, 0xee, sizeof(out));
		memcpy(out + len, "kcpgate", 7);
		assert_int_equal(kg_frame_build(out, &l2, six ? &a6 : &a4, six ? &b6 : &b4, 7,
						0x1234, KG_FRAME_CSUM_SOFTWARE),
				 len);
		assert_int_equal(len + 7, s[i].len);
		assert_memory_equal(out, s[i].bytes, s[i].len);
		assert_int_equal(out[s[i].len], 0xee);
		free(s[i].bytes);
	}
}

/* Without an id the network may not cut it. */
static void only_a_datagram_with_an_id_may_be_cut(void **state)
{
	static const struct kg_l2 none;
	struct kg_endpoint a = endpoint("198.18.0.1", 3000), b = endpoint("198.18.0.2", 4000);
	uint8_t out[64] = { 0 };

	kg_frame_build(out, &none, &a, &b, 7, 0, KG_FRAME_CSUM_SOFTWARE);
	assert_int_equal(kg_load_be16(out + 4), 0);
	assert_int_equal(kg_load_be16(out + 6), 0x4000);
	kg_frame_build(out, &none, &a, &b, 7, 7, KG_FRAME_CSUM_SOFTWARE);
	assert_int_equal(kg_load_be16(out + 4), 7);
	assert_int_equal(kg_load_be16(out + 6), 0);
}

static void a_packet_alone_is_built(void **state)
{
	static const struct kg_l2 none;
	struct kg_endpoint a4 = endpoint("198.18.0.1", 3000), b4 = endpoint("198.18.0.2", 4000);
	struct kg_endpoint a6 = endpoint("fd00:18::1", 3000), b6 = endpoint("fd00:18::2", 4000);
	uint8_t room[128], *out = room + 8;
	struct sample s = open4();

	memset(room, 0xee, sizeof(room));
	memcpy(out + 28, "kcpgate", 7);
	assert_int_equal(kg_frame_build(out, &none, &a4, &b4, 7, 0x1234, KG_FRAME_CSUM_SOFTWARE),
			 28);
	assert_memory_equal(out, s.bytes + IP4, 35);
	free(s.bytes);
	memcpy(out + 48, "kcpgate", 7);
	assert_int_equal(kg_frame_build(out, &none, &a6, &b6, 7, 0, KG_FRAME_CSUM_SOFTWARE), 48);
	assert_memory_equal(out, frame6 + IP6, 55);
	assert_memory_equal(room, "\xee\xee\xee\xee\xee\xee\xee\xee", 8);
}

static void offload_leaves_the_sums_to_the_nic(void **state)
{
	struct kg_endpoint a4 = endpoint("198.18.0.1", 3000), b4 = endpoint("198.18.0.2", 4000);
	struct kg_endpoint a6 = endpoint("fd00:18::1", 3000), b6 = endpoint("fd00:18::2", 4000);
	uint8_t out[128];
	struct kg_l2 l2;

	kg_l2_init(&l2, &our_mac, &their_mac, 0);
	kg_frame_build(out, &l2, &a4, &b4, 7, 1, KG_FRAME_CSUM_OFFLOAD);
	assert_int_equal(kg_load_be16(out + IP4 + 10), 0);
	assert_int_equal(kg_load_be16(out + UDP4 + UDP_CSUM),
			 slow_pseudo(out + IP4 + 12, 8, 17, 15));
	kg_frame_build(out, &l2, &a6, &b6, 7, 1, KG_FRAME_CSUM_OFFLOAD);
	assert_int_equal(kg_load_be16(out + UDP6 + UDP_CSUM),
			 slow_pseudo(out + IP6 + 8, 32, 17, 15));
}

static void what_is_built_parses_again(void **state)
{
	struct kg_rng rng;

	print_message("seed %#x\n", SEED);
	kg_rng_init(&rng, SEED);
	for (unsigned int i = 0; i < 20000; i++) {
		uint16_t payload = (uint16_t)kg_rng_below(&rng, 1473);
		uint16_t vlan = (uint16_t)(kg_rng_below(&rng, 2) * kg_rng_below(&rng, 4095));
		struct kg_endpoint a = { .ip.version = kg_rng_below(&rng, 2) ? 4 : 6 }, b = a;
		uint8_t out[ROOM];
		struct kg_frame frame;
		struct kg_l2 l2;
		uint16_t len;

		for (unsigned int at = 0; at < (a.ip.version == 4 ? 4 : 16); at++) {
			a.ip.bytes[at] = (uint8_t)kg_rng_next(&rng);
			b.ip.bytes[at] = (uint8_t)kg_rng_next(&rng);
		}
		a.port = (uint16_t)kg_rng_next(&rng);
		b.port = (uint16_t)kg_rng_next(&rng);
		kg_l2_init(&l2, &our_mac, &their_mac, vlan);
		len = kg_frame_header_bytes(&l2, a.ip.version);
		for (uint16_t at = 0; at < payload; at++)
			out[len + at] = (uint8_t)kg_rng_next(&rng);
		kg_frame_build(out, &l2, &a, &b, payload, (uint16_t)i, KG_FRAME_CSUM_SOFTWARE);
		assert_int_not_equal(kg_load_be16(out + len - 2), 0);

		frame = parse(out, len + (size_t)payload, vlan, 0);
		assert_int_equal(frame.kind, KG_FRAME_UDP);
		assert_int_equal(frame.payload_offset, len);
		assert_int_equal(frame.payload_bytes, payload);
		assert_true(kg_endpoint_equal(&frame.source, &a));
		assert_true(kg_endpoint_equal(&frame.destination, &b));
	}
}

/* The sum that comes out 0 is written 0xffff, which RFC 768 needs to tell it from "none". */
static void a_zero_checksum_is_written_as_ones(void **state)
{
	struct kg_endpoint a = endpoint("198.18.0.1", 3000), b = endpoint("198.18.0.2", 4000);
	uint8_t out[128] = { 0 };
	struct kg_l2 l2;

	kg_l2_init(&l2, &our_mac, &their_mac, 0);
	kg_frame_build(out, &l2, &a, &b, 2, 0, KG_FRAME_CSUM_SOFTWARE);
	/* the payload that was 0 becomes what the sum lacked of 0xffff: the checksum itself */
	memcpy(out + UDP4 + 8, out + UDP4 + UDP_CSUM, 2);
	kg_frame_build(out, &l2, &a, &b, 2, 0, KG_FRAME_CSUM_SOFTWARE);
	assert_int_equal(kg_load_be16(out + UDP4 + UDP_CSUM), 0xffff);
	assert_int_equal(parse(out, UDP4 + 10, 0, 0).kind, KG_FRAME_UDP);
}

/* A TCP segment with payload of odd length; `six` for IPv6. */
static struct sample tcp(bool six)
{
	size_t upper_at = six ? UDP6 : UDP4, upper = 25;
	struct sample s = { calloc(1, upper_at + upper), upper_at + upper };

	memcpy(s.bytes, six ? frame6 : frame4, upper_at);
	memset(s.bytes + upper_at, 0x5a, upper);
	if (six) {
		kg_store_be16(s.bytes + IP6 + 4, (uint16_t)upper);
		s.bytes[IP6 + 6] = 6;
	} else {
		kg_store_be16(s.bytes + IP4 + 2, (uint16_t)(20 + upper));
		s.bytes[IP4 + 9] = 6;
		fill_ip_csum(s.bytes + IP4, 20);
	}
	return s;
}

/* Good checksum, then unfilled one, then completed: the same frame again. */
static void expect_completed(struct sample good, size_t csum_at, uint16_t pseudo)
{
	struct sample s = sample(good.bytes, good.len);

	kg_store_be16(s.bytes + csum_at, pseudo);
	kg_frame_complete_checksum(s.bytes, s.len);
	assert_memory_equal(s.bytes, good.bytes, good.len);
	kg_frame_complete_checksum(s.bytes, s.len); /* what is complete stays */
	assert_memory_equal(s.bytes, good.bytes, good.len);
	free(s.bytes);
	free(good.bytes);
}

static void unfilled_checksums_are_completed(void **state)
{
	struct sample tcp4 = tcp(false), tcp6 = tcp(true);

	expect_completed(good4(), UDP4 + UDP_CSUM, slow_pseudo(frame4 + IP4 + 12, 8, 17, 15));
	expect_completed(good6(), UDP6 + UDP_CSUM, slow_pseudo(frame6 + IP6 + 8, 32, 17, 15));
	fill_csum(tcp4.bytes + UDP4 + 16, tcp4.bytes + IP4 + 12, 8, 6, tcp4.bytes + UDP4, 25);
	expect_completed(tcp4, UDP4 + 16, slow_pseudo(frame4 + IP4 + 12, 8, 6, 25));
	fill_csum(tcp6.bytes + UDP6 + 16, tcp6.bytes + IP6 + 8, 32, 6, tcp6.bytes + UDP6, 25);
	expect_completed(tcp6, UDP6 + 16, slow_pseudo(frame6 + IP6 + 8, 32, 6, 25));
}

static void expect_untouched(struct sample s)
{
	struct sample before = sample(s.bytes, s.len);

	kg_frame_complete_checksum(s.bytes, s.len);
	assert_memory_equal(s.bytes, before.bytes, s.len);
	free(before.bytes);
	free(s.bytes);
}

static void other_checksums_are_left_alone(void **state)
{
	uint16_t pseudo = slow_pseudo(frame4 + IP4 + 12, 8, 17, 15);
	struct sample unfilled = with_be16(good4(), UDP4 + UDP_CSUM, pseudo);

	expect_untouched(with_be16(good4(), UDP4 + UDP_CSUM, 0));
	expect_untouched(with_be16(good4(), UDP4 + UDP_CSUM, 0x1234));
	expect_untouched(with_be16(sample(unfilled.bytes, unfilled.len), UDP4 + UDP_LEN, 14));
	expect_untouched(with_be16(sample(unfilled.bytes, unfilled.len), IP4 + 6, 0x2000));
	expect_untouched(with_byte(sample(unfilled.bytes, unfilled.len), IP4 + 9, 1));
	expect_untouched(with_be16(sample(unfilled.bytes, unfilled.len), 12, 0x0806));
	for (size_t len = 0; len < unfilled.len; len++)
		expect_untouched(sample(unfilled.bytes, len));
	free(unfilled.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_frames_are_read),
		cmocka_unit_test(padding_is_allowed),
		cmocka_unit_test(bytes_after_the_datagram_are_allowed),
		cmocka_unit_test(every_truncation_is_noticed),
		cmocka_unit_test(ends_show_as_far_as_they_do),
		cmocka_unit_test(lengths_that_contradict_are_noticed),
		cmocka_unit_test(ip_length_below_the_datagram_is_noticed),
		cmocka_unit_test(fragments_are_told_apart),
		cmocka_unit_test(the_rest_is_for_linux),
		cmocka_unit_test(tags_are_those_of_the_port),
		cmocka_unit_test(wrong_checksums_are_noticed),
		cmocka_unit_test(no_checksum_is_good_over_ipv4_only),
		cmocka_unit_test(unfilled_checksums_are_good),
		cmocka_unit_test(what_the_nic_has_checked_is_trusted),
		cmocka_unit_test(mutations_never_lead_out_of_the_frame),
		cmocka_unit_test(the_known_sum_comes_out),
		cmocka_unit_test(sums_of_any_length_and_alignment_agree),
		cmocka_unit_test(the_builder_writes_known_frames),
		cmocka_unit_test(only_a_datagram_with_an_id_may_be_cut),
		cmocka_unit_test(a_packet_alone_is_built),
		cmocka_unit_test(offload_leaves_the_sums_to_the_nic),
		cmocka_unit_test(what_is_built_parses_again),
		cmocka_unit_test(a_zero_checksum_is_written_as_ones),
		cmocka_unit_test(unfilled_checksums_are_completed),
		cmocka_unit_test(other_checksums_are_left_alone),
	};

	return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
