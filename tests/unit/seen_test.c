/* SPDX-License-Identifier: BSD-3-Clause */
/* Digests that were seen: how long they are known, and what is refused when they are too many. */
#include "base/seen.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

#include "base/rng.h"

#define SEED 0x5eed0002
#define S    ((uint64_t)KG_US_PER_S)
/* Seconds before the tests' zero. */
#define BEGUN 1000

static struct kg_mem mem;

static struct kg_seen *fresh(uint32_t entries, uint32_t keep_s)
{
	struct kg_seen *seen;

	kg_mem_malloc_init(&mem);
	seen = kg_seen_create(&mem, entries, keep_s, BEGUN * S);
	assert_non_null(seen);
	return seen;
}

/* Is a datagram refused that comes `now_us` after the tests' zero, stamped at that moment? */
static bool known(struct kg_seen *seen, uint64_t digest, uint64_t now_us)
{
	return kg_seen_enter(seen, digest, 0, (BEGUN + 1) * S + now_us) != KG_DROP_NONE;
}

static void drop(struct kg_seen *seen)
{
	kg_seen_destroy(seen);
	assert_int_equal(mem.in_use_bytes, 0);
}

static void remembers_for_as_long_as_told(void **state)
{
	struct kg_seen *seen = fresh(1024, 510);

	assert_false(known(seen, 42, 0));
	assert_true(known(seen, 42, 0));
	assert_true(known(seen, 42, 510 * S));
	assert_false(known(seen, 42, 511 * S));
	assert_true(known(seen, 42, 600 * S));
	drop(seen);
}

/* Every digest is a digest: none is taken for an empty slot. */
static void zero_is_a_digest(void **state)
{
	struct kg_seen *seen = fresh(7, 10);

	assert_false(known(seen, 0, 0));
	assert_true(known(seen, 0, 0));
	drop(seen);
	/* Nor when its second has no bit of those that are kept. */
	seen = fresh(7, 10);
	assert_false(known(seen, 0, ((1u << 24) - 1) * S));
	assert_true(known(seen, 0, ((1u << 24) - 1) * S));
	drop(seen);
}

static void a_clock_behind_the_entry_changes_nothing(void **state)
{
	struct kg_seen *seen = fresh(7, 10);

	assert_false(known(seen, 42, 5 * S));
	assert_true(known(seen, 42, 4 * S));
	drop(seen);
}

static void the_oldest_gives_way(void **state)
{
	struct kg_seen *seen = fresh(7, 1000);

	for (uint64_t i = 0; i < 8; i++)
		assert_false(known(seen, (i + 1) << 32, i * S));
	for (uint64_t i = 1; i < 8; i++)
		assert_true(known(seen, (i + 1) << 32, 8 * S));
	assert_int_equal(kg_seen_forgotten(seen), 1);
	assert_false(known(seen, (uint64_t)1 << 32, 9 * S)); /* stamped anew, it is another */
	drop(seen);
}

/* Stamped `stamp_s` and given `now_s` after the tests' zero. */
static enum kg_drop enter(struct kg_seen *seen, uint64_t digest, int32_t stamp_s, int32_t now_s)
{
	return kg_seen_enter(seen, digest, now_s - stamp_s, (uint64_t)(BEGUN + 1 + now_s) * S);
}

