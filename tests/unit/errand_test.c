/* SPDX-License-Identifier: BSD-3-Clause */
/* What frames for Linux are about, and of which datagrams Linux's errors tell. */
#include "net/errand.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/rng.h"
#include "net/frame.h"

#define SEED 0x5eed0026

enum {
	ICMP = 1,
	TCP = 6,
	UDP = 17,
	FRAGMENT = 44,
	ICMPV6 = 58,
	MORE = 0x2000,
};

/* A frame that grows from the left. */
struct frame {
	uint8_t bytes[256];
	size_t len;
};

static uint8_t *grow(struct frame *f, size_t bytes)
{
	uint8_t *at = f->bytes + f->len;

	f->len += bytes;
	assert_true(f->len <= sizeof(f->bytes));
	return at;
}

static void ether(struct frame *f, uint16_t type)
{
	*f = (struct frame){ 0 };
	kg_store_be16(grow(f, KG_ETHER_BYTES) + 12, type);
}

/* To 198.18.0.2, or fd00::2. */
static void ip4(struct frame *f, uint8_t protocol, uint16_t fragment)
{
	uint8_t *ip = grow(f, KG_IPV4_BYTES);

	ip[0] = 0x45;
	kg_store_be16(ip + 6, fragment);
	ip[9] = protocol;
	memcpy(ip + 16, (uint8_t[]){ 198, 18, 0, 2 }, 4);
}

static void ip6(struct frame *f, uint8_t next)
{
	uint8_t *ip = grow(f, KG_IPV6_BYTES);

	ip[0] = 0x60;
	ip[6] = next;
	ip[24] = 0xfd;
	ip[39] = 2;
}

static void fragment6(struct frame *f, uint8_t next, uint16_t offset)
{
	uint8_t *fragment = grow(f, 8);

	fragment[0] = next;
	kg_store_be16(fragment + 2, offset);
}

static void icmp(struct frame *f, uint8_t type)
{
	grow(f, 8)[0] = type;
}

static void udp(struct frame *f, uint16_t port)
{
	kg_store_be16(grow(f, KG_UDP_BYTES) + 2, port);
}

static enum kg_errand errand(const struct frame *f)
{
	return kg_errand_of(f->bytes, f->len, KG_ETHER_BYTES);
}

static void neighbours_come_first(void **state)
{
	struct frame f;

	ether(&f, 0x0806);
	assert_int_equal(errand(&f), KG_ERRAND_NEIGHBOUR);
	for (uint8_t type = 135; type <= 136; type++) {
		ether(&f, 0x86dd);
		ip6(&f, ICMPV6);
		icmp(&f, type);
		assert_int_equal(errand(&f), KG_ERRAND_NEIGHBOUR);
	}
}

static void talks_come_before_what_nobody_asked_for(void **state)
{
	static const struct {
		uint8_t protocol;
		uint16_t fragment;
		enum kg_errand errand;
	} cases[] = {
		{ TCP, 0, KG_ERRAND_CALL },       { ICMP, 0, KG_ERRAND_CALL },
		{ UDP, 0, KG_ERRAND_UNASKED },    { 47, 0, KG_ERRAND_UNASKED },
		{ TCP, MORE, KG_ERRAND_UNASKED }, { ICMP, 185, KG_ERRAND_UNASKED },
	};
	struct frame f;

	for (size_t i = 0; i < KG_ARRAY_SIZE(cases); i++) {
		ether(&f, 0x0800);
		ip4(&f, cases[i].protocol, cases[i].fragment);
		icmp(&f, 8);
		assert_int_equal(errand(&f), cases[i].errand);
	}
	for (size_t i = 0; i < KG_ARRAY_SIZE(cases); i++) {
		ether(&f, 0x86dd);
		ip6(&f, cases[i].fragment != 0 ? FRAGMENT : cases[i].protocol);
		icmp(&f, 128);
		/* ICMP has another number there. */
		assert_int_equal(errand(&f),
				 cases[i].protocol == ICMP ? KG_ERRAND_UNASKED : cases[i].errand);
	}
	ether(&f, 0x88cc);
	assert_int_equal(errand(&f), KG_ERRAND_UNASKED);
}

static void redirects_are_known(void **state)
{
	struct frame f;

	ether(&f, 0x0800);
	ip4(&f, ICMP, 0);
	icmp(&f, 5);
	assert_int_equal(errand(&f), KG_ERRAND_REDIRECT);
	ether(&f, 0x86dd);
	ip6(&f, ICMPV6);
	icmp(&f, 137);
	assert_int_equal(errand(&f), KG_ERRAND_REDIRECT);
}

static void a_tag_before_the_header_is_passed(void **state)
{
	struct frame f = { 0 };

	kg_store_be16(grow(&f, KG_ETHER_BYTES + KG_VLAN_BYTES) + 16, 0x0806);
	assert_int_equal(kg_errand_of(f.bytes, f.len, KG_ETHER_BYTES + KG_VLAN_BYTES),
			 KG_ERRAND_NEIGHBOUR);
}

static void expect_about(const struct frame *f, const char *ip, uint16_t port)
{
	struct kg_endpoint about, expected = { .port = port };

	assert_true(kg_ip_parse(&expected.ip, ip));
	assert_true(kg_errand_complains(f->bytes, f->len, &about));
	assert_true(kg_endpoint_equal(&about, &expected));
}

static void expect_silence(const struct frame *f)
{
	struct kg_endpoint about;

	assert_false(kg_errand_complains(f->bytes, f->len, &about));
}

static void complain4(struct frame *f, uint8_t type, uint8_t protocol, uint16_t fragment)
{
	ether(f, 0x0800);
	ip4(f, ICMP, 0);
	icmp(f, type);
	ip4(f, protocol, fragment);
	udp(f, 3000);
}

