/* SPDX-License-Identifier: BSD-3-Clause */
/* KCPTube's wire as a profile: what is sealed opens, with the reason where it does not. */
#include "wire/profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/aead_table.h"
#include "wire/envelope.h"

#define NOW_S 1700000000u
#define JOBS  40

static const struct kg_profile *const profile = &kg_profile_kcptube;
static const uint8_t secret[KG_AEAD_KEY_BYTES] = "a key that both ends know";

struct burst {
	uint8_t bytes[JOBS][256];
	struct kg_profile_job jobs[JOBS];
};

/* Bodies of 0, 1, 2 … bytes. */
static void seal(const struct kg_profile_key *key, struct burst *burst)
{
	for (uint16_t i = 0; i < JOBS; i++) {
		uint8_t *body = burst->bytes[i] + profile->head_bytes;

		memset(body, i + 1, i);
		burst->jobs[i] = (struct kg_profile_job){ .data = body, .len = i, .iv = i };
	}
	profile->seal(key, burst->jobs, JOBS, NOW_S);
}

static void with_each(void (*check)(const struct kg_profile_key *key, struct burst *burst))
{
	struct burst burst;

	for (size_t i = 0; i < KG_AEAD_ALGORITHMS; i++) {
		struct kg_profile_key key;

		assert_true(kg_profile_key_init(&key, profile, kg_aead_algorithms[i], secret));
		seal(&key, &burst);
		check(&key, &burst);
		kg_profile_key_fini(&key);
		kg_profile_key_fini(&key);
	}
}

static void check_whole(const struct kg_profile_key *key, struct burst *burst)
{
	unsigned int overhead = kg_profile_overhead_bytes(profile, key->alg->spec);

	for (uint16_t i = 0; i < JOBS; i++)
		assert_int_equal(burst->jobs[i].len, i + overhead);
	profile->open(key, burst->jobs, JOBS, NOW_S + 7);
	for (uint16_t i = 0; i < JOBS; i++) {
		const struct kg_profile_job *job = &burst->jobs[i];

		assert_int_equal(job->drop, KG_DROP_NONE);
		assert_int_equal(job->skew_s, -7);
		assert_int_equal(job->len, i);
		for (uint16_t k = 0; k < i; k++)
			assert_int_equal(job->data[k], i + 1);
	}
}

static void what_is_sealed_opens(void **state)
{
	with_each(check_whole);
}

/* A changed byte, and no more than one job of the burst. */
static void check_spoilt(const struct kg_profile_key *key, struct burst *burst)
{
	burst->jobs[5].data[3] ^= 1;
	burst->jobs[6].len = 1;
	profile->open(key, burst->jobs, JOBS, NOW_S);
	for (uint16_t i = 0; i < JOBS; i++)
		assert_int_equal(burst->jobs[i].drop,
				 i == 5 || i == 6 ? KG_DROP_AUTH_FAILED : KG_DROP_NONE);
}

static void what_was_changed_does_not(void **state)
{
	with_each(check_spoilt);
}

static void check_late(const struct kg_profile_key *key, struct burst *burst)
{
	profile->open(key, burst->jobs, JOBS, NOW_S + KG_CLOCK_SKEW_MAX_S + 1);
	for (uint16_t i = 0; i < JOBS; i++) {
		assert_int_equal(burst->jobs[i].drop, KG_DROP_CLOCK_SKEW);
		assert_int_equal(burst->jobs[i].skew_s, -KG_CLOCK_SKEW_MAX_S - 1);
	}
}

static void the_clock_is_told(void **state)
{
	with_each(check_late);
}

/* Two wires with one key do not open each other's. */
static void the_associated_text_counts(void **state)
{
	struct kg_profile other = *profile;
	struct kg_profile_key ours, theirs;
	struct burst burst;

	other.associated = "another wire";
	for (size_t i = 0; i < KG_AEAD_ALGORITHMS; i++) {
		const struct kg_aead_alg *alg = kg_aead_algorithms[i];

		assert_true(kg_profile_key_init(&ours, profile, alg, secret));
		assert_true(kg_profile_key_init(&theirs, &other, alg, secret));
		seal(&ours, &burst);
		other.open(&theirs, burst.jobs, JOBS, NOW_S);
		for (uint16_t k = 0; k < JOBS; k++)
			assert_int_equal(burst.jobs[k].drop,
					 alg->spec->keyed ? KG_DROP_AUTH_FAILED : KG_DROP_NONE);
		kg_profile_key_fini(&ours);
		kg_profile_key_fini(&theirs);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_sealed_opens),
		cmocka_unit_test(what_was_changed_does_not),
		cmocka_unit_test(the_clock_is_told),
		cmocka_unit_test(the_associated_text_counts),
	};

	return cmocka_run_group_tests_name("profile", tests, NULL, NULL);
}
