/* SPDX-License-Identifier: BSD-3-Clause */
/* What is load, and what is a question and its answer. */
#include "thread/load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOW_US 1000000

static void a_little_work_is_no_load(void **state)
{
	struct kg_load load;

	(void)state;
	kg_load_sleep(&load, NOW_US);
	load.work += 4;
	assert_false(kg_load_is_bulk(&load, NOW_US));
}

static void much_at_once_is_load(void **state)
{
	struct kg_load load;

	(void)state;
	kg_load_sleep(&load, NOW_US);
	load.work += 20;
	assert_true(kg_load_is_bulk(&load, NOW_US + 200));
	assert_false(kg_load_is_bulk(&load, NOW_US + 201));
}

static void it_is_counted_from_sleep_to_sleep(void **state)
{
	struct kg_load load = { .work = 100, .since_us = NOW_US };

	(void)state;
	kg_load_sleep(&load, NOW_US + 10);
	assert_false(kg_load_is_bulk(&load, NOW_US + 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_little_work_is_no_load),
		cmocka_unit_test(much_at_once_is_load),
		cmocka_unit_test(it_is_counted_from_sleep_to_sleep),
	};

	return cmocka_run_group_tests_name("load", tests, NULL, NULL);
}
