/* SPDX-License-Identifier: BSD-3-Clause */
/* Conversations that are remembered for a while. */
#include "kcpgate/recent.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct kg_recent recent;

static struct kg_tuple tuple_of(uint16_t local_port, const char *remote)
{
	struct kg_tuple tuple = { .local.port = local_port, .remote.port = 53 };

	assert_true(kg_ip_parse(&tuple.local.ip, "198.18.0.2"));
	assert_true(kg_ip_parse(&tuple.remote.ip, remote));
	return tuple;
}

static void both_ends_count(void **state)
{
	struct kg_tuple one = tuple_of(40000, "198.18.0.9"), other = one;

	(void)state;
	assert_false(kg_recent_has(&recent, &one, 0));
	kg_recent_note(&recent, &one, 0);
	assert_true(kg_recent_has(&recent, &one, 0));
	other.remote.port++;
	assert_false(kg_recent_has(&recent, &other, 0));
	other = tuple_of(40001, "198.18.0.9");
	assert_false(kg_recent_has(&recent, &other, 0));
	other = tuple_of(40000, "198.18.0.8");
	assert_false(kg_recent_has(&recent, &other, 0));
}

static void it_is_forgotten_after_silence(void **state)
{
	struct kg_tuple tuple = tuple_of(40002, "fd00:18::9");
	uint64_t keep_us = KG_RECENT_KEEP_S * KG_US_PER_S;

	(void)state;
	kg_recent_note(&recent, &tuple, 5 * KG_US_PER_S);
	assert_true(kg_recent_has(&recent, &tuple, 5 * KG_US_PER_S + keep_us));
	assert_false(kg_recent_has(&recent, &tuple, 6 * KG_US_PER_S + keep_us));
	kg_recent_note(&recent, &tuple, 6 * KG_US_PER_S + keep_us);
	assert_true(kg_recent_has(&recent, &tuple, 7 * KG_US_PER_S + keep_us));
}

/* However many there are: the last are known. */
static void the_latest_are_known(void **state)
{
	unsigned int known = 0;

	(void)state;
	for (unsigned int i = 0; i < 20000; i++) {
		struct kg_tuple tuple = tuple_of((uint16_t)(40000 + i), "198.18.0.9");

		kg_recent_note(&recent, &tuple, 0);
		assert_true(kg_recent_has(&recent, &tuple, 0));
	}
	for (unsigned int i = 19900; i < 20000; i++) {
		struct kg_tuple tuple = tuple_of((uint16_t)(40000 + i), "198.18.0.9");

		known += kg_recent_has(&recent, &tuple, 0);
	}
	assert_in_range(known, 90, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ends_count),
		cmocka_unit_test(it_is_forgotten_after_silence),
		cmocka_unit_test(the_latest_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
