/* SPDX-License-Identifier: BSD-3-Clause */
/* The parts of kcpgate-bench --test box that need no port. */
#include "kcpgate-bench/box/histogram.h"
#include "kcpgate-bench/box/ndr.h"
#include "kcpgate-bench/box/pace.h"
#include "kcpgate-bench/box/tally.h"

#include "base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- histogram ---- */

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Against sorting: never below the truth, and hardly above. */
static void percentiles_are_close(void **state)
{
	static const double percents[] = { 0.01, 1, 10, 50, 90, 99, 99.9, 99.99, 100 };
	static struct bench_histogram histogram;
	static uint64_t values[10000];
	struct kg_rng rng;

	kg_rng_init(&rng, 7);
	bench_histogram_reset(&histogram);
	for (size_t i = 0; i < KG_ARRAY_SIZE(values); i++) {
		values[i] = kg_rng_next(&rng) >> (kg_rng_next(&rng) & 63);
		bench_histogram_add(&histogram, values[i]);
	}
	qsort(values, KG_ARRAY_SIZE(values), sizeof(values[0]), compare);
	for (size_t i = 0; i < KG_ARRAY_SIZE(percents); i++) {
		size_t rank = (size_t)ceil(KG_ARRAY_SIZE(values) * percents[i] / 100);
		uint64_t truth = values[rank - 1];
		uint64_t told = bench_histogram_percentile(&histogram, percents[i]);

		assert_true(told >= truth);
		assert_true(told - truth <= truth / 64);
	}
	assert_int_equal(bench_histogram_percentile(&histogram, 0), values[0]);
	assert_int_equal(bench_histogram_percentile(&histogram, 100),
			 values[KG_ARRAY_SIZE(values) - 1]);
}

static void extremes_have_buckets(void **state)
{
	static struct bench_histogram histogram;

	bench_histogram_reset(&histogram);
	assert_int_equal(bench_histogram_percentile(&histogram, 0), 0);
	assert_int_equal(bench_histogram_percentile(&histogram, 50), 0);
	bench_histogram_add(&histogram, 0);
	bench_histogram_add(&histogram, UINT64_MAX);
	assert_int_equal(bench_histogram_percentile(&histogram, 50), 0);
	assert_int_equal(bench_histogram_percentile(&histogram, 51), UINT64_MAX);
}

/* ---- pace ---- */

#define HZ   1e9
#define STEP 1000 /* cycles between two looks */

static uint64_t pace_for(struct bench_pace *pace, uint64_t begin, uint64_t cycles)
{
	uint64_t sent = 0;

	for (uint64_t now = begin; now < begin + cycles; now += STEP)
		sent += bench_pace_due(pace, now, 32);
	return sent;
}

static void the_rate_is_kept(void **state)
{
	static const double rates[] = { 1, 999, 123456.7, 10e6 };
	struct bench_pace pace;
	double sent;

	for (size_t i = 0; i < KG_ARRAY_SIZE(rates); i++) {
		bench_pace_init(&pace, 12345, rates[i], HZ);
		sent = (double)pace_for(&pace, 12345, (uint64_t)(2 * HZ));
		assert_true(sent <= 2 * rates[i] + 1);
		assert_true(sent >= 2 * rates[i] - STEP * rates[i] / HZ - 1);
		assert_true((double)pace.released == sent);
	}
}

static void datagrams_leave_evenly(void **state)
{
	struct bench_pace pace;
	uint64_t now = 0;

	bench_pace_init(&pace, 0, 1e6, HZ);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(bench_pace_due(&pace, now, 32), 1);
		assert_int_equal(bench_pace_due(&pace, now, 32), 0);
		assert_int_equal(bench_pace_next_cyc(&pace), now + 1000);
		assert_int_equal(bench_pace_due(&pace, now + 999, 32), 0);
		now += 1000;
	}
}

/* Half a millisecond is made up for in bursts, a second is not. */
static void what_is_long_overdue_is_given_up(void **state)
{
	struct bench_pace pace;
	unsigned int burst, sum = 0;

	bench_pace_init(&pace, 0, 1e6, HZ);
	while ((burst = bench_pace_due(&pace, 499999, 32)) > 0) {
		assert_true(burst <= 32);
		sum += burst;
	}
	assert_int_equal(sum, 500);
	assert_int_equal(pace.released, 500);
	sum = 0;
	while ((burst = bench_pace_due(&pace, 1000499999, 32)) > 0)
		sum += burst;
	assert_int_equal(sum, 1000);
	assert_int_equal(pace.released, 500 + 1000000);
	assert_int_equal(bench_pace_next_cyc(&pace), 1000500000);
}

