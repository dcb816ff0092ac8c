/* SPDX-License-Identifier: BSD-3-Clause */
/* What stands in a ledger of 5-tuples, and which verdicts follow: what befalls one of them only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rate/ledger.h"

#define MSEC(n)  ((uint64_t)(n)*KG_US_PER_MS)
#define BYTES    1200u
#define EVERY_US 100u /* 96 Mbit/s */
#define RTT_US   20000u
#define FLIGHT   (RTT_US / EVERY_US)

/* Of what leaves on a row, so much arrives, in parts of 100. */
struct path {
	struct kg_ledger ledger;
	uint64_t now_us, judged_us, count;
	unsigned int arrives[KG_LEDGER_ROWS], comes_in[KG_LEDGER_ROWS];
	double cap_Bps, tokens; /* of row 1; 0: none */
	struct {
		uint64_t sent_us;
		bool lost;
	} flight[FLIGHT];
	unsigned int changed;
	bool only_in; /* what leaves is not data */
	bool holes;   /* in what comes in */
};

static struct path *path_new(unsigned int rows)
{
	struct path *path = calloc(1, sizeof(*path));

	assert_non_null(path);
	path->now_us = path->judged_us = MSEC(1000);
	kg_ledger_init(&path->ledger);
	for (unsigned int i = 0; i < KG_LEDGER_ROWS; i++)
		path->arrives[i] = 100;
	for (unsigned int i = 0; i < rows; i++)
		assert_int_equal(kg_ledger_open(&path->ledger, path->now_us), i);
	return path;
}

static void hear(struct path *path, unsigned int at)
{
	if (path->flight[at].lost)
		kg_ledger_lost(&path->ledger, path->flight[at].sent_us, BYTES);
	else
		kg_ledger_acked(&path->ledger, path->flight[at].sent_us, BYTES);
}

static bool is_policed(struct path *path, unsigned int row)
{
	path->tokens = KG_MIN(path->tokens + path->cap_Bps * EVERY_US / 1e6, 20.0 * BYTES);
	if (row != 1 || path->cap_Bps == 0)
		return false;
	if (path->tokens < BYTES)
		return true;
	path->tokens -= BYTES;
	return false;
}

static void step(struct path *path)
{
	unsigned int at = path->count % FLIGHT, row;

	if (path->count++ >= FLIGHT && !path->only_in)
		hear(path, at);
	row = kg_ledger_slice(&path->ledger, path->now_us);
	kg_ledger_sent(&path->ledger, row, BYTES);
	path->flight[at].sent_us = path->now_us;
	path->flight[at].lost =
		path->count * 37 % 100 >= path->arrives[row] || is_policed(path, row);
	kg_ledger_received(&path->ledger, row, path->comes_in[row], path->now_us);
	if (path->holes)
		kg_ledger_hole(&path->ledger);
	path->now_us += EVERY_US;
	if (path->now_us < path->judged_us + KG_LEDGER_LOOK_US)
		return;
	path->judged_us = path->now_us;
	path->changed |= kg_ledger_judge(&path->ledger, path->now_us);
}

static void pass(struct path *path, unsigned int ms)
{
	uint64_t end_us = path->now_us + MSEC(ms);

	while (path->now_us < end_us)
		step(path);
}

static enum kg_ledger_verdict verdict(const struct path *path, unsigned int row)
{
	return path->ledger.rows[row].verdict;
}

static void all_are(const struct path *path, unsigned int rows, enum kg_ledger_verdict expected)
{
	for (unsigned int i = 0; i < rows; i++)
		assert_string_equal(kg_ledger_verdict_name(verdict(path, i)),
				    kg_ledger_verdict_name(expected));
}

static void parts_are_equal_and_known_again(void **state)
{
	struct path *path = path_new(8);

	pass(path, 4000);
	all_are(path, 8, KG_LEDGER_FINE);
	for (unsigned int i = 0; i < 8; i++) {
		const struct kg_ledger_row *row = &path->ledger.rows[i];

		assert_in_range(row->sent_bytes, path->count * BYTES / 9, path->count * BYTES / 7);
		assert_in_range(row->sent_bytes - row->up.bytes, 0, (FLIGHT + 1) * BYTES);
		assert_int_equal(row->lost_bytes, 0);
	}
	free(path);
}

/* None is passed over by a peer that looks at its clock once a millisecond. */
static void long_slices_have_a_millisecond(void **state)
{
	struct path *path = path_new(8);

	kg_ledger_slice_long(&path->ledger, true);
	pass(path, 4000);
	assert_in_range(path->ledger.slices, 2000, 4000);
	for (unsigned int i = 1; i < path->ledger.slices; i++)
		assert_true((path->ledger.log[i] >> 3) - (path->ledger.log[i - 1] >> 3) >= MSEC(1));
	for (unsigned int i = 0; i < 8; i++)
		assert_in_range(path->ledger.rows[i].sent_bytes, path->count * BYTES / 9,
				path->count * BYTES / 7);
	free(path);
}

