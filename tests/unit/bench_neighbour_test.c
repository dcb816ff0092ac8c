/* SPDX-License-Identifier: BSD-3-Clause */
/* ARP and neighbour discovery of kcpgate-bench's ports. */
#include "kcpgate-bench/box/neighbour.h"

#include "base/rng.h"
#include "net/checksum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>

static const struct kg_mac ours = { { 2, 0, 0, 0, 0, 1 } }, theirs = { { 2, 0, 0, 0, 0, 2 } };

static struct kg_ip ip(const char *text)
{
	struct kg_ip parsed;

	assert_true(kg_ip_parse(&parsed, text));
	return parsed;
}

static struct bench_neighbour_self self(const char *text, struct kg_mac mac)
{
	return (struct bench_neighbour_self){ .ip = ip(text), .mac = mac };
}

static bool mac_equal(const struct kg_mac *a, const struct kg_mac *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* One asks, the other answers, the first knows. */
static void talk(const char *asker_text, const char *other_text)
{
	struct bench_neighbour_self asker = self(asker_text, ours),
				    other = self(other_text, theirs);
	uint8_t frame[BENCH_NEIGHBOUR_FRAME_MAX];
	struct bench_neighbour message;
	uint16_t len;

	len = bench_neighbour_ask(frame, &asker, &other.ip);
	bench_neighbour_parse(&message, frame, len);
	assert_int_equal(message.kind, BENCH_NEIGHBOUR_QUESTION);
	assert_true(kg_ip_equal(&message.ip, &other.ip));
	assert_true(kg_ip_equal(&message.asker, &asker.ip));
	assert_true(mac_equal(&message.return_mac, &ours));

	len = bench_neighbour_answer(frame, &other, &message);
	assert_memory_equal(frame, ours.bytes, sizeof(ours.bytes));
	bench_neighbour_parse(&message, frame, len);
	assert_int_equal(message.kind, BENCH_NEIGHBOUR_ANSWER);
	assert_true(kg_ip_equal(&message.ip, &other.ip));
	assert_true(mac_equal(&message.mac, &theirs));
}

static void neighbours_find_each_other(void **state)
{
	talk("198.18.1.9", "198.18.1.1");
	talk("fd00:18:1::9", "fd00:18:1::1");
}

/* Byte by byte what RFC 826 has. */
static void an_arp_request_is_as_it_should_be(void **state)
{
	static const uint8_t wanted[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,   0,  0, 0, 0,
					  1,    8,    6,    0,    1,    8,    0,   6,  4, 0, 1,
					  2,    0,    0,    0,    0,    1,    198, 18, 1, 9, 0,
					  0,    0,    0,    0,    0,    198,  18,  1,  1 };
	struct bench_neighbour_self asker = self("198.18.1.9", ours);
	uint8_t frame[BENCH_NEIGHBOUR_FRAME_MAX];
	struct kg_ip wanted_ip = ip("198.18.1.1");

	assert_int_equal(bench_neighbour_ask(frame, &asker, &wanted_ip), sizeof(wanted));
	assert_memory_equal(frame, wanted, sizeof(wanted));
}

/* To the group of the address, with our MAC as option; the checksum is checked in talk(). */
static void a_solicitation_is_as_it_should_be(void **state)
{
	static const uint8_t ether[] = { 0x33, 0x33, 0xff, 0x34, 0x56, 0x78, 2, 0, 0,  0,  0,
					 1,    0x86, 0xdd, 0x60, 0,    0,    0, 0, 32, 58, 255 };
	static const uint8_t group[] = { 0xff, 2, 0, 0, 0,    0,    0,    0,
					 0,    0, 0, 1, 0xff, 0x34, 0x56, 0x78 };
	static const uint8_t option[] = { 1, 1, 2, 0, 0, 0, 0, 1 };
	struct bench_neighbour_self asker = self("fd00:18:1::9", ours);
	uint8_t frame[BENCH_NEIGHBOUR_FRAME_MAX];
	struct kg_ip wanted_ip = ip("fd00:18:1::12:3456:78");

	wanted_ip.bytes[13] = 0x34;
	wanted_ip.bytes[14] = 0x56;
	wanted_ip.bytes[15] = 0x78;
	assert_int_equal(bench_neighbour_ask(frame, &asker, &wanted_ip), sizeof(frame));
	assert_memory_equal(frame, ether, sizeof(ether));
	assert_memory_equal(frame + 38, group, sizeof(group));
	assert_int_equal(frame[54], 135);
	assert_memory_equal(frame + 62, wanted_ip.bytes, 16);
	assert_memory_equal(frame + 78, option, sizeof(option));
}

static enum bench_neighbour_kind kind_of(const uint8_t *frame, size_t len)
{
	struct bench_neighbour message;

	bench_neighbour_parse(&message, frame, len);
	return message.kind;
}

/* Cut anywhere it is nothing; whatever is changed, nothing beyond it is read (in a sanitized build,
 * the copy is as long as the frame). */
static void broken_messages_are_nothing(void **state)
{
	static const char *const pairs[][2] = { { "198.18.1.9", "198.18.1.1" },
						{ "fd00:18:1::9", "fd00:18:1::1" } };
	struct kg_rng rng;

	kg_rng_init(&rng, 11);
	for (size_t p = 0; p < KG_ARRAY_SIZE(pairs); p++) {
		struct bench_neighbour_self asker = self(pairs[p][0], ours);
		struct kg_ip wanted = ip(pairs[p][1]);
		uint8_t frame[BENCH_NEIGHBOUR_FRAME_MAX];
		uint16_t whole = bench_neighbour_ask(frame, &asker, &wanted);

		for (uint16_t len = 0; len < whole; len++) {
			uint8_t *copy = malloc(len + 1u);

			memcpy(copy, frame, len);
			copy = realloc(copy, len > 0 ? len : 1);
			assert_int_equal(kind_of(copy, len), BENCH_NEIGHBOUR_NONE);
			free(copy);
		}
		for (int i = 0; i < 20000; i++) {
			uint8_t *copy = malloc(whole);

			memcpy(copy, frame, whole);
			copy[kg_rng_below(&rng, whole)] = (uint8_t)kg_rng_next(&rng);
			kind_of(copy, whole);
			free(copy);
		}
	}
}

/* A right checksum over whatever the message is now. */
static void seal(uint8_t *frame)
{
	uint8_t *ip = frame + KG_ETHER_BYTES, *nd = ip + KG_IPV6_BYTES;
	uint16_t sum = 0;

	memcpy(nd + 2, &sum, sizeof(sum));
	sum = (uint16_t)~kg_checksum_fold(
		kg_checksum_add(kg_checksum_pseudo(ip + 8, 32, 58, 32), nd, 32));
	memcpy(nd + 2, &sum, sizeof(sum));
}

static void a_wrong_checksum_is_seen(void **state)
{
	struct bench_neighbour_self asker = self("fd00:18:1::9", ours);
	struct kg_ip wanted = ip("fd00:18:1::1");
	uint8_t frame[BENCH_NEIGHBOUR_FRAME_MAX];
	uint16_t len = bench_neighbour_ask(frame, &asker, &wanted);

	frame[KG_ETHER_BYTES + KG_IPV6_BYTES + 2] ^= 1;
	assert_int_equal(kind_of(frame, len), BENCH_NEIGHBOUR_NONE);
}

/* RFC 4861 §7.1: each of these makes it void. */
static void nd_is_checked(void **state)
{
	static const struct {
		uint16_t at;
		uint8_t value;
	} faults[] = {
		{ 21, 254 }, /* hop limit: came through a router */
		{ 20, 17 },  /* not ICMPv6 */
		{ 55, 1 },   /* code */
		{ 79, 0 },   /* an option of no length */
		{ 79, 2 },   /* an option longer than what is left */
	};
	struct bench_neighbour_self asker = self("fd00:18:1::9", ours);
	struct kg_ip wanted = ip("fd00:18:1::1");

	for (size_t i = 0; i < KG_ARRAY_SIZE(faults); i++) {
		uint8_t frame[BENCH_NEIGHBOUR_FRAME_MAX];
		uint16_t len = bench_neighbour_ask(frame, &asker, &wanted);

		seal(frame);
		assert_int_equal(kind_of(frame, len), BENCH_NEIGHBOUR_QUESTION);
		assert_int_not_equal(frame[faults[i].at], faults[i].value);
		frame[faults[i].at] = faults[i].value;
		seal(frame);
		assert_int_equal(kind_of(frame, len), BENCH_NEIGHBOUR_NONE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(neighbours_find_each_other),
		cmocka_unit_test(an_arp_request_is_as_it_should_be),
		cmocka_unit_test(a_solicitation_is_as_it_should_be),
		cmocka_unit_test(broken_messages_are_nothing),
		cmocka_unit_test(a_wrong_checksum_is_seen),
		cmocka_unit_test(nd_is_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