/* ---- search ---- */

/* Loses nothing up to a rate, everything above it; in some trials a little is lost for no reason.
 */
struct model {
	double capacity_pps, sender_pps;
	double noise;     /* share of trials that lose */
	double hindrance; /* share of trials that send a third */
	struct kg_rng rng;
	unsigned int trials;
};

static bool model_trial(void *context, struct bench_ndr_point *point)
{
	struct model *model = context;

	model->trials++;
	point->pps = KG_MIN(point->asked_pps, model->sender_pps);
	if (kg_rng_below(&model->rng, 1000) < model->hindrance * 1000)
		point->pps /= 3;
	point->loss = point->pps > model->capacity_pps ? 1 - model->capacity_pps / point->pps : 0;
	if (kg_rng_below(&model->rng, 1000) < model->noise * 1000)
		point->loss += 0.00001;
	return true;
}

static struct bench_ndr search_over(struct model *model)
{
	kg_rng_init(&model->rng, 3);
	model->trials = 0;
	return (struct bench_ndr){ .max_pps = 1e6,
				   .min_pps = 100,
				   .precision = 0.01,
				   .trials = 1,
				   .trial = model_trial,
				   .context = model };
}

static void the_highest_good_rate_is_found(void **state)
{
	static const double capacities[] = { 150, 12345, 94000, 999000 };

	for (size_t i = 0; i < KG_ARRAY_SIZE(capacities); i++) {
		struct model model = { .capacity_pps = capacities[i], .sender_pps = 2e6 };
		struct bench_ndr ndr = search_over(&model);
		struct bench_ndr_point pdr_point, ndr_point;
		unsigned int trials;

		assert_true(bench_ndr_search(&ndr, 0.001, &pdr_point));
		trials = model.trials;
		assert_true(bench_ndr_search(&ndr, 0, &ndr_point));
		assert_true(ndr_point.pps <= capacities[i]);
		assert_true(ndr_point.pps >= capacities[i] * 0.98);
		assert_true(pdr_point.pps <= capacities[i] / 0.999);
		assert_true(pdr_point.pps >= ndr_point.pps);
		/* log2 of the range, and hardly more for the second search */
		assert_in_range(trials, 1, 21);
		assert_in_range(model.trials - trials, 0, 8);
	}
}

static void ends_of_the_range(void **state)
{
	struct model fast = { .capacity_pps = 2e6, .sender_pps = 2e6 },
		     dead = { .sender_pps = 2e6 };
	struct bench_ndr ndr = search_over(&fast);
	struct bench_ndr_point found;

	assert_true(bench_ndr_search(&ndr, 0, &found));
	assert_true(found.pps == 1e6);
	assert_int_equal(fast.trials, 1);
	ndr = search_over(&dead);
	assert_true(bench_ndr_search(&ndr, 0, &found));
	assert_true(found.pps == 0);
}

static void the_senders_limit_shows(void **state)
{
	struct model model = { .capacity_pps = 2e6, .sender_pps = 3e5 };
	struct bench_ndr ndr = search_over(&model);
	struct bench_ndr_point found;

	assert_true(bench_ndr_search(&ndr, 0, &found));
	assert_true(found.asked_pps == 1e6);
	assert_true(found.pps == 3e5);
}

/* Of a hundred searches, how many come within the precision. */
static unsigned int good_searches(struct model *model, unsigned int trials)
{
	unsigned int good = 0;

	for (uint64_t seed = 0; seed < 100; seed++) {
		struct bench_ndr ndr = search_over(model);
		struct bench_ndr_point found;

		kg_rng_init(&model->rng, seed);
		ndr.trials = trials;
		assert_true(bench_ndr_search(&ndr, 0, &found));
		assert_true(found.pps <= model->capacity_pps);
		good += found.pps >= model->capacity_pps * 0.98;
	}
	return good;
}

/* When a datagram is lost in every fourth trial, single ones lead astray, medians of nine hardly.
 */
