/* SPDX-License-Identifier: BSD-3-Clause */
/* The map against an array: keys, slots, growth that fails, and resizing bit by bit. */
#include "base/u32map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"

#define SEED 0x5eed0001

static struct kg_rng rng;

static void empty_map_knows_nothing(void **state)
{
	struct kg_mem mem;
	struct kg_u32map map;

	kg_mem_malloc_init(&mem);
	kg_u32map_init(&map, &mem, &rng);
	assert_null(kg_u32map_lookup(&map, 0));
	assert_null(kg_u32map_remove(&map, 7));
	assert_int_equal(mem.in_use_bytes, 0);
	kg_u32map_fini(&map);
}

static void keys_are_unique_and_values_not_null(void **state)
{
	struct kg_mem mem;
	struct kg_u32map map;
	int a, b;

	kg_mem_malloc_init(&mem);
	kg_u32map_init(&map, &mem, &rng);
	assert_false(kg_u32map_insert(&map, 5, NULL));
	assert_true(kg_u32map_insert(&map, 5, &a));
	assert_false(kg_u32map_insert(&map, 5, &b));
	assert_ptr_equal(kg_u32map_lookup(&map, 5), &a);
	assert_int_equal(map.count, 1);
	assert_ptr_equal(kg_u32map_remove(&map, 5), &a);
	assert_null(kg_u32map_lookup(&map, 5));
	kg_u32map_fini(&map);
	assert_int_equal(mem.in_use_bytes, 0);
}

/* Also while they move to another table. */
static void slots_hold_all_values(void **state)
{
	static char values[1000];
	struct kg_mem mem;
	struct kg_u32map map;

	kg_mem_malloc_init(&mem);
	kg_u32map_init(&map, &mem, &rng);
	for (uint32_t held = 1; held <= KG_ARRAY_SIZE(values); held++) {
		uint32_t found = 0;

		assert_true(kg_u32map_insert(&map, held * 7, &values[held - 1]));
		memset(values, 0, sizeof(values));
		for (uint32_t i = 0; i < kg_u32map_slots(&map); i++) {
			char *value = kg_u32map_at(&map, i);

			found += value != NULL && (*value)++ == 0;
		}
		assert_int_equal(found, held);
	}
	kg_u32map_fini(&map);
}

static void *no_memory(struct kg_mem *mem, size_t bytes)
{
	return NULL;
}

static void survives_failed_growth(void **state)
{
	struct kg_mem mem;
	struct kg_u32map map;
	static char values[64];
	void *(*alloc)(struct kg_mem *, size_t);
	uint32_t held = 0;

	kg_mem_malloc_init(&mem);
	alloc = mem.alloc;
	kg_u32map_init(&map, &mem, &rng);
	assert_true(kg_u32map_insert(&map, held, &values[held]));
	held++;
	mem.alloc = no_memory;
	while (held < KG_ARRAY_SIZE(values) && kg_u32map_insert(&map, held, &values[held]))
		held++;
	assert_true(held < KG_ARRAY_SIZE(values));
	for (uint32_t i = 0; i < held; i++)
		assert_ptr_equal(kg_u32map_lookup(&map, i), &values[i]);
	mem.alloc = alloc;
	assert_true(kg_u32map_insert(&map, held, &values[held]));
	kg_u32map_fini(&map);
}

/* Few keys, so that insertions and removals of the same key and long probe runs are common. */
static void agrees_with_an_array(void **state)
{
	enum {
		KEYS = 3000,
		STEPS = 300000
	};
	static char values[KEYS];
	static bool held[KEYS];
	struct kg_mem mem;
	struct kg_u32map map;
	uint32_t count = 0;

	print_message("seed %#x\n", SEED);
	kg_rng_init(&rng, SEED);
	kg_mem_malloc_init(&mem);
	kg_u32map_init(&map, &mem, &rng);
	for (int i = 0; i < STEPS; i++) {
		uint32_t at = kg_rng_below(&rng, KEYS);
		uint32_t key = at * 64;
		bool adding = kg_rng_below(&rng, 100) < (i % 40000 < 20000 ? 60u : 5u);

		assert_ptr_equal(kg_u32map_lookup(&map, key), held[at] ? &values[at] : NULL);
		if (adding)
			assert_int_equal(kg_u32map_insert(&map, key, &values[at]), !held[at]);
		else
			assert_ptr_equal(kg_u32map_remove(&map, key),
					 held[at] ? &values[at] : NULL);
		count += (uint32_t)adding - (uint32_t)held[at];
		held[at] = adding;
		assert_int_equal(map.count, count);
	}
	for (uint32_t i = 0; i < KEYS; i++)
		assert_ptr_equal(kg_u32map_lookup(&map, i * 64), held[i] ? &values[i] : NULL);
	kg_u32map_fini(&map);
	assert_int_equal(mem.in_use_bytes, 0);
}

/* No call moves more than a few; all are found meanwhile; the old table goes before the next. */
static void resizing_is_spread_over_calls(void **state)
{
	static char values[100000];
	struct kg_mem mem;
	struct kg_u32map map;
	uint32_t old = 0;

	kg_mem_malloc_init(&mem);
	kg_u32map_init(&map, &mem, &rng);
	for (uint32_t i = 0; i < KG_ARRAY_SIZE(values); i++) {
		uint32_t moved = map.moved;

		assert_true(kg_u32map_insert(&map, i * 7, &values[i]));
		if (map.old.capacity != old) {
			assert_true(old == 0 || map.old.capacity == 0);
			old = map.old.capacity;
		} else if (old > 0) {
			assert_in_range(map.moved - moved, 1, 128);
		}
		assert_ptr_equal(kg_u32map_lookup(&map, i / 2 * 7), &values[i / 2]);
		assert_ptr_equal(kg_u32map_lookup(&map, i * 7), &values[i]);
	}
	/* What has served a crowd is given back, little by little as well. */
	for (uint32_t i = 0; i < KG_ARRAY_SIZE(values); i++) {
		uint32_t before = map.now.capacity;

		assert_ptr_equal(kg_u32map_remove(&map, i * 7), &values[i]);
		assert_true(map.now.capacity == before || map.now.capacity == before / 4 ||
			    map.count == 0);
		if (i + 1 < KG_ARRAY_SIZE(values))
			assert_non_null(kg_u32map_lookup(&map, (i + 1) * 7));
	}
	assert_in_range(map.now.capacity, 1, 64);
	assert_int_equal(map.old.capacity, 0);
	kg_u32map_fini(&map);
	assert_int_equal(mem.in_use_bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_map_knows_nothing),
		cmocka_unit_test(keys_are_unique_and_values_not_null),
		cmocka_unit_test(slots_hold_all_values),
		cmocka_unit_test(survives_failed_growth),
		cmocka_unit_test(agrees_with_an_array),
		cmocka_unit_test(resizing_is_spread_over_calls),
	};

	return cmocka_run_group_tests_name("u32map", tests, NULL, NULL);
}
