/* SPDX-License-Identifier: BSD-3-Clause */
/* What every file may use does no more than it says. */
#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/until.h"

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

/* Also where its bits come round. */
static void until_is_known_from_near(void **state)
{
	static const uint64_t nows_ms[] = {
		0, 1, 12345, (1u << KG_UNTIL_BITS) - 1, 1u << KG_UNTIL_BITS, 123456789012
	};
	static const uint64_t aheads_ms[] = { 0, 1, 65535, 2 * 3600 * 1000 };

	for (size_t i = 0; i < KG_ARRAY_SIZE(nows_ms); i++) {
		for (size_t j = 0; j < KG_ARRAY_SIZE(aheads_ms); j++) {
			uint64_t now_us = nows_ms[i] * KG_US_PER_MS;
			uint64_t until_us = now_us + aheads_ms[j] * KG_US_PER_MS;
			uint32_t until = kg_until(until_us);

			assert_int_equal(kg_until_us(until, now_us), until_us);
			assert_int_equal(kg_until_past_ms(until, until_us + KG_US_PER_MS - 1), 0);
			assert_int_equal(kg_until_past_ms(until, until_us), 0);
			assert_int_equal(kg_until_past_ms(until, until_us + KG_US_PER_S), 1000);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(min_and_max_look_once),
		cmocka_unit_test(min_and_max_nest),
		cmocka_unit_test(until_is_known_from_near),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