/* Eight come, seven are remembered: what is as old as the forgotten one may be a copy of it. */
static void what_was_forgotten_is_refused(void **state)
{
	struct kg_seen *seen = fresh(7, 255);

	for (int32_t i = 0; i < 8; i++)
		assert_int_equal(enter(seen, (uint64_t)(i + 1) << 32, 10 + i, 10 + i),
				 KG_DROP_NONE);
	assert_int_equal(enter(seen, (uint64_t)1 << 32, 10, 20), KG_DROP_HANDSHAKE_STALE);
	assert_int_equal(enter(seen, (uint64_t)99 << 32, 9, 20), KG_DROP_HANDSHAKE_STALE);
	assert_int_equal(enter(seen, (uint64_t)8 << 32, 17, 20), KG_DROP_HANDSHAKE_REPLAYED);
	assert_int_equal(enter(seen, (uint64_t)99 << 32, 20, 20), KG_DROP_NONE);
	/* Later nothing of all that could pass for new. */
	for (int32_t i = 0; i < 7; i++)
		assert_int_equal(enter(seen, (uint64_t)(i + 100) << 32, 290 + i, 290 + i),
				 KG_DROP_NONE);
	assert_int_equal(kg_seen_forgotten(seen), 2);
	drop(seen);
}

static void what_was_stamped_before_the_beginning_is_refused(void **state)
{
	struct kg_seen *seen = fresh(1024, 255);

	assert_int_equal(enter(seen, 1, -1, 0), KG_DROP_HANDSHAKE_STALE);
	assert_int_equal(enter(seen, 1, -1, 200), KG_DROP_HANDSHAKE_STALE);
	assert_int_equal(enter(seen, 2, 0, 0), KG_DROP_NONE);
	assert_int_equal(enter(seen, 3, 100, 0), KG_DROP_NONE); /* a clock ahead of ours */
	assert_int_equal(enter(seen, 3, 100, 300), KG_DROP_HANDSHAKE_REPLAYED);
	drop(seen);
}

/* What is refused for want of a place comes again under another digest. */
static void half_full_refuses_next_to_nothing(void **state)
{
	enum {
		ENTRIES = 4096
	};
	struct kg_seen *seen = fresh(2 * ENTRIES, 1000);
	struct kg_rng rng;
	int refused = 0;

	print_message("seed %#x\n", SEED);
	kg_rng_init(&rng, SEED);
	for (int i = 0; i < ENTRIES; i++)
		refused += known(seen, kg_rng_next(&rng), S);
	assert_true(refused < ENTRIES / 20);
	kg_rng_init(&rng, SEED);
	for (int i = 0; i < ENTRIES; i++)
		assert_true(known(seen, kg_rng_next(&rng), S));
	drop(seen);
}

struct racer {
	struct kg_seen *seen;
	pthread_barrier_t *start;
	_Atomic int *news;
};

#define RACE_DIGESTS 20000
#define RACERS       4

static void *race(void *arg)
{
	struct racer *racer = arg;

	pthread_barrier_wait(racer->start);
	for (uint64_t i = 0; i < RACE_DIGESTS; i++) {
		if (!known(racer->seen, (i + 1) * 0x9e3779b97f4a7c15u, S))
			atomic_fetch_add(&racer->news[i], 1);
	}
	return NULL;
}

static void no_two_workers_find_one_digest_new(void **state)
{
	static _Atomic int news[RACE_DIGESTS];
	struct kg_seen *seen = fresh(16 * RACE_DIGESTS, 1000);
	pthread_barrier_t start;
	struct racer racer = { seen, &start, news };
	pthread_t threads[RACERS];

	pthread_barrier_init(&start, NULL, RACERS);
	for (int i = 0; i < RACERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, race, &racer), 0);
	for (int i = 0; i < RACERS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&start);
	for (int i = 0; i < RACE_DIGESTS; i++)
		assert_true(news[i] <= 1);
	drop(seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(remembers_for_as_long_as_told),
		cmocka_unit_test(zero_is_a_digest),
		cmocka_unit_test(a_clock_behind_the_entry_changes_nothing),
		cmocka_unit_test(the_oldest_gives_way),
		cmocka_unit_test(what_was_forgotten_is_refused),
		cmocka_unit_test(what_was_stamped_before_the_beginning_is_refused),
		cmocka_unit_test(half_full_refuses_next_to_nothing),
		cmocka_unit_test(no_two_workers_find_one_digest_new),
	};

	return cmocka_run_group_tests_name("seen", tests, NULL, NULL);
}
