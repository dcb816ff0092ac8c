/* SPDX-License-Identifier: BSD-3-Clause */
/* Datagrams that tell by their acknowledgement what passes. */
#include "session/witnesses.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void who_is_acknowledged_tells_its_length(void **state)
{
	struct kg_witnesses w = { 0 };

	kg_witnesses_add(&w, 1, 10, 1400);
	kg_witnesses_add(&w, 2, 10, 900);
	assert_int_equal(kg_witnesses_hear(&w, 1, 9), 0);
	assert_int_equal(kg_witnesses_hear(&w, 2, 10), 900);
	assert_int_equal(kg_witnesses_hear(&w, 1, 10), 1400);
	assert_int_equal(kg_witnesses_hear(&w, 1, 10), 0);
	assert_int_equal(w.count, 0);
}

/* Of what left before it nobody knows whether it has arrived. */
static void who_was_passed_over_tells_nothing(void **state)
{
	struct kg_witnesses w = { 0 };

	kg_witnesses_add(&w, 1, UINT32_MAX, 1400);
	kg_witnesses_add(&w, 1, 1, 1300);
	kg_witnesses_add(&w, 1, 3, 1200);
	assert_int_equal(kg_witnesses_hear(&w, 1, 2), 0);
	assert_int_equal(w.count, 1);
	assert_int_equal(kg_witnesses_hear(&w, 1, 3), 1200);
}

static void there_are_so_many_and_no_more(void **state)
{
	struct kg_witnesses w = { 0 };

	for (uint32_t order = 0; order < 2 * KG_WITNESSES; order++)
		kg_witnesses_add(&w, 1, order, 1400);
	assert_int_equal(w.count, KG_WITNESSES);
	assert_int_equal(kg_witnesses_hear(&w, 1, KG_WITNESSES), 0);
	assert_int_equal(w.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_acknowledged_tells_its_length),
		cmocka_unit_test(who_was_passed_over_tells_nothing),
		cmocka_unit_test(there_are_so_many_and_no_more),
	};

	return cmocka_run_group_tests_name("witnesses", tests, NULL, NULL);
}
