/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses, endpoints, prefixes and tuples: read, written, compared, hashed. */
#include "net/addr.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <string.h>

static struct kg_ip ip(const char *text)
{
	struct kg_ip parsed;

	assert_true(kg_ip_parse(&parsed, text));
	return parsed;
}

static struct kg_prefix prefix(const char *text)
{
	struct kg_prefix parsed;

	assert_true(kg_prefix_parse(&parsed, text));
	return parsed;
}

static void literals_are_read_and_written(void **state)
{
	static const char *const texts[] = {
		"0.0.0.0", "198.18.0.1", "255.255.255.255", "::",
		"::1",     "fd00:18::2", "fe80::1",         "2001:db8:1:2:3:4:5:6"
	};
	char text[KG_IP_TEXT_BYTES];

	for (size_t i = 0; i < KG_ARRAY_SIZE(texts); i++) {
		struct kg_ip address = ip(texts[i]);

		assert_string_equal(kg_ip_text(&address, text), texts[i]);
		assert_int_equal(address.version, strchr(texts[i], ':') != NULL ? 6 : 4);
	}
}

static void bytes_are_in_network_order_and_the_rest_is_zero(void **state)
{
	struct kg_ip address;

	memset(&address, 0xff, sizeof(address));
	assert_true(kg_ip_parse(&address, "1.2.3.4"));
	assert_memory_equal(address.bytes, "\1\2\3\4\0\0\0\0\0\0\0\0\0\0\0\0", 16);
}

static void other_texts_are_refused(void **state)
{
	static const char *const texts[] = { "",          "1.2.3",   "1.2.3.4.5", "256.0.0.1",
					     "1.2.3.4 ",  " ::1",    "[::1]",     "fe80::1%eth0",
					     "localhost", "1::2::3", "12345::",   "1.2.3.4/24" };
	struct kg_ip address;

	for (size_t i = 0; i < KG_ARRAY_SIZE(texts); i++) {
		assert_false(kg_ip_parse(&address, texts[i]));
		assert_int_equal(address.version, 0);
	}
}

static void endpoints_are_written(void **state)
{
	struct kg_endpoint v4 = { ip("198.18.0.1"), 3000 }, v6 = { ip("fd00:18::1"), 65535 };
	struct kg_endpoint longest = { ip("1111:2222:3333:4444:5555:6666:7777:8888"), 65535 };
	struct kg_endpoint none = { { 0 }, 7 };
	char text[KG_ENDPOINT_TEXT_BYTES];

	assert_string_equal(kg_endpoint_text(&v4, text), "198.18.0.1:3000");
	assert_string_equal(kg_endpoint_text(&v6, text), "[fd00:18::1]:65535");
	assert_string_equal(kg_endpoint_text(&longest, text),
			    "[1111:2222:3333:4444:5555:6666:7777:8888]:65535");
	assert_string_equal(kg_endpoint_text(&none, text), "none:7");
}

static void endpoints_are_read_as_they_are_written(void **state)
{
	static const char *const good[] = { "198.18.0.1:3000", "[fd00:18::1]:65535", "[::]:0" };
	static const char *const bad[] = {
		"",
		":",
		"198.18.0.1",
		"198.18.0.1:",
		":80",
		"[:80",
		"[]:80",
		"198.18.0.1:65536",
		"[::1]",
		"[::1]80",
		"::1:80",
		"[198.18.0.1]:80",
		"[::1:80",
		"::1]:80",
		"198.18.0.1:+80",
		"198.18.0.1:000080",
		"1.2.3.4:a",
		"1.2.3.4:8x",
		"1.2.3.4:80:80",
		"[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa]:80",
	};
	struct kg_endpoint parsed;
	char text[KG_ENDPOINT_TEXT_BYTES];

	for (size_t i = 0; i < KG_ARRAY_SIZE(good); i++) {
		assert_true(kg_endpoint_parse(&parsed, good[i]));
		assert_string_equal(kg_endpoint_text(&parsed, text), good[i]);
	}
	for (size_t i = 0; i < KG_ARRAY_SIZE(bad); i++)
		assert_false(kg_endpoint_parse(&parsed, bad[i]));
}

