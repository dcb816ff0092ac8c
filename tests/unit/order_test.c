/* SPDX-License-Identifier: BSD-3-Clause */
/* In which order addresses are tried: rule by rule, and RFC 6724's examples as far as they have
 * addresses of both families. */
#include "net/order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define MAX 8

/* "address source", the source "-" where there is none; NULL ends the list. */
static const char *ordered(const char *const *list)
{
	static char text[MAX * KG_IP_TEXT_BYTES];
	struct kg_choice choices[MAX] = { 0 };
	struct kg_ip ips[MAX];
	unsigned int count = 0;

	for (; list[count] != NULL; count++) {
		char words[2 * KG_IP_TEXT_BYTES], *source;

		strcpy(words, list[count]);
		source = strchr(words, ' ');
		*source++ = '\0';
		assert_true(kg_ip_parse(&choices[count].ip, words));
		if (strcmp(source, "-") != 0)
			assert_true(kg_ip_parse(&choices[count].source, source));
	}
	kg_order(choices, count, ips);
	text[0] = '\0';
	for (unsigned int i = 0; i < count; i++) {
		char ip[KG_IP_TEXT_BYTES];

		strcat(strcat(text, i > 0 ? " " : ""), kg_ip_text(&ips[i], ip));
	}
	return text;
}

static const struct {
	const char *list[MAX], *order;
} cases[] = {
	{ { NULL }, "" },
	/* IPv6 where it can be reached, and with it what lies nearer. */
	{ { "198.51.100.121 198.51.100.117", "2001:db8:1::1 2001:db8:1::2" },
	  "2001:db8:1::1 198.51.100.121" },
	{ { "2001:db8:1::1 -", "198.51.100.121 198.51.100.117" }, "198.51.100.121 2001:db8:1::1" },
	{ { "2001:db8:1::1 2001:db8:3::2", "fe80::1 fe80::2" }, "fe80::1 2001:db8:1::1" },
	{ { "127.0.0.1 127.0.0.1", "::1 ::1" }, "::1 127.0.0.1" },
	/* A source of the same scope, then of the same label: RFC 6724 §10.2. */
	{ { "2001:db8:1::1 fe80::1", "198.51.100.121 198.51.100.117" },
	  "198.51.100.121 2001:db8:1::1" },
	{ { "198.51.100.121 169.254.13.78", "2001:db8:1::1 2001:db8:1::2" },
	  "2001:db8:1::1 198.51.100.121" },
	{ { "2002:c633:6401::1 2002:c633:6401::2", "2001:db8:1::1 2002:c633:6401::2" },
	  "2002:c633:6401::1 2001:db8:1::1" },
	{ { "2001:db8::1 fd00:18::2", "203.0.113.1 192.168.1.2" }, "203.0.113.1 2001:db8::1" },
	/* Unique local addresses are behind IPv4, from wherever: their prefix is no promise. */
	{ { "fd00:18::2 fd00:18::2", "198.18.0.2 198.18.0.2" }, "198.18.0.2 fd00:18::2" },
	{ { "2001::1 2001::2", "198.18.0.2 198.18.0.2" }, "198.18.0.2 2001::1" },
	{ { "2002:c633:6401::1 2002:c633:6401::2", "10.1.2.3 10.1.2.4" },
	  "10.1.2.3 2002:c633:6401::1" },
	/* IPv4 in IPv6's clothes is IPv4. */
	{ { "::ffff:198.18.0.1 198.18.0.9", "2001:db8::1 2001:db8::2" },
	  "2001:db8::1 ::ffff:198.18.0.1" },
	/* Name servers' order is kept. */
	{ { "198.18.0.3 198.18.0.9", "198.18.0.1 198.18.0.9", "198.18.0.2 198.18.0.9" },
	  "198.18.0.3 198.18.0.1 198.18.0.2" },
	/* Families take turns, and what cannot be reached waits. */
	{ { "198.18.0.1 198.18.0.9", "198.18.0.2 198.18.0.9", "2001:db8::1 2001:db8::9",
	    "2001:db8::2 2001:db8::9", "2001:db8::3 2001:db8::9" },
	  "2001:db8::1 198.18.0.1 2001:db8::2 198.18.0.2 2001:db8::3" },
	{ { "2001:db8::1 -", "2001:db8::2 -", "198.18.0.1 198.18.0.9", "198.18.0.2 198.18.0.9" },
	  "198.18.0.1 198.18.0.2 2001:db8::1 2001:db8::2" },
	/* Of nobody a way is known: the policy alone. */
	{ { "198.18.0.1 -", "2001:db8::1 -" }, "2001:db8::1 198.18.0.1" },
};

static void addresses_are_ordered(void **state)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(cases); i++)
		assert_string_equal(ordered(cases[i].list), cases[i].order);
}

/* Two families are ordered alike, whichever is told first. */
static void who_comes_first_does_not_matter(void **state)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(cases); i++) {
		const char *const *list = cases[i].list;

		if (list[0] != NULL && list[1] != NULL && list[2] == NULL)
			assert_string_equal(ordered((const char *[]){ list[1], list[0], NULL }),
					    cases[i].order);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_ordered),
		cmocka_unit_test(who_comes_first_does_not_matter),
	};

	return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