static void say_too_big4(struct frame *f, uint16_t mtu, uint16_t length)
{
	complain4(f, 3, UDP, 0);
	f->bytes[KG_ETHER_BYTES + KG_IPV4_BYTES + 1] = 4;
	kg_store_be16(f->bytes + KG_ETHER_BYTES + KG_IPV4_BYTES + 6, mtu);
	kg_store_be16(f->bytes + KG_ETHER_BYTES + KG_IPV4_BYTES + 8 + 2, length);
}

static void say_too_big6(struct frame *f, uint32_t mtu, uint16_t length)
{
	ether(f, 0x86dd);
	ip6(f, ICMPV6);
	icmp(f, 2);
	kg_store_be32(f->bytes + KG_ETHER_BYTES + KG_IPV6_BYTES + 4, mtu);
	ip6(f, UDP);
	kg_store_be16(f->bytes + KG_ETHER_BYTES + KG_IPV6_BYTES + 8 + 4, length - KG_IPV6_BYTES);
	udp(f, 3000);
}

static bool too_big(const struct frame *f, struct kg_tuple *ends, uint16_t *mtu)
{
	return kg_errand_too_big(f->bytes, f->len, KG_ETHER_BYTES, ends, mtu);
}

static void routers_say_what_passes(void **state)
{
	struct kg_tuple ends;
	struct frame f;
	uint16_t mtu;

	say_too_big4(&f, 1400, 1500);
	assert_true(too_big(&f, &ends, &mtu));
	assert_int_equal(mtu, 1400);
	assert_int_equal(ends.remote.port, 3000);
	assert_int_equal(ends.remote.ip.bytes[3], 2);
	assert_int_equal(ends.local.ip.version, 4);
	say_too_big6(&f, 1300, 1420);
	assert_true(too_big(&f, &ends, &mtu));
	assert_int_equal(mtu, 1300);
	assert_int_equal(ends.remote.ip.bytes[15], 2);
	for (size_t len = 0; len < f.len - KG_UDP_BYTES + 4; len++)
		assert_false(kg_errand_too_big(f.bytes, len, KG_ETHER_BYTES, &ends, &mtu));
	say_too_big4(&f, 1400, 1400); /* that would have passed */
	assert_false(too_big(&f, &ends, &mtu));
	say_too_big4(&f, 0, 1500);
	assert_false(too_big(&f, &ends, &mtu));
	complain4(&f, 3, UDP, 0); /* another complaint */
	assert_false(too_big(&f, &ends, &mtu));
}

static void errors_tell_of_a_datagram(void **state)
{
	static const uint8_t types[] = { 3, 11, 12 };
	struct frame f;

	for (size_t i = 0; i < KG_ARRAY_SIZE(types); i++) {
		complain4(&f, types[i], UDP, MORE); /* the first fragment has the ports */
		expect_about(&f, "198.18.0.2", 3000);
	}
	ether(&f, 0x86dd);
	ip6(&f, ICMPV6);
	icmp(&f, 1);
	ip6(&f, UDP);
	udp(&f, 3001);
	expect_about(&f, "fd00::2", 3001);
	ether(&f, 0x86dd);
	ip6(&f, ICMPV6);
	icmp(&f, 3);
	ip6(&f, FRAGMENT);
	fragment6(&f, UDP, 1);
	udp(&f, 3002);
	expect_about(&f, "fd00::2", 3002);
}

static void other_frames_tell_of_none(void **state)
{
	struct frame f;

	complain4(&f, 0, UDP, 0); /* an echo's answer */
	expect_silence(&f);
	complain4(&f, 3, TCP, 0);
	expect_silence(&f);
	complain4(&f, 3, UDP, 185); /* a later fragment has no ports */
	expect_silence(&f);
	ether(&f, 0x86dd);
	ip6(&f, ICMPV6);
	icmp(&f, 129);
	ip6(&f, UDP);
	udp(&f, 3000);
	expect_silence(&f);
	ether(&f, 0x0800);
	ip4(&f, UDP, 0);
	udp(&f, 3000);
	expect_silence(&f);
}

/* In memory of exactly its size a sanitizer sees one byte too far. */
static void nothing_is_read_beyond_the_end(void **state)
{
	struct kg_endpoint about;
	struct kg_rng rng;
	struct frame f;

	kg_rng_init(&rng, SEED);
	for (int round = 0; round < 20000; round++) {
		uint8_t *bytes;
		size_t len;

		if (round % 2 == 0)
			complain4(&f, 3, UDP, 0);
		else
			ether(&f, 0x86dd), ip6(&f, ICMPV6), icmp(&f, 1), ip6(&f, FRAGMENT);
		len = kg_rng_below(&rng, (uint32_t)f.len + 1);
		bytes = malloc(len + 1);
		memcpy(bytes + 1, f.bytes, len);
		if (len > 0)
			bytes[1 + kg_rng_below(&rng, (uint32_t)len)] = (uint8_t)kg_rng_next(&rng);
		kg_errand_of(bytes + 1, len, KG_ETHER_BYTES);
		kg_errand_complains(bytes + 1, len, &about);
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(neighbours_come_first),
		cmocka_unit_test(talks_come_before_what_nobody_asked_for),
		cmocka_unit_test(redirects_are_known),
		cmocka_unit_test(a_tag_before_the_header_is_passed),
		cmocka_unit_test(errors_tell_of_a_datagram),
		cmocka_unit_test(routers_say_what_passes),
		cmocka_unit_test(other_frames_tell_of_none),
		cmocka_unit_test(nothing_is_read_beyond_the_end),
	};

	return cmocka_run_group_tests_name("errand", tests, NULL, NULL);
}