static void prefixes_keep_their_host_bits(void **state)
{
	struct kg_prefix v4 = prefix("198.18.0.2/24"), v6 = prefix("fd00:18::2/64");
	struct kg_ip host4 = ip("198.18.0.2"), host6 = ip("fd00:18::2");

	assert_true(kg_ip_equal(&v4.ip, &host4));
	assert_int_equal(v4.length, 24);
	assert_true(kg_ip_equal(&v6.ip, &host6));
	assert_int_equal(v6.length, 64);
}

static void other_prefixes_are_refused(void **state)
{
	static const char *const texts[] = {
		"198.18.0.2",
		"198.18.0.2/",
		"198.18.0.2/33",
		"198.18.0.2/-1",
		"198.18.0.2/+8",
		"198.18.0.2/ 8",
		"198.18.0.2/8x",
		"198.18.0.2/256",
		"198.18.0.2/24/",
		"fd00::/129",
		"fd00::/1000",
		"/24",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa/64"
	};
	struct kg_prefix parsed;

	for (size_t i = 0; i < KG_ARRAY_SIZE(texts); i++)
		assert_false(kg_prefix_parse(&parsed, texts[i]));
}

static void a_prefix_contains_what_shares_its_bits(void **state)
{
	static const struct {
		const char *prefix, *ip;
		bool contained;
	} cases[] = {
		{ "198.18.0.2/24", "198.18.0.255", true },
		{ "198.18.0.2/24", "198.18.1.2", false },
		{ "198.18.0.0/15", "198.19.255.255", true },
		{ "198.18.0.0/15", "198.20.0.0", false },
		{ "198.18.0.2/32", "198.18.0.2", true },
		{ "198.18.0.2/32", "198.18.0.3", false },
		{ "0.0.0.0/0", "255.1.2.3", true },
		{ "0.0.0.0/0", "::1", false },
		{ "::/0", "1.2.3.4", false },
		{ "::/0", "ffff::", true },
		{ "fd00:18::1/63", "fd00:18:0:1::", true },
		{ "fd00:18::1/64", "fd00:18:0:1::", false },
		{ "fd00:18::1/128", "fd00:18::1", true },
		{ "fd00:18::1/128", "fd00:18::2", false },
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(cases); i++) {
		struct kg_prefix p = prefix(cases[i].prefix);
		struct kg_ip address = ip(cases[i].ip);

		assert_int_equal(kg_prefix_contains(&p, &address), cases[i].contained);
	}
}

static void equality_looks_at_everything(void **state)
{
	struct kg_endpoint a = { ip("1.2.3.4"), 5 }, b = a;

	assert_true(kg_endpoint_equal(&a, &b));
	b.port = 6;
	assert_false(kg_endpoint_equal(&a, &b));
	b = (struct kg_endpoint){ ip("1.2.3.5"), 5 };
	assert_false(kg_endpoint_equal(&a, &b));
	b = (struct kg_endpoint){ ip("102:304::"), 5 }; /* same bytes, other version */
	assert_memory_equal(a.ip.bytes, b.ip.bytes, 16);
	assert_false(kg_endpoint_equal(&a, &b));
	assert_true(kg_endpoint_hash(&a, 1) != kg_endpoint_hash(&b, 1));
}

static void the_hash_depends_on_the_seed(void **state)
{
	struct kg_endpoint a = { ip("198.18.0.1"), 3000 };

	assert_true(kg_endpoint_hash(&a, 1) == kg_endpoint_hash(&a, 1));
	assert_true(kg_endpoint_hash(&a, 1) != kg_endpoint_hash(&a, 2));
}