static void who_crawls_alone_is_punished(void **state)
{
	struct path *path = path_new(4);

	pass(path, 3000);
	path->arrives[2] = 1;
	pass(path, 1000);
	assert_int_equal(verdict(path, 2), KG_LEDGER_PENALTY);
	assert_int_equal(path->changed & 4, 4);
	for (unsigned int i = 0; i < 4; i++)
		assert_true(i == 2 || verdict(path, i) == KG_LEDGER_FINE);
	free(path);
}

/* Then it is the path, unless another one tells that it is not. */
static void all_that_crawl_are_not(void **state)
{
	struct path *path = path_new(4);

	pass(path, 3000);
	for (unsigned int i = 0; i < 4; i++)
		path->arrives[i] = 1;
	pass(path, 600);
	all_are(path, 4, KG_LEDGER_FINE);
	assert_true(kg_ledger_lacks_a_good_one(&path->ledger));
	assert_int_equal(kg_ledger_open(&path->ledger, path->now_us), 4);
	pass(path, 1500);
	all_are(path, 4, KG_LEDGER_PENALTY);
	assert_int_equal(verdict(path, 4), KG_LEDGER_FINE);
	free(path);
}

static void loss_of_all_is_the_paths(void **state)
{
	struct path *path = path_new(8);

	for (unsigned int i = 0; i < 8; i++)
		path->arrives[i] = 70;
	pass(path, 20000);
	all_are(path, 8, KG_LEDGER_FINE);
	free(path);
}

static void a_policer_takes_a_smaller_part(void **state)
{
	struct path *path = path_new(4);
	const struct kg_ledger_row *row = &path->ledger.rows[1];
	uint64_t before, others;

	pass(path, 3000);
	path->cap_Bps = 1.5e6; /* of 3 */
	pass(path, 1500);
	assert_int_equal(verdict(path, 1), KG_LEDGER_POLICER);
	assert_true(row->limit_Bps > 0);
	before = row->sent_bytes;
	others = path->ledger.rows[0].sent_bytes;
	pass(path, 1000);
	assert_true(row->sent_bytes - before < (path->ledger.rows[0].sent_bytes - others) * 8 / 10);
	path->cap_Bps = 0; /* it was a passing thing */
	pass(path, 30000);
	assert_int_equal(verdict(path, 1), KG_LEDGER_FINE);
	free(path);
}

static void who_never_carried_anything_is_blocked(void **state)
{
	struct path *path = path_new(2);
	unsigned int row;

	pass(path, 3000);
	row = kg_ledger_open(&path->ledger, path->now_us);
	path->arrives[row] = 0;
	pass(path, 4000);
	assert_int_equal(verdict(path, row), KG_LEDGER_BLOCKED);
	/* It was tried with little. */
	assert_true(path->ledger.rows[row].sent_bytes < path->ledger.rows[0].sent_bytes / 10);
	free(path);
}

static void what_comes_in_is_judged_likewise(void **state)
{
	struct path *path = path_new(4);

	for (unsigned int i = 0; i < 4; i++)
		path->comes_in[i] = 3 * BYTES;
	pass(path, 4000);
	all_are(path, 4, KG_LEDGER_FINE);
	path->comes_in[3] = 20;
	pass(path, 1500);
	assert_int_equal(verdict(path, 3), KG_LEDGER_PENALTY);
	assert_int_equal(verdict(path, 0), KG_LEDGER_FINE);
	for (unsigned int i = 0; i < 4; i++) /* a download ends */
		path->comes_in[i] = 0;
	pass(path, 4000);
	assert_int_equal(verdict(path, 0), KG_LEDGER_FINE);
	free(path);
}

/* Nothing leaves whose fate would be told; so much comes in on each of four each millisecond. */
static void take_in(struct path *path, unsigned int ms, const uint32_t *bytes)
{
	for (unsigned int i = 0; i < ms; i++) {
		path->now_us += MSEC(1);
		for (unsigned int row = 0; row < 4; row++)
			if (bytes[row] > 0)
				kg_ledger_received(&path->ledger, row, bytes[row], path->now_us);
		if (path->now_us < path->judged_us + KG_LEDGER_LOOK_US)
			continue;
		path->judged_us = path->now_us;
		kg_ledger_judge(&path->ledger, path->now_us);
	}
}

static void a_download_is_judged_by_what_should_come_in(void **state)
{
	struct path *path = path_new(4);

	take_in(path, 4000, (uint32_t[]){ 300, 300, 300, 300 });
	all_are(path, 4, KG_LEDGER_FINE);
	take_in(path, 1500, (uint32_t[]){ 300, 300, 300, 0 });
	all_are(path, 3, KG_LEDGER_FINE);
	assert_int_equal(verdict(path, 3), KG_LEDGER_PENALTY);
	free(path);
}

