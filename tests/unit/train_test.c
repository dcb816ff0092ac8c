/* SPDX-License-Identifier: BSD-3-Clause */
/* What becomes one frame is cut into the same frames again, by what cuts Linux's. */
#include "net/train.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <string.h>

#include "base/bytes.h"
#include "net/split.h"

#define FRAMES_MAX 64
#define ROOM       1600

struct made {
	uint8_t bytes[ROOM];
	size_t len;
};

static struct made frames[FRAMES_MAX], whole[FRAMES_MAX];
static const struct kg_l2 l2 = { .bytes = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1 },
				 .len = KG_ETHER_BYTES };

static struct kg_endpoint endpoint(uint8_t version, uint8_t host, uint16_t port)
{
	struct kg_endpoint e = { .ip.version = version, .port = port };

	e.ip.bytes[0] = 0xfd;
	e.ip.bytes[version == 4 ? 3 : 15] = host;
	return e;
}

static size_t make(uint8_t *out, const struct kg_endpoint *to, uint16_t payload, uint8_t fill,
		   enum kg_frame_csum csum)
{
	const struct kg_endpoint from = endpoint(to->ip.version, 1, 3000);
	uint16_t headers = kg_frame_header_bytes(&l2, to->ip.version);

	memset(out + headers, fill, payload);
	kg_frame_build(out, &l2, &from, to, payload, 0, csum);
	return headers + (size_t)payload;
}

/* As it waits to be sent, and as the wire shall have it. */
static void make_both(unsigned int i, const struct kg_endpoint *to, uint16_t payload)
{
	frames[i].len = make(frames[i].bytes, to, payload, (uint8_t)i, KG_FRAME_CSUM_OFFLOAD);
	whole[i].len = make(whole[i].bytes, to, payload, (uint8_t)i, KG_FRAME_CSUM_SOFTWARE);
}

/* Of the first frames, which ride together. */
static unsigned int ride(struct kg_train *train, unsigned int count)
{
	unsigned int n = 1;

	kg_train_begin(train, frames[0].bytes, frames[0].len);
	while (n < count && kg_train_add(train, frames[n].bytes, frames[n].len))
		n++;
	return n;
}

static size_t assemble(const struct kg_train *train, unsigned int count, uint8_t *out,
		       struct kg_offload *offload)
{
	size_t len = train->headers_bytes;

	kg_train_end(train, out, offload);
	for (unsigned int i = 0; i < count; i++) {
		size_t bytes = frames[i].len - train->headers_bytes;

		memcpy(out + len, frames[i].bytes + train->headers_bytes, bytes);
		len += bytes;
	}
	return len;
}

/* Ids count on from the first's, so IPv4's header is compared without id and checksum. */
static void expect_same(const uint8_t *piece, const struct made *expected)
{
	uint8_t copy[ROOM];

	memcpy(copy, piece, expected->len);
	if (copy[KG_ETHER_BYTES] >> 4 == 4) {
		memcpy(copy + 18, expected->bytes + 18, 2);
		memcpy(copy + 24, expected->bytes + 24, 2);
	}
	assert_memory_equal(copy, expected->bytes, expected->len);
}

static void expect_cut(unsigned int count)
{
	static uint8_t super[FRAMES_MAX * ROOM];
	struct kg_offload offload;
	struct kg_train train;
	struct kg_split split;
	uint8_t piece[ROOM];

	assert_int_equal(ride(&train, count), count);
	assert_true(
		kg_split_begin(&split, super, assemble(&train, count, super, &offload), &offload));
	for (unsigned int i = 0; i < count; i++) {
		assert_int_equal(kg_split_next_bytes(&split), whole[i].len);
		kg_split_next(&split, piece);
		expect_same(piece, &whole[i]);
	}
	assert_int_equal(kg_split_next_bytes(&split), 0);
}

static void a_train_is_cut_into_its_frames(void **state)
{
	static const uint8_t versions[] = { 4, 6 };

	(void)state;
	for (size_t v = 0; v < KG_ARRAY_SIZE(versions); v++) {
		const struct kg_endpoint to = endpoint(versions[v], 2, 4000);

		for (unsigned int i = 0; i < 7; i++)
			make_both(i, &to, i < 6 ? 1400 : 33);
		expect_cut(7);
		expect_cut(2);
	}
}

static void a_shorter_frame_is_the_last(void **state)
{
	const struct kg_endpoint to = endpoint(4, 2, 4000);
	struct kg_train train;

	(void)state;
	make_both(0, &to, 1000);
	make_both(1, &to, 999);
	make_both(2, &to, 999);
	assert_int_equal(ride(&train, 3), 2);
	make_both(1, &to, 1001);
	assert_int_equal(ride(&train, 3), 1);
}

/* Addresses, ports, TOS, TTL, whether it may be cut, IPv6's flow label. */
static void what_differs_does_not_ride(void **state)
{
	static const size_t at4[] = { 0, 6, 15, 20, 22, 26, 33, 34, 37 };
	static const size_t at6[] = { 0, 15, 17, 21, 22, 53, 54, 57 };
	const struct kg_endpoint to4 = endpoint(4, 2, 4000), to6 = endpoint(6, 2, 4000);
	struct kg_train train;

	(void)state;
	for (size_t i = 0; i < KG_ARRAY_SIZE(at4) + KG_ARRAY_SIZE(at6); i++) {
		bool four = i < KG_ARRAY_SIZE(at4);
		size_t at = four ? at4[i] : at6[i - KG_ARRAY_SIZE(at4)];

		for (unsigned int n = 0; n < 3; n++)
			make_both(n, four ? &to4 : &to6, 500);
		assert_int_equal(ride(&train, 3), 3);
		frames[1].bytes[at] ^= 0x20;
		assert_int_equal(ride(&train, 3), 1);
	}
	make_both(0, &to4, 500);
	make_both(1, &to6, 480);
	assert_int_equal(ride(&train, 2), 1);
}

static void nothing_cannot_be_cut(void **state)
{
	const struct kg_endpoint to = endpoint(4, 2, 4000);
	struct kg_train train;

	(void)state;
	make_both(0, &to, 100);
	make_both(1, &to, 0);
	assert_int_equal(ride(&train, 2), 1);
	make_both(0, &to, 0);
	assert_int_equal(ride(&train, 2), 1);
}

/* 65,535 bytes with IP's header: 44 datagrams of 1,488 and their 28. */
static void no_packet_is_longer_than_ip_has_it(void **state)
{
	const struct kg_endpoint to = endpoint(4, 2, 4000);
	struct kg_train train;

	(void)state;
	for (unsigned int i = 0; i < 50; i++)
		make_both(i, &to, 1488);
	assert_int_equal(ride(&train, 50), 44);
	expect_cut(44);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_train_is_cut_into_its_frames),
		cmocka_unit_test(a_shorter_frame_is_the_last),
		cmocka_unit_test(what_differs_does_not_ride),
		cmocka_unit_test(nothing_cannot_be_cut),
		cmocka_unit_test(no_packet_is_longer_than_ip_has_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
