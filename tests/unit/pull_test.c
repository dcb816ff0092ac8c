/* SPDX-License-Identifier: BSD-3-Clause */
/* What a peer is granted that sends at once whatever it may: as much as its path takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rate/pull.h"

#define MSEC(n)  ((uint64_t)(n)*KG_US_PER_MS)
#define WAY_US   20000u
#define GAP_US   100u /* 10,000 segments a second */
#define FLIGHT   16384u
#define CLOCK_MS 0xfffff000u /* of the peer, when it begins: it wraps */

/* A peer, what it has under way, and what is granted it. */
struct world {
	struct kg_pull pull;
	uint64_t now_us, free_us; /* the path is free from then on */
	uint64_t queue_us;        /* the longest lately */
	uint32_t conv, edge, come;
	uint32_t next; /* of what it has sent */
	struct {
		uint64_t at_us;
		uint32_t ts;
	} flight[FLIGHT];
	bool quiet;       /* it has nothing to say */
	uint64_t busy_us; /* now and then it sends so much later than it has looked at its clock */
};

static struct world *world_new(void)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->now_us = MSEC(5000);
	w->conv = 7;
	kg_pull_init(&w->pull, 1, w->now_us);
	return w;
}

/* It hears of the grant half a round trip later, and looks at its clock once a millisecond. */
static void send_on(struct world *w)
{
	bool is_busy = w->now_us % MSEC(110) < w->busy_us;
	uint64_t leaves_us = (w->now_us + WAY_US + 999) / 1000 * 1000;
	uint64_t looked_us = leaves_us - (is_busy ? w->busy_us / 2 : 0);

	leaves_us += leaves_us - looked_us;
	w->free_us = KG_MAX(w->free_us, leaves_us);
	for (; (int32_t)(w->edge - w->next) > 0; w->next++) {
		w->queue_us = KG_MAX(w->queue_us, w->free_us - leaves_us);
		w->free_us += GAP_US;
		w->flight[w->next % FLIGHT].at_us = w->free_us + WAY_US;
		w->flight[w->next % FLIGHT].ts = CLOCK_MS + (uint32_t)(looked_us / 1000);
	}
}

static uint32_t open_of(const struct world *w)
{
	int32_t open = (int32_t)(w->edge - w->come);

	return open > 0 ? (uint32_t)open : 0;
}

static void grant(struct world *w)
{
	uint32_t open = open_of(w);
	uint32_t window = kg_pull_window(&w->pull, open, w->now_us);

	if (window > open)
		kg_pull_granted(&w->pull, w->conv, w->edge, window - open, w->now_us);
	w->edge = w->come + window;
	if (!w->quiet)
		send_on(w);
}

static void hear_as(struct world *w, uint32_t sn)
{
	const struct kg_pull_news news = {
		.now_us = w->now_us,
		.conv = w->conv,
		.sn = sn,
		.ts = w->flight[sn % FLIGHT].ts,
		.came = 1,
		.open = open_of(w),
	};

	kg_pull_hear(&w->pull, &news);
}

static void hear(struct world *w)
{
	w->come++;
	hear_as(w, w->come - 1);
}

static uint64_t next_us(const struct world *w)
{
	uint64_t due_us = kg_pull_due_us(&w->pull, w->conv, open_of(w));

	if (w->come != w->next)
		due_us = KG_MIN(due_us, w->flight[w->come % FLIGHT].at_us);
	return KG_MAX(due_us, w->now_us + 1);
}

static void pass(struct world *w, unsigned int ms)
{
	uint64_t end_us = w->now_us + MSEC(ms);

	grant(w);
	while (next_us(w) < end_us) {
		w->now_us = next_us(w);
		while (w->come != w->next && w->flight[w->come % FLIGHT].at_us <= w->now_us)
			hear(w);
		grant(w);
	}
	w->now_us = end_us;
}

