/* SPDX-License-Identifier: BSD-3-Clause */
/* The hash: every bit counts, and keys differ. */
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define BITS (24 * 8)

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void assert_all_differ(uint64_t *values, size_t count)
{
	qsort(values, count, sizeof(values[0]), compare);
	for (size_t i = 1; i < count; i++)
		assert_true(values[i] != values[i - 1]);
}

/* One flipped bit changes about half of the hash, in both of its halves. */
static void test_every_bit_counts(void **state)
{
	uint8_t bytes[BITS / 8] = { 0 };
	uint64_t plain = kg_hash64(bytes, sizeof(bytes), 1);

	(void)state;
	for (int bit = 0; bit < BITS; bit++) {
		uint64_t changed;

		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		changed = plain ^ kg_hash64(bytes, sizeof(bytes), 1);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_in_range(__builtin_popcount((uint32_t)changed), 4, 28);
		assert_in_range(__builtin_popcount((uint32_t)(changed >> 32)), 4, 28);
	}
}

/* Lengths, seeds and trailing zeros make a difference. */
static void test_all_differ(void **state)
{
	static const uint8_t zeros[64];
	uint64_t values[64 * 4];

	(void)state;
	for (size_t i = 0; i < KG_ARRAY_SIZE(values); i++)
		values[i] = kg_hash64(zeros, i % 64, i / 64);
	assert_all_differ(values, KG_ARRAY_SIZE(values));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_bit_counts),
		cmocka_unit_test(test_all_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
