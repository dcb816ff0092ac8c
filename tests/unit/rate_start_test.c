/* SPDX-License-Identifier: BSD-3-Clause */
/* When a rate that is found out has begun: its end is where the path is full, whoever holds it
 * back, and whatever bytes are in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rate/rate.h"

#define RTT_US (40u * KG_US_PER_MS)

struct path {
	struct kg_rate rate;
	struct kg_rate_news news;
};

/* Of one who has never more to send than leaves: news.backlogged stays false. */
static void begin(struct path *path)
{
	const struct kg_rate_params params = { .kind = KG_RATE_FOUND_OUT };

	*path = (struct path){ .news.now_us = KG_US_PER_S, .news.rtt_us = RTT_US };
	kg_rate_init(&path->rate, &params, path->news.now_us);
}

static void go_rounds(struct path *path, unsigned int rounds, uint32_t delivered, uint32_t lost)
{
	for (; rounds > 0; rounds--) {
		path->news.sent_us = path->news.now_us;
		path->news.now_us += RTT_US;
		path->news.delivered += delivered;
		path->news.lost += lost;
		kg_rate_hear(&path->rate, &path->news);
	}
}

/* Of what has arrived so much may leave. */
static float gain_at(const struct path *path, uint32_t delivered)
{
	return kg_rate_pps(&path->rate) * RTT_US / 1e6f / (float)delivered;
}

/* As many as its peer's window holds leave in each round trip. */
static void who_waits_for_his_peer_fills_the_path(void **state)
{
	struct path path;

	begin(&path);
	go_rounds(&path, 4, 500, 0);
	assert_true(gain_at(&path, 500) > 2);
	go_rounds(&path, 10, 500, 700);
	assert_true(gain_at(&path, 500) < 1.1f);
}

/* Else nobody would grow who now and then has nothing to say. */
static void who_says_little_may_go_on(void **state)
{
	struct path path;

	begin(&path);
	go_rounds(&path, 20, 100, 10);
	assert_true(gain_at(&path, 100) > 2);
}

static void more_of_what_is_lost_may_arrive(void **state)
{
	struct path path;

	begin(&path);
	for (uint32_t delivered = 16; delivered < 1000; delivered += delivered / 2)
		go_rounds(&path, 1, delivered, delivered / 2);
	assert_true(gain_at(&path, 500) > 2);
}

/* Of one that grows slowly a few rounds may bring less, as where a machine is busy, before its
 * path is full: then there is a queue. */
static void who_is_careful_is_not_stopped_by_chance(void **state)
{
	const struct kg_rate_params params = { .kind = KG_RATE_FOUND_OUT, .careful = true };
	struct path path;

	begin(&path);
	kg_rate_init(&path.rate, &params, path.news.now_us);
	path.news.backlogged = true;
	go_rounds(&path, 2, 500, 0);
	go_rounds(&path, 4, 450, 0);
	assert_true(gain_at(&path, 500) > 1.2f);
	go_rounds(&path, 1, 625, 0);
	path.news.rtt_us += RTT_US / 4;
	go_rounds(&path, 4, 625, 0);
	assert_true(gain_at(&path, 625) < 1.1f);
}

/* So many a round, so long each, as the path takes them. */
static void go_bytes(struct path *path, unsigned int rounds, uint32_t delivered, uint32_t bytes)
{
	path->news.segments = delivered;
	path->news.bytes = delivered * bytes;
	go_rounds(path, rounds, delivered, 0);
}

/* Its rate is found out in short datagrams, and then they are long; and short again. */
static void a_path_takes_bytes_whatever_they_are_in(void **state)
{
	struct path path;

	begin(&path);
	path.news.backlogged = true;
	go_bytes(&path, 20, 1000, 500);
	assert_true(gain_at(&path, 1000) < 1.3f);
	for (int i = 0; i < 3; i++) {
		go_bytes(&path, 1, 400, 1250);
		assert_true(kg_rate_bytes(&path.rate) == 1250);
		assert_true(gain_at(&path, 400) > 0.7f && gain_at(&path, 400) < 1.3f);
		go_bytes(&path, 1, 1000, 500);
		assert_true(gain_at(&path, 1000) > 0.7f && gain_at(&path, 1000) < 1.3f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_waits_for_his_peer_fills_the_path),
		cmocka_unit_test(who_says_little_may_go_on),
		cmocka_unit_test(more_of_what_is_lost_may_arrive),
		cmocka_unit_test(who_is_careful_is_not_stopped_by_chance),
		cmocka_unit_test(a_path_takes_bytes_whatever_they_are_in),
	};

	return cmocka_run_group_tests_name("rate_start", tests, NULL, NULL);
}
