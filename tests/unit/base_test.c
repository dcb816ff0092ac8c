/* SPDX-License-Identifier: BSD-3-Clause */
/* What every file may use does no more than it says. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* A word that another thread makes greater between any two looks at it. */
static uint32_t look(uint32_t *word)
{
	return (*word)++;
}

/* Else a limit would be compared with one value, and exceeded by the next. */
static void min_and_max_look_once(void **state)
{
	uint32_t word = 5;

	assert_int_equal(KG_MIN(look(&word), 6u), 5);
	assert_int_equal(KG_MIN(6u, look(&word)), 6);
	assert_int_equal(KG_MAX(look(&word), 7u), 7);
	assert_int_equal(KG_MAX(7u, look(&word)), 8);
	assert_int_equal(word, 9);
}

static void min_and_max_nest(void **state)
{
	uint32_t word = 5;

	assert_int_equal(KG_MIN(KG_MAX(look(&word), 1u), KG_MIN(look(&word), 9u)), 5);
	assert_int_equal(word, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(min_and_max_look_once),
		cmocka_unit_test(min_and_max_nest),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