/* What comes in comes now here and now there: in 600 ms 18 KB that do not come say nothing. */
static void of_little_it_may_be_chance(void **state)
{
	struct path *path = path_new(4);

	take_in(path, 20000, (uint32_t[]){ 30, 30, 30, 30 });
	for (unsigned int i = 0; i < 5; i++) {
		take_in(path, 600, (uint32_t[]){ 60, 30, 0, 30 });
		all_are(path, 4, KG_LEDGER_FINE);
		take_in(path, 3000, (uint32_t[]){ 30, 30, 30, 30 });
	}
	take_in(path, 10000, (uint32_t[]){ 60, 30, 0, 30 });
	assert_int_equal(verdict(path, 2), KG_LEDGER_PENALTY);
	free(path);
}

static void download(struct path *path, unsigned int rows, unsigned int bytes)
{
	path->only_in = true;
	for (unsigned int i = 0; i < rows; i++)
		path->comes_in[i] = bytes;
}

/* Rows that were used alike are punished alike, in one moment. Where the peer has more to say it is
 * no download that has ended. */
static void all_that_crawl_at_once_are_told_by_another(void **state)
{
	struct path *path = path_new(4);
	unsigned int canary;
	uint64_t before;

	download(path, 4, 3 * BYTES);
	pass(path, 4000);
	assert_false(kg_ledger_suspects(&path->ledger));
	download(path, 4, 20);
	path->holes = true;
	pass(path, 600);
	assert_true(kg_ledger_lacks_a_good_one(&path->ledger));
	canary = kg_ledger_open(&path->ledger, path->now_us);
	path->comes_in[canary] = 3 * BYTES;
	before = path->count;
	pass(path, 200);
	/* It has more than an equal part, to tell by. */
	assert_true(path->ledger.rows[canary].sent_bytes > (path->count - before) * BYTES / 3);
	pass(path, 1300);
	all_are(path, 4, KG_LEDGER_PENALTY);
	for (unsigned int i = 0; i < 4; i++)
		kg_ledger_close(&path->ledger, i);
	pass(path, 300);
	assert_int_equal(verdict(path, canary), KG_LEDGER_FINE);
	free(path);
}

static void who_was_heard_is_young_no_more(void **state)
{
	struct path *path = path_new(1);

	download(path, KG_LEDGER_ROWS, BYTES);
	pass(path, 3000);
	while (kg_ledger_count(&path->ledger) < KG_LEDGER_ROWS)
		kg_ledger_open(&path->ledger, path->now_us);
	pass(path, 300);
	all_are(path, KG_LEDGER_ROWS, KG_LEDGER_FINE);
	free(path);
}

/* Who is alone has nobody to be compared with: another one is asked for, and tells. */
static void who_is_alone_is_suspect_first(void **state)
{
	struct path *path = path_new(1);
	unsigned int canary;

	pass(path, 3000);
	assert_false(kg_ledger_suspects(&path->ledger));
	path->arrives[0] = 1;
	pass(path, 600);
	assert_true(kg_ledger_lacks_a_good_one(&path->ledger));
	assert_int_equal(verdict(path, 0), KG_LEDGER_FINE);
	canary = kg_ledger_open(&path->ledger, path->now_us);
	pass(path, 1500);
	assert_int_equal(verdict(path, 0), KG_LEDGER_PENALTY);
	assert_int_equal(verdict(path, canary), KG_LEDGER_FINE);
	free(path);
}

/* Much has come in, and then next to nothing does: whoever was ahead has slices all the same. */
static void nobody_waits_for_what_passed_before(void **state)
{
	struct path *path = path_new(2);
	uint64_t before, all;

	for (unsigned int i = 0; i < 2; i++)
		path->comes_in[i] = 30 * BYTES;
	pass(path, 4000);
	path->ledger.rows[1].dealt += 1e6;
	for (unsigned int i = 0; i < 2; i++)
		path->comes_in[i] = 0;
	before = path->ledger.rows[1].sent_bytes;
	for (unsigned int i = 0; i < 40; i++) { /* one each 25 ms */
		unsigned int row = kg_ledger_slice(&path->ledger, path->now_us);

		kg_ledger_sent(&path->ledger, row, 60);
		path->now_us += MSEC(25);
		if (i % 10 == 9)
			kg_ledger_judge(&path->ledger, path->now_us);
	}
	all = path->ledger.rows[1].sent_bytes - before;
	assert_in_range(all, 40 * 60 / 4, 40 * 60 * 3 / 4);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_are_equal_and_known_again),
		cmocka_unit_test(long_slices_have_a_millisecond),
		cmocka_unit_test(who_crawls_alone_is_punished),
		cmocka_unit_test(all_that_crawl_are_not),
		cmocka_unit_test(loss_of_all_is_the_paths),
		cmocka_unit_test(a_policer_takes_a_smaller_part),
		cmocka_unit_test(who_never_carried_anything_is_blocked),
		cmocka_unit_test(what_comes_in_is_judged_likewise),
		cmocka_unit_test(a_download_is_judged_by_what_should_come_in),
		cmocka_unit_test(of_little_it_may_be_chance),
		cmocka_unit_test(all_that_crawl_at_once_are_told_by_another),
		cmocka_unit_test(who_was_heard_is_young_no_more),
		cmocka_unit_test(who_is_alone_is_suspect_first),
		cmocka_unit_test(nobody_waits_for_what_passed_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
