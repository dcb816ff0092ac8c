/* SPDX-License-Identifier: BSD-3-Clause */
/* KCPTube's text forms of values (docs/configuration.md). */
#include "config/values.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void numbers(void **state)
{
	static const struct {
		const char *text;
		bool good;
		int64_t number;
	} cases[] = {
		{ "0", true, 0 },
		{ " 180\t", true, 180 },
		{ "-7", true, -7 },
		{ "+7", true, 7 },
		{ "007", true, 7 },
		{ "9223372036854775807", true, INT64_MAX },
		{ "9223372036854775808", false, 0 },
		{ "99999999999999999999999999", false, 0 },
		{ "", false, 0 },
		{ " ", false, 0 },
		{ "-", false, 0 },
		{ "+-1", false, 0 },
		{ "12 # comment", false, 0 },
		{ "0x10", false, 0 },
		{ "1e3", false, 0 },
		{ "1.0", false, 0 },
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(cases); i++) {
		int64_t number = 0;

		if (kg_parse_number(cases[i].text, &number) != cases[i].good ||
		    number != cases[i].number)
			fail_msg("\"%s\" gave %lld", cases[i].text, (long long)number);
	}
}

static void booleans(void **state)
{
	static const char *const yes[] = { "yes", "TRUE", "1", " Yes " };
	static const char *const no[] = { "no", "False", "0" };
	static const char *const neither[] = { "", "y", "on", "2", "yes no", "truex" };
	bool value;

	for (size_t i = 0; i < KG_ARRAY_SIZE(yes); i++) {
		value = false;
		assert_true(kg_parse_bool(yes[i], &value));
		assert_true(value);
	}
	for (size_t i = 0; i < KG_ARRAY_SIZE(no); i++) {
		value = true;
		assert_true(kg_parse_bool(no[i], &value));
		assert_false(value);
	}
	for (size_t i = 0; i < KG_ARRAY_SIZE(neither); i++)
		assert_false(kg_parse_bool(neither[i], &value));
}

/* As docs/configuration.md has it; plain digits are bits. */
static void bandwidths(void **state)
{
	static const struct {
		const char *text;
		uint64_t Bps;
	} good[] = {
		{ "100k", 12500 },
		{ "100K", 12800 },
		{ "10m", 1250000 },
		{ "1g", 125000000 },
		{ "1M", 131072 },
		{ "100M", 13107200 },
		{ "500M", 65536000 },
		{ "1G", 134217728 },
		{ "8000000", 1000000 },
		{ "1000", 125 },
		{ "0", 0 },
		{ " 9 ", 1 },
		{ "1000000g", UINT64_C(125000000000000) },
	};
	static const char *const bad[] = {
		"",      "M",    "-1M",      "1.5G", "300MM",
		"10bps", "10 M", "1000001g", "M5",   "99999999999999999999999999999G",
	};
	uint64_t Bps;

	for (size_t i = 0; i < KG_ARRAY_SIZE(good); i++) {
		if (!kg_parse_bandwidth(good[i].text, &Bps) || Bps != good[i].Bps)
			fail_msg("\"%s\" gave %llu", good[i].text, (unsigned long long)Bps);
	}
	for (size_t i = 0; i < KG_ARRAY_SIZE(bad); i++) {
		if (kg_parse_bandwidth(bad[i], &Bps))
			fail_msg("\"%s\" gave %llu", bad[i], (unsigned long long)Bps);
	}
}

static void fec(void **state)
{
	static const struct {
		const char *text;
		struct kg_fec_config fec;
	} good[] = {
		{ "20:4", { 20, 4 } },   { "1:1", { 1, 1 } },        { "254:1", { 254, 1 } },
		{ "1:254", { 1, 254 } }, { "20:0", { 0, 0 } },       { "0:4", { 0, 0 } },
		{ "0:0", { 0, 0 } },     { " 010 : 3 ", { 10, 3 } },
	};
	static const char *const bad[] = {
		"",      ":",   "20",    "20:",   ":4",     "-3:2",  "0:256",
		"3:2:1", "3;2", "3.5:2", "255:1", "200:56", "256:1", "a:b",
	};
	struct kg_fec_config found = { 0 };

	for (size_t i = 0; i < KG_ARRAY_SIZE(good); i++) {
		if (!kg_parse_fec(good[i].text, &found) || found.data != good[i].fec.data ||
		    found.parity != good[i].fec.parity)
			fail_msg("\"%s\" gave %u:%u", good[i].text, found.data, found.parity);
	}
	for (size_t i = 0; i < KG_ARRAY_SIZE(bad); i++) {
		if (kg_parse_fec(bad[i], &found))
			fail_msg("\"%s\" gave %u:%u", bad[i], found.data, found.parity);
	}
	assert_int_equal(found.data, 10);
}

