/* SPDX-License-Identifier: BSD-3-Clause */
/* The last drops are kept by address and reason, in memory that does not grow. */
#include "kcpgate/dropped.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct kg_dropped_table table;

static struct kg_dropped drop_of(uint8_t last_byte, uint8_t reason, uint64_t at_us)
{
	return (struct kg_dropped){
		.ends.remote = { { 4, { 198, 18, 0, last_byte } }, 3000 },
		.reason = reason,
		.at_us = at_us,
	};
}

static const struct kg_dropped *find(const struct kg_dropped *what)
{
	for (unsigned int i = 0; i < KG_DROPPED_PLACES; i++) {
		const struct kg_dropped *place = &table.places[i];

		if (place->count > 0 && place->reason == what->reason &&
		    kg_ip_equal(&place->ends.remote.ip, &what->ends.remote.ip))
			return place;
	}
	return NULL;
}

static int forget(void **state)
{
	(void)state;
	table = (struct kg_dropped_table){ 0 };
	return 0;
}

static void the_last_of_each_is_kept(void **state)
{
	struct kg_dropped first = drop_of(1, 5, 10), last = drop_of(1, 5, 20);
	struct kg_dropped other = drop_of(1, 6, 15);

	(void)state;
	last.ends.remote.port = 3001;
	kg_dropped_note(&table, &first);
	kg_dropped_note(&table, &other);
	kg_dropped_note(&table, &last);
	assert_int_equal(find(&first)->count, 2);
	assert_int_equal(find(&first)->at_us, 20);
	assert_int_equal(find(&first)->ends.remote.port, 3001);
	assert_int_equal(find(&other)->count, 1);
}

/* Whoever sends most has one place. */
static void a_flood_of_one_leaves_the_others(void **state)
{
	struct kg_dropped seldom = drop_of(1, 5, 1), often = drop_of(2, 5, 2);

	(void)state;
	kg_dropped_note(&table, &seldom);
	for (int i = 0; i < 100000; i++)
		kg_dropped_note(&table, &often);
	assert_non_null(find(&seldom));
	assert_int_equal(find(&often)->count, 100000);
}

/* Of many addresses the latest are known. */
static void the_oldest_give_way(void **state)
{
	struct kg_dropped last;

	(void)state;
	for (unsigned int i = 0; i < 10000; i++) {
		last = drop_of((uint8_t)i, (uint8_t)(i / 256), i + 1);
		kg_dropped_note(&table, &last);
		assert_non_null(find(&last));
	}
	for (unsigned int i = 0; i < KG_DROPPED_PLACES; i++)
		assert_true(table.places[i].at_us > 10000 - 20 * KG_DROPPED_PLACES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_last_of_each_is_kept, forget),
		cmocka_unit_test_setup(a_flood_of_one_leaves_the_others, forget),
		cmocka_unit_test_setup(the_oldest_give_way, forget),
	};

	return cmocka_run_group_tests_name("dropped", tests, NULL, NULL);
}
