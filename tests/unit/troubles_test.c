/* SPDX-License-Identifier: BSD-3-Clause */
/* Each trouble of each peer is told at once, and then once in ten seconds with its number. */
#include "telemetry/troubles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define T0 KG_US_PER_S

static const struct kg_ip one = { .version = 4, .bytes = { 198, 18, 0, 1 } };

static void told_at_once_and_then_seldom(void **state)
{
	struct kg_troubles t = { 0 };

	assert_int_equal(kg_troubles_note(&t, KG_TROUBLE_CHECK, 0, &one, T0), 1);
	for (uint64_t i = 1; i < 100; i++)
		assert_int_equal(kg_troubles_note(&t, KG_TROUBLE_CHECK, 0, &one, T0 + i), 0);
	assert_int_equal(kg_troubles_note(&t, KG_TROUBLE_CHECK, 0, &one, T0 + KG_TROUBLE_EVERY_US),
			 100);
	assert_int_equal(
		kg_troubles_note(&t, KG_TROUBLE_CHECK, 0, &one, T0 + 2 * KG_TROUBLE_EVERY_US), 1);
}

/* Strangers without number: what is told stays bounded, and memory is what it was. */
static void a_crowd_is_bounded(void **state)
{
	struct kg_troubles t = { 0 };
	unsigned int told = 0;

	for (unsigned int i = 0; i < 100000; i++) {
		struct kg_ip peer = { .version = 4 };

		memcpy(peer.bytes, &i, sizeof(i));
		told += kg_troubles_note(&t, KG_TROUBLE_CHECK, 0, &peer, T0 + i) > 0;
	}
	assert_int_equal(told, KG_TROUBLES_MAX);
	/* They give way when they have been quiet. */
	assert_int_equal(
		kg_troubles_note(&t, KG_TROUBLE_CLOCK, 3, &one, T0 + 100000 + KG_TROUBLE_EVERY_US),
		1);
}

static void all_have_words(void **state)
{
	for (int i = 0; i < KG_TROUBLE_COUNT; i++) {
		assert_true(strlen(kg_trouble_name(i)) > 0);
		assert_true(strlen(kg_trouble_help(i)) > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(told_at_once_and_then_seldom),
		cmocka_unit_test(a_crowd_is_bounded),
		cmocka_unit_test(all_have_words),
	};

	return cmocka_run_group_tests_name("troubles", tests, NULL, NULL);
}