static void several_trials_see_through_noise(void **state)
{
	struct model model = { .capacity_pps = 777777, .sender_pps = 2e6, .noise = 0.25 };

	assert_true(good_searches(&model, 1) < 60);
	assert_true(good_searches(&model, 9) > 80);
}

/* What the sender was kept from sending is not taken for good. */
static void a_hindered_sender_does_not_mislead(void **state)
{
	struct model model = { .capacity_pps = 200000, .sender_pps = 2e6, .hindrance = 0.3 };
	unsigned int good = 0;

	for (uint64_t seed = 0; seed < 100; seed++) {
		struct bench_ndr ndr = search_over(&model);
		struct bench_ndr_point found;

		kg_rng_init(&model.rng, seed);
		assert_true(bench_ndr_search(&ndr, 0, &found));
		assert_true(found.pps <= model.capacity_pps);
		good += found.pps >= model.capacity_pps * 0.95;
		assert_true(ndr.point_count < 30);
	}
	assert_true(good > 60);
}

static bool failing_trial(void *context, struct bench_ndr_point *point)
{
	return false;
}

static void a_failed_trial_ends_the_search(void **state)
{
	struct model model = { 0 };
	struct bench_ndr ndr = search_over(&model);
	struct bench_ndr_point found;

	ndr.trial = failing_trial;
	assert_false(bench_ndr_search(&ndr, 0, &found));
}

/* ---- probes and their tally ---- */

static void probes_are_read_as_written(void **state)
{
	struct bench_probe probe = { 0x01020304, 0x1122334455667788, 0x99aabbccddeeff00 }, read;
	uint8_t bytes[BENCH_PROBE_BYTES];

	bench_probe_encode(&probe, bytes);
	assert_true(bench_probe_decode(&read, bytes, sizeof(bytes)));
	assert_int_equal(read.run, probe.run);
	assert_int_equal(read.number, probe.number);
	assert_int_equal(read.sent_cyc, probe.sent_cyc);
	for (size_t len = 0; len < sizeof(bytes); len++)
		assert_false(bench_probe_decode(&read, bytes, len));
	bytes[0] ^= 1;
	assert_false(bench_probe_decode(&read, bytes, sizeof(bytes)));
}

static void arrive(struct bench_tally *tally, uint32_t run, uint64_t number)
{
	struct bench_probe probe = { .run = run, .number = number, .sent_cyc = 1000 };

	bench_tally_take(tally, &probe, 100, 1000 + number);
}

/* Two flows: even and odd numbers. */
static void every_datagram_is_told_apart(void **state)
{
	static struct bench_tally tally;

	assert_true(bench_tally_begin(&tally, 5, 130, 2));
	arrive(&tally, 5, 0);
	arrive(&tally, 5, 3);
	arrive(&tally, 5, 2); /* of the other flow: in order */
	arrive(&tally, 5, 1); /* behind 3 */
	arrive(&tally, 5, 129);
	arrive(&tally, 5, 129);
	arrive(&tally, 4, 7);   /* of the run before */
	arrive(&tally, 5, 130); /* never sent */
	assert_int_equal(tally.received, 5);
	assert_int_equal(tally.duplicates, 1);
	assert_int_equal(tally.reordered, 1);
	assert_int_equal(tally.stale, 2);
	assert_int_equal(tally.payload_bytes, 500);
	assert_int_equal(tally.latency_cyc.max, 129);
	assert_true(bench_tally_has(&tally, 129));
	assert_false(bench_tally_has(&tally, 128));
	assert_true(bench_tally_begin(&tally, 6, 130, 2));
	assert_int_equal(tally.received, 0);
	assert_false(bench_tally_has(&tally, 129));
	bench_tally_fini(&tally);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(percentiles_are_close),
		cmocka_unit_test(extremes_have_buckets),
		cmocka_unit_test(the_rate_is_kept),
		cmocka_unit_test(datagrams_leave_evenly),
		cmocka_unit_test(what_is_long_overdue_is_given_up),
		cmocka_unit_test(the_highest_good_rate_is_found),
		cmocka_unit_test(ends_of_the_range),
		cmocka_unit_test(the_senders_limit_shows),
		cmocka_unit_test(several_trials_see_through_noise),
		cmocka_unit_test(a_hindered_sender_does_not_mislead),
		cmocka_unit_test(a_failed_trial_ends_the_search),
		cmocka_unit_test(probes_are_read_as_written),
		cmocka_unit_test(every_datagram_is_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