static void addresses(void **state)
{
	static const char *const good[] = { "198.18.0.1", "fd00:18::1", "[fd00:18::1]", "::" };
	static const char *const bad[] = {
		"",
		"[]",
		"[198.18.0.1]",
		"[fd00:18::1",
		"fd00:18::1]",
		"[[::1]]",
		"[::1]x",
		"x[::1]",
		"[fd00:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111]",
	};
	static const char *const prefixes[] = { "fd00:18::1/64", "[fd00:18::1]/64",
						"[fd00:18::1/64]" };
	static const char *const no_prefixes[] = { "[fd00:18::1]", "[198.18.0.1]/24",
						   "[fd00:18::1]64", "/64", "[]/64" };
	struct kg_prefix prefix;
	struct kg_ip ip;

	for (size_t i = 0; i < KG_ARRAY_SIZE(good); i++)
		assert_true(kg_parse_address(good[i], &ip));
	for (size_t i = 0; i < KG_ARRAY_SIZE(bad); i++) {
		if (kg_parse_address(bad[i], &ip))
			fail_msg("took \"%s\"", bad[i]);
	}
	for (size_t i = 0; i < KG_ARRAY_SIZE(prefixes); i++) {
		assert_true(kg_parse_prefix(prefixes[i], &prefix));
		assert_int_equal(prefix.length, 64);
		assert_int_equal(prefix.ip.bytes[15], 1);
	}
	for (size_t i = 0; i < KG_ARRAY_SIZE(no_prefixes); i++) {
		if (kg_parse_prefix(no_prefixes[i], &prefix))
			fail_msg("took \"%s\"", no_prefixes[i]);
	}
}

/* "3000-3010,4000" as the list reads when it is written. */
static char *ports_text(const struct kg_port_list *list)
{
	static char text[256];
	size_t used = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < list->count; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%u-%u", i ? "," : "",
					 list->ranges[i].first, list->ranges[i].last);
	return text;
}

static void port_lists(void **state)
{
	static const struct {
		const char *text, *merged;
	} good[] = {
		{ "3000", "3000-3000" },
		{ "3000-3010,4000", "3000-3010,4000-4000" },
		{ " 4000 , 3000 - 3010 ", "3000-3010,4000-4000" },
		{ "60000-65535", "60000-65535" },
		{ "1-65535", "1-65535" },
		{ "5-5", "5-5" },
		{ "7,7,7", "7-7" },
		{ "1-10,5-20,21", "1-21" },
		{ "1-100,5-6", "1-100" },
		{ "65535,65534", "65534-65535" },
		{ "3000,", "3000-3000" },
	};
	static const char *const bad[] = {
		"",   "0",    "65536", "70000",   "10-5", "-5",   "5-", "5-10-20", "1,,2",
		",1", "port", "0-5",   "1-65536", "1 2",  "0x10", "{}", ",",       "3000;3001",
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(good); i++) {
		struct kg_port_list list = { 0 };

		if (!kg_parse_ports(good[i].text, &list))
			fail_msg("refused \"%s\"", good[i].text);
		kg_port_list_merge(&list);
		assert_string_equal(ports_text(&list), good[i].merged);
		free(list.ranges);
	}
	for (size_t i = 0; i < KG_ARRAY_SIZE(bad); i++) {
		struct kg_port_list list = { 0 };

		if (kg_parse_ports(bad[i], &list))
			fail_msg("took \"%s\"", bad[i]);
		free(list.ranges);
	}
}

static void ranges_are_cut(void **state)
{
	static const struct {
		const char *text;
		struct kg_port_range range;
		unsigned int in;
		const char *left;
	} cases[] = {
		{ "1-65535", { 32768, 60999 }, 28232, "1-32767,61000-65535" },
		{ "3000-3010,40000", { 32768, 60999 }, 1, "3000-3010" },
		{ "3000-3010", { 32768, 60999 }, 0, "3000-3010" },
		{ "20000-40000,50000-65535", { 32768, 60999 }, 18233, "20000-32767,61000-65535" },
		{ "32768-60999", { 32768, 60999 }, 28232, "" },
		{ "1-65535", { 1, 65535 }, 65535, "" },
		{ "1-65535", { 1, 1 }, 1, "2-65535" },
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(cases); i++) {
		struct kg_port_list list = { 0 };

		assert_true(kg_parse_ports(cases[i].text, &list));
		kg_port_list_merge(&list);
		assert_int_equal(kg_port_list_count_in(&list, &cases[i].range), cases[i].in);
		kg_port_list_cut(&list, &cases[i].range);
		assert_string_equal(ports_text(&list), cases[i].left);
		free(list.ranges);
	}
}

static void ranges_contain(void **state)
{
	static const struct kg_port_range ranges[] = {
		{ 1, 1 },
		{ 3000, 3010 },
		{ 4000, 4000 },
		{ 65000, 65535 },
	};
	const unsigned int count = KG_ARRAY_SIZE(ranges);

	for (unsigned int port = 0; port <= UINT16_MAX; port++) {
		bool inside = false;

		for (unsigned int i = 0; i < count; i++)
			inside |= port >= ranges[i].first && port <= ranges[i].last;
		assert_int_equal(kg_port_ranges_contain(ranges, count, (uint16_t)port), inside);
	}
	assert_false(kg_port_ranges_contain(ranges, 0, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(booleans),
		cmocka_unit_test(fec),
		cmocka_unit_test(bandwidths),
		cmocka_unit_test(addresses),
		cmocka_unit_test(port_lists),
		cmocka_unit_test(ranges_contain),
		cmocka_unit_test(ranges_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
