/* SPDX-License-Identifier: BSD-3-Clause */
/* Keys that meet by DPDK's own function, whatever its seed, do not meet by ours. */
#include "base/base.h"
#include "memory/keyed_hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <rte_hash_crc.h>

#define WORDS   6  /* of a key */
#define BITS    48 /* that are flipped */
#define CHOSEN  1024
#define BUCKETS 512

struct key {
	uint64_t words[WORDS]; /* as the function reads them */
};

struct change {
	uint32_t effect; /* on the CRC */
	uint64_t flips;
};

/* What a set of flipped bits does to a CRC is the sum of what each does: 48 of them and 32 bits of
 * CRC leave 16 sets at least that do nothing. Finds them by elimination. */
static int harmless_flips(uint64_t flips[BITS])
{
	static const struct key zero;
	uint32_t base = rte_hash_crc(&zero, sizeof(zero), 0);
	struct change pivots[32] = { { 0 } };
	int count = 0;

	for (int i = 0; i < BITS; i++) {
		struct change change = { .flips = 1ull << i };
		struct key key = zero;

		key.words[i / 16] = 1ull << i % 16;
		change.effect = rte_hash_crc(&key, sizeof(key), 0) ^ base;
		while (change.effect != 0) {
			struct change *pivot = &pivots[__builtin_ctz(change.effect)];

			if (pivot->effect == 0) {
				*pivot = change;
				break;
			}
			change.effect ^= pivot->effect;
			change.flips ^= pivot->flips;
		}
		if (change.effect == 0)
			flips[count++] = change.flips;
	}
	return count;
}

/* The n-th of the keys with the same CRC. */
static struct key chosen(const uint64_t *flips, int count, unsigned int n)
{
	struct key key = { { 0 } };
	uint64_t bits = 0;

	for (int i = 0; i < count; i++)
		bits ^= (n >> i & 1) != 0 ? flips[i] : 0;
	for (int i = 0; i < BITS; i++)
		key.words[i / 16] |= (bits >> i & 1) << i % 16;
	return key;
}

/* The most of the chosen keys that fall into one bucket. */
static unsigned int most_in_one(rte_hash_function function)
{
	unsigned int buckets[BUCKETS] = { 0 }, most = 0;
	uint64_t flips[BITS];
	int count = harmless_flips(flips);

	assert_true(1 << count >= CHOSEN);
	for (unsigned int n = 0; n < CHOSEN; n++) {
		const struct key key = chosen(flips, count, n);
		unsigned int *bucket = &buckets[function(&key, sizeof(key), 7) % BUCKETS];

		++*bucket;
		most = KG_MAX(most, *bucket);
	}
	return most;
}

static void chosen_keys_do_not_meet(void **state)
{
	assert_int_equal(most_in_one(rte_hash_crc), CHOSEN);
	assert_in_range(most_in_one(kg_keyed_hash_function()), 1, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chosen_keys_do_not_meet),
	};

	return cmocka_run_group_tests_name("keyed_hash", tests, NULL, NULL);
}