static void a_path_is_filled_and_no_more(void **state)
{
	struct world *w = world_new();
	uint32_t come;

	pass(w, 2000);
	come = w->come;
	w->queue_us = 0;
	pass(w, 4000);
	assert_in_range(w->come - come, 0.95 * 4000 * 1000 / GAP_US, 4000 * 1000 / GAP_US + 1);
	assert_in_range(w->queue_us, 0, 12000);
	free(w);
}

/* Not all of a window at once, of a peer of which nothing is known, or that is quiet. */
static void the_first_is_small(void **state)
{
	struct world *w = world_new();

	w->quiet = true;
	pass(w, 1000);
	assert_in_range(w->edge, 16, 64);
	assert_int_equal(kg_pull_due_us(&w->pull, w->conv, 0), KG_NEVER_US);
	free(w);
}

/* Who has said little for long, and then has much to say, begins as small as anybody. */
static void who_has_talked_begins_small(void **state)
{
	struct world *w = world_new();

	w->pull.delivered = 300000;
	w->pull.lost = 1000;
	pass(w, 1000);
	assert_in_range(w->queue_us, 0, 12000);
	free(w);
}

/* A gap is a loss, unless what is in it was only late. */
static void what_is_late_is_not_lost(void **state)
{
	struct world *w = world_new();
	struct kg_pull_news news = { .now_us = w->now_us, .conv = 1, .ts = 100, .came = 1 };

	kg_pull_hear(&w->pull, &news);
	news.sn = 4;
	news.ts = 101;
	kg_pull_hear(&w->pull, &news);
	assert_int_equal(w->pull.lost, 3);
	news.sn = 2;
	kg_pull_hear(&w->pull, &news);
	assert_int_equal(w->pull.lost, 2);
	news.sn = 1; /* again: it was lost */
	news.ts = 150;
	kg_pull_hear(&w->pull, &news);
	assert_int_equal(w->pull.lost, 2);
	free(w);
}

/* What is late takes no room from what is granted: as much comes as if all had come in order. */
static void what_is_late_costs_nothing(void **state)
{
	struct world *w = world_new();
	uint64_t before_us;

	pass(w, 2000);
	before_us = w->pull.free_us;
	hear_as(w, w->come + 8);
	assert_true(w->pull.free_us > before_us);
	for (unsigned int i = 0; i < 8; i++)
		hear_as(w, w->come + i);
	assert_in_range(w->pull.free_us, before_us - 2, before_us + 2);
	free(w);
}

/* A peer looks at its clock, has no CPU for a while, hears of a grant meanwhile and uses it: that
 * answer seems to have been on its way before it was asked for. */
static void a_late_answer_makes_no_round_trip_shorter(void **state)
{
	struct world *w = world_new();

	pass(w, 2000);
	w->busy_us = MSEC(20);
	pass(w, 2000);
	assert_in_range(kg_pull_rest_us(&w->pull, 0), 2 * WAY_US - 1500, 2 * WAY_US + 1500);
	free(w);
}

/* In a round trip two are heard a lot of, and one little. */
static void who_is_busy_has_an_equal_part(void **state)
{
	struct world *w = world_new();
	struct kg_pull_news news = { .ts = 100, .came = 1 };
	uint32_t alone = kg_pull_window(&w->pull, 0, w->now_us);

	for (unsigned int i = 0; i < 300; i++) {
		news.now_us = w->now_us + MSEC(i);
		news.conv = 1 + i % 2;
		news.sn = i / 2;
		news.ts = 100 + i;
		kg_pull_hear(&w->pull, &news);
		news.conv = 3;
		news.sn = i / 60;
		if (i % 60 == 0)
			kg_pull_hear(&w->pull, &news);
	}
	assert_int_equal(kg_pull_window(&w->pull, 0, w->now_us + MSEC(300)), alone / 2);
	free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_is_filled_and_no_more),
		cmocka_unit_test(the_first_is_small),
		cmocka_unit_test(who_has_talked_begins_small),
		cmocka_unit_test(what_is_late_is_not_lost),
		cmocka_unit_test(what_is_late_costs_nothing),
		cmocka_unit_test(a_late_answer_makes_no_round_trip_shorter),
		cmocka_unit_test(who_is_busy_has_an_equal_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
