/* SPDX-License-Identifier: BSD-3-Clause */
/* Slots: an id names one thing for its time, and nothing after it. */
#include "base/slots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static int things[KG_SLOTS + 1];

static uint16_t draw(struct kg_slot_ids *ids)
{
	uint16_t id;

	assert_true(kg_slot_ids_draw(ids, &id));
	return id;
}

static void an_id_finds_what_it_names(void **state)
{
	struct kg_slots slots = { 0 };

	assert_null(kg_slots_get(&slots, 0));
	kg_slots_put(&slots, 0, &things[0]);
	kg_slots_put(&slots, 5, &things[5]);
	assert_ptr_equal(kg_slots_get(&slots, 0), &things[0]);
	assert_ptr_equal(kg_slots_get(&slots, 5), &things[5]);
	assert_null(kg_slots_get(&slots, 1));
	assert_null(kg_slots_get(&slots, 5 + KG_SLOTS));
}

static void a_stale_id_finds_nothing(void **state)
{
	struct kg_slots slots = { 0 };

	kg_slots_put(&slots, 5, &things[0]);
	kg_slots_remove(&slots, 5);
	assert_null(kg_slots_get(&slots, 5));
	kg_slots_put(&slots, 5 + KG_SLOTS, &things[1]);
	assert_null(kg_slots_get(&slots, 5));
	kg_slots_remove(&slots, 5);
	assert_ptr_equal(kg_slots_get(&slots, 5 + KG_SLOTS), &things[1]);
	assert_int_equal(slots.count, 1);
}

static void what_stays_keeps_its_order(void **state)
{
	struct kg_slots slots = { 0 };

	for (uint16_t id = 0; id < 4; id++)
		kg_slots_put(&slots, id, &things[id]);
	kg_slots_remove(&slots, 1);
	kg_slots_remove(&slots, 3);
	kg_slots_put(&slots, 7, &things[7]);
	assert_int_equal(slots.count, 3);
	assert_ptr_equal(slots.all[0], &things[0]);
	assert_ptr_equal(slots.all[1], &things[2]);
	assert_ptr_equal(slots.all[2], &things[7]);
}

static void ids_count_up_at_first(void **state)
{
	struct kg_slot_ids ids;
	uint16_t id;

	kg_slot_ids_init(&ids);
	for (unsigned int i = 0; i < KG_SLOTS; i++)
		assert_int_equal(draw(&ids), i);
	assert_false(kg_slot_ids_draw(&ids, &id));
	kg_slot_ids_give_back(&ids, 17);
	assert_int_equal(draw(&ids), 17 + KG_SLOTS);
	assert_false(kg_slot_ids_draw(&ids, &id));
}

/* A busy place wears out no faster than the others: an id comes again when all have been had. */
static void an_id_comes_again_last(void **state)
{
	struct kg_slot_ids ids;
	uint16_t first;

	kg_slot_ids_init(&ids);
	first = draw(&ids);
	kg_slot_ids_give_back(&ids, first);
	for (unsigned int i = 1; i < KG_SLOT_IDS; i++) {
		uint16_t id = draw(&ids);

		assert_true(id != first && id < KG_SLOT_IDS);
		kg_slot_ids_give_back(&ids, id);
	}
	assert_int_equal(draw(&ids), first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_finds_what_it_names),
		cmocka_unit_test(a_stale_id_finds_nothing),
		cmocka_unit_test(what_stays_keeps_its_order),
		cmocka_unit_test(ids_count_up_at_first),
		cmocka_unit_test(an_id_comes_again_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