/* Every input bit flips about half of the output bits. */
static void the_hash_mixes_all_bits(void **state)
{
	struct kg_endpoint a = { ip("fd00:18::1"), 3000 };
	uint64_t before = kg_endpoint_hash(&a, 7);

	for (unsigned int bit = 0; bit < 144; bit++) {
		struct kg_endpoint b = a;
		int flipped;

		if (bit < 128)
			b.ip.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		else
			b.port ^= (uint16_t)(1u << (bit - 128));
		flipped = __builtin_popcountll(before ^ kg_endpoint_hash(&b, 7));
		assert_in_range(flipped, 12, 52); /* 5 standard deviations */
	}
}

static void a_tuple_has_two_different_ends(void **state)
{
	struct kg_endpoint a = { ip("198.18.0.1"), 6000 }, b = { ip("198.18.0.11"), 40000 };
	struct kg_tuple here = { .local = a, .remote = b }, there = { .local = b, .remote = a };
	struct kg_tuple same = { .local = a, .remote = b };

	assert_true(kg_tuple_hash(&here, 1) == kg_tuple_hash(&same, 1));
	assert_true(kg_tuple_hash(&here, 1) != kg_tuple_hash(&here, 2));
	assert_true(kg_tuple_hash(&here, 1) != kg_tuple_hash(&there, 1));
	same.local.port++;
	assert_true(kg_tuple_hash(&here, 1) != kg_tuple_hash(&same, 1));
}

static void link_local_is_fe80_10(void **state)
{
	static const struct {
		const char *text;
		bool link_local;
	} cases[] = {
		{ "fe80::1", true },  { "febf:ffff::", true },  { "fec0::1", false },
		{ "fe7f::1", false }, { "fd00:18::1", false },  { "::1", false },
		{ "::fe80", false },  { "254.128.0.1", false }, { "169.254.0.1", false },
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(cases); i++) {
		struct kg_ip address = ip(cases[i].text);

		assert_int_equal(kg_ip_is_link_local(&address), cases[i].link_local);
	}
}

static void some_addresses_are_special(void **state)
{
	static const struct {
		const char *text, *unmapped;
		bool unspecified, loopback;
	} cases[] = {
		{ "0.0.0.0", "0.0.0.0", true, false },
		{ "::", "::", true, false },
		{ "127.0.0.1", "127.0.0.1", false, true },
		{ "127.255.0.9", "127.255.0.9", false, true },
		{ "128.0.0.1", "128.0.0.1", false, false },
		{ "::1", "::1", false, true },
		{ "::2", "::2", false, false },
		{ "7f00::1", "7f00::1", false, false },
		{ "::ffff:127.0.0.1", "127.0.0.1", false, false },
		{ "::ffff:0.0.0.0", "0.0.0.0", false, false },
		{ "::fffe:127.0.0.1", "::fffe:7f00:1", false, false },
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(cases); i++) {
		char text[KG_IP_TEXT_BYTES];
		struct kg_ip ip, plain;

		assert_true(kg_ip_parse(&ip, cases[i].text));
		assert_int_equal(kg_ip_is_unspecified(&ip), cases[i].unspecified);
		assert_int_equal(kg_ip_is_loopback(&ip), cases[i].loopback);
		plain = kg_ip_unmapped(&ip);
		assert_string_equal(kg_ip_text(&plain, text), cases[i].unmapped);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(literals_are_read_and_written),
		cmocka_unit_test(bytes_are_in_network_order_and_the_rest_is_zero),
		cmocka_unit_test(other_texts_are_refused),
		cmocka_unit_test(endpoints_are_written),
		cmocka_unit_test(endpoints_are_read_as_they_are_written),
		cmocka_unit_test(prefixes_keep_their_host_bits),
		cmocka_unit_test(other_prefixes_are_refused),
		cmocka_unit_test(a_prefix_contains_what_shares_its_bits),
		cmocka_unit_test(equality_looks_at_everything),
		cmocka_unit_test(the_hash_depends_on_the_seed),
		cmocka_unit_test(the_hash_mixes_all_bits),
		cmocka_unit_test(a_tuple_has_two_different_ends),
		cmocka_unit_test(link_local_is_fe80_10),
		cmocka_unit_test(some_addresses_are_special),
	};

	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
