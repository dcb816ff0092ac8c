/* SPDX-License-Identifier: BSD-3-Clause */
/* Entries of what may be connected to: what they allow, and what is none. */
#include "net/allow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool allows(const char *entry, const char *to)
{
	struct kg_endpoint endpoint;
	struct kg_allow allow;

	assert_true(kg_allow_parse(&allow, entry));
	assert_true(kg_endpoint_parse(&endpoint, to));
	return kg_allow_contains(&allow, 1, &endpoint);
}

static void addresses_and_ports_are_compared(void **state)
{
	assert_true(allows("127.0.0.1:8000", "127.0.0.1:8000"));
	assert_false(allows("127.0.0.1:8000", "127.0.0.1:8001"));
	assert_false(allows("127.0.0.1:8000", "127.0.0.2:8000"));
	assert_true(allows("10.0.0.0/8:1-65535", "10.255.0.1:1"));
	assert_true(allows("10.0.0.0/8:1-65535", "10.0.0.0:65535"));
	assert_false(allows("10.0.0.0/8:1-65535", "11.0.0.0:80"));
	assert_true(allows("10.1.2.3/8:80", "10.9.9.9:80"));
	assert_true(allows("198.18.0.0/15:80-81", "198.19.1.1:81"));
	assert_false(allows("198.18.0.0/15:80-81", "198.19.1.1:82"));
	assert_false(allows("198.18.0.0/15:80-81", "198.19.1.1:79"));
	assert_true(allows("0.0.0.0/0:*", "255.255.255.255:65535"));
	assert_true(allows("[fd00:18::1]:53", "[fd00:18::1]:53"));
	assert_false(allows("[fd00:18::1]:53", "[fd00:18::2]:53"));
	assert_true(allows("[fd00:18::/32]:*", "[fd00:18:ffff::1]:1"));
	assert_false(allows("[fd00:18::/32]:*", "[fd00:19::1]:1"));
}

static void families_are_apart(void **state)
{
	assert_false(allows("[::/0]:*", "127.0.0.1:80"));
	assert_false(allows("0.0.0.0/0:*", "[::1]:80"));
	assert_false(allows("[::7f00:1]:*", "127.0.0.1:80"));
}

static void ipv4_in_ipv6_is_ipv4(void **state)
{
	assert_true(allows("127.0.0.1:80", "[::ffff:127.0.0.1]:80"));
	assert_false(allows("[::/0]:80", "[::ffff:127.0.0.1]:80"));
	assert_true(allows("[::ffff:127.0.0.1]:80", "127.0.0.1:80"));
	assert_true(allows("[::ffff:10.0.0.0/104]:80", "10.1.1.1:80"));
	assert_false(allows("[::ffff:10.0.0.0/104]:80", "11.1.1.1:80"));
	assert_true(allows("[::ffff:0.0.0.0/96]:80", "11.1.1.1:80"));
}

static void one_of_several_is_enough(void **state)
{
	struct kg_endpoint to;
	struct kg_allow list[2];

	assert_true(kg_allow_parse(&list[0], "10.0.0.0/8:80"));
	assert_true(kg_allow_parse(&list[1], "[fd00:18::1]:1-9"));
	assert_true(kg_endpoint_parse(&to, "[fd00:18::1]:9"));
	assert_true(kg_allow_contains(list, 2, &to));
	assert_false(kg_allow_contains(list, 1, &to));
	assert_false(kg_allow_contains(list, 0, &to));
}

static void what_is_no_entry_is_refused(void **state)
{
	static const char *const wrong[] = {
		"",
		":",
		":80",
		"127.0.0.1",
		"127.0.0.1:",
		"127.0.0.1:0",
		"127.0.0.1:65536",
		"127.0.0.1:80-",
		"127.0.0.1:80-79",
		"127.0.0.1:-80",
		"127.0.0.1:80-90-100",
		"127.0.0.1:80,81",
		"127.0.0.1: 80",
		"127.0.0.1:+80",
		"127.0.0.1:**",
		"127.0.0.1/33:80",
		"127.0.0.1/:80",
		"127.1:80",
		"host.name:80",
		"localhost:*",
		"*:80",
		"::1:80",
		"fd00:18::/32:80",
		"[fd00:18::]/32:80",
		"[fd00:18::/129]:80",
		"[fd00:18::1:80",
		"fd00:18::1]:80",
		"[127.0.0.1]:80",
		"[]:80",
		"[fe80::1%eth0]:80",
		"[",
		"[:80",
		"000000000000000000000000000000000000000000000000000000000000000127.0.0.1:80",
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(wrong); i++) {
		struct kg_allow allow;

		if (kg_allow_parse(&allow, wrong[i]))
			fail_msg("\"%s\" was taken", wrong[i]);
	}
}

static void entries_have_a_text(void **state)
{
	static const char *const texts[][2] = {
		{ "127.0.0.1:8000", "127.0.0.1:8000" },
		{ "127.0.0.1/32:8000-8000", "127.0.0.1:8000" },
		{ "10.0.0.0/8:*", "10.0.0.0/8:1-65535" },
		{ "[fd00:18:0::/32]:53-54", "[fd00:18::/32]:53-54" },
		{ "[fd00:18::1/128]:53", "[fd00:18::1]:53" },
		{ "[::ffff:10.0.0.0/104]:1", "10.0.0.0/8:1" },
		{ "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0/127]:10000-65535",
		  "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0/127]:10000-65535" },
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(texts); i++) {
		char text[KG_ALLOW_TEXT_BYTES];
		struct kg_allow allow;

		assert_true(kg_allow_parse(&allow, texts[i][0]));
		assert_string_equal(kg_allow_text(&allow, text), texts[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_and_ports_are_compared),
		cmocka_unit_test(families_are_apart),
		cmocka_unit_test(ipv4_in_ipv6_is_ipv4),
		cmocka_unit_test(one_of_several_is_enough),
		cmocka_unit_test(what_is_no_entry_is_refused),
		cmocka_unit_test(entries_have_a_text),
	};

	return cmocka_run_group_tests_name("allow", tests, NULL, NULL);
}
