/* SPDX-License-Identifier: BSD-3-Clause */
/* Reserved ports against Linux: what is added, kept of others, and taken back after a kill. */
#include "kernel/reserved_ports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "far_end.h"

#define RESERVED "/proc/sys/net/ipv4/ip_local_reserved_ports"

static const char *reserved(void)
{
	return shell_output("cat " RESERVED);
}

static void reserve(const char *list)
{
	shell("echo '%s' > " RESERVED, list);
}

/* Runs of this test beside each other have names of their own. */
static struct kg_reserved_ports *hold_as(const char *box, const struct kg_port_range *ranges,
					 unsigned int count)
{
	struct kg_reserved_ports *held;
	char name[64];

	snprintf(name, sizeof(name), "%s-%d", box, (int)getpid());
	held = kg_reserved_ports_hold(name, ranges, count);
	assert_non_null(held);
	return held;
}

static struct kg_reserved_ports *hold(const struct kg_port_range *ranges, unsigned int count)
{
	return hold_as("one", ranges, count);
}

static void ports_are_reserved_and_given_back(void **state)
{
	static const struct kg_port_range ranges[] = { { 3000, 3010 }, { 65535, 65535 } };
	struct kg_reserved_ports *held;

	assert_string_equal(reserved(), "\n");
	held = hold(ranges, 2);
	assert_string_equal(reserved(), "3000-3010,65535\n");
	kg_reserved_ports_release(held);
	assert_string_equal(reserved(), "\n");
}

static void what_others_reserved_stays(void **state)
{
	static const struct kg_port_range ranges[] = { { 150, 160 },
						       { 190, 210 },
						       { 40001, 40001 } };
	struct kg_reserved_ports *held;

	reserve("100-200,40000");
	held = hold(ranges, 3);
	assert_string_equal(reserved(), "100-210,40000-40001\n");
	kg_reserved_ports_release(held);
	assert_string_equal(reserved(), "100-200,40000\n");
	reserve("");
}

/* What is reserved in the meantime is nobody's to take away. */
static void changes_in_between_survive(void **state)
{
	static const struct kg_port_range ours = { 3000, 3002 }, more = { 5000, 5000 };
	struct kg_reserved_ports *first = hold(&ours, 1), *second = hold_as("two", &more, 1);

	assert_string_equal(reserved(), "3000-3002,5000\n");
	reserve("3000-3002,4000,5000");
	kg_reserved_ports_release(first);
	assert_string_equal(reserved(), "4000,5000\n");
	kg_reserved_ports_release(second);
	assert_string_equal(reserved(), "4000\n");
	reserve("");
}

/* Far more than a page of text. */
static void thousands_of_ranges_fit(void **state)
{
	static struct kg_port_range ranges[5000];
	struct kg_reserved_ports *held;
	const char *text;
	size_t commas = 0;

	for (unsigned int i = 0; i < 5000; i++)
		ranges[i].first = ranges[i].last = (uint16_t)(20001 + 2 * i);
	reserve("1");
	held = hold(ranges, 5000);
	for (text = reserved(); *text != '\0'; text++)
		commas += *text == ',';
	assert_int_equal(commas, 5000);
	kg_reserved_ports_release(held);
	assert_string_equal(reserved(), "1\n");
	reserve("");
}

/* Who is killed gives nothing back; his next start does, and keeps what it needs itself. */
static void what_a_killed_box_has_left_is_given_back(void **state)
{
	static const struct kg_port_range ours = { 3000, 3002 }, later = { 3002, 3003 };
	struct kg_reserved_ports *held;

	reserve("3001");
	free(hold(&ours, 1));
	assert_string_equal(reserved(), "3000-3002\n");
	held = hold(&later, 1);
	assert_string_equal(reserved(), "3001-3003\n");
	kg_reserved_ports_release(held);
	assert_string_equal(reserved(), "3001\n");
	held = hold(&ours, 1);
	kg_reserved_ports_release(held);
	assert_string_equal(reserved(), "3001\n");
	reserve("");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_are_reserved_and_given_back),
		cmocka_unit_test(what_others_reserved_stays),
		cmocka_unit_test(changes_in_between_survive),
		cmocka_unit_test(thousands_of_ranges_fit),
		cmocka_unit_test(what_a_killed_box_has_left_is_given_back),
	};

	far_end_start();
	return cmocka_run_group_tests_name("reserved_ports", tests, NULL, NULL);
}
