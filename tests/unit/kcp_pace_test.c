/* SPDX-License-Identifier: BSD-3-Clause */
/* The pace of a conversation: gaps, bursts, and the limit where more leaves than gets through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kcp/kcp_pace.h"

#define MS ((uint64_t)KG_US_PER_MS)

/* A sender that always has more, and a path that takes `capacity_per_ms` segments and loses
 * `loss_percent` of these; what is acknowledged is so a round trip later. */
struct flow {
	struct kg_kcp_pace pace;
	struct kg_kcp_pace_input in;
	uint32_t capacity_per_ms, loss_percent;
	uint32_t under_way[256]; /* acknowledged at that ms, modulo */
	uint32_t lost[256];      /* found lost at that ms */
	uint32_t owed;           /* to be sent again */
	bool backlogged;
};

static struct kg_mem mem;

#define SRTT_MS 40
#define WINDOW  1000

static void flow_init(struct flow *f, uint32_t capacity_per_ms, uint32_t loss_percent)
{
	memset(f, 0, sizeof(*f));
	f->capacity_per_ms = capacity_per_ms;
	f->loss_percent = loss_percent;
	f->backlogged = true;
	f->in = (struct kg_kcp_pace_input){
		.now_us = 1000 * MS,
		.window = WINDOW,
		.srtt_us = SRTT_MS * KG_US_PER_MS,
	};
}

/* Sends what the pace allows at this moment. */
static uint32_t send_all(struct kg_kcp_pace *pace, uint64_t now_us, uint32_t max)
{
	uint32_t sent = 0;

	while (sent < max && kg_kcp_pace_next_us(pace) <= now_us) {
		kg_kcp_pace_take(pace, now_us);
		sent++;
	}
	return sent;
}

/* Segments sent in so many milliseconds. */
static uint32_t flow_run(struct flow *f, uint32_t ms)
{
	uint32_t before = f->in.copies;

	for (; ms > 0; ms--) {
		uint32_t now_ms = (uint32_t)(f->in.now_us / MS);
		uint32_t sent = send_all(&f->pace, f->in.now_us, 4 * WINDOW);
		uint32_t through = KG_MIN(sent, f->capacity_per_ms);

		f->in.copies += sent;
		f->in.resent += KG_MIN(sent, f->owed);
		f->owed -= KG_MIN(sent, f->owed);
		f->under_way[(now_ms + SRTT_MS) % 256] = through * (100 - f->loss_percent) / 100;
		f->in.acked += f->under_way[now_ms % 256];
		f->owed += f->lost[now_ms % 256];
		f->lost[(now_ms + SRTT_MS) % 256] = sent - f->under_way[(now_ms + SRTT_MS) % 256];
		f->under_way[now_ms % 256] = 0;
		f->in.backlogged = f->backlogged;
		kg_kcp_pace_update(&f->pace, &mem, &f->in);
		f->in.now_us += MS;
	}
	return f->in.copies - before;
}

static void nothing_waits_without_a_round_trip(void **state)
{
	struct kg_kcp_pace pace = { 0 };

	assert_int_equal(send_all(&pace, 1000 * MS, 65535), 65535);
	assert_true(kg_kcp_pace_next_us(&pace) <= 1000 * MS);
	kg_kcp_pace_trim(&pace, &mem);
}

/* 1,000 segments per 40 ms and a quarter more are 31 per ms, whoever looks how often. */
static void window_is_spread_over_the_round_trip(void **state)
{
	for (uint32_t every_us = 50; every_us <= 1000; every_us *= 2) {
		struct kg_kcp_pace pace = { 0 };
		struct kg_kcp_pace_input in = { 1000 * MS, 0, 0, 0, WINDOW, SRTT_MS * 1000, true };
		uint32_t sent = 0;

		kg_kcp_pace_update(&pace, &mem, &in);
		send_all(&pace, in.now_us, UINT32_MAX);
		for (uint64_t us = every_us; us <= 100 * MS; us += every_us)
			sent += send_all(&pace, in.now_us + us, UINT32_MAX);
		assert_in_range(sent, 3125 - 40, 3125 + 40);
		kg_kcp_pace_trim(&pace, &mem);
	}
}

/* Parity takes its place; the window with all of it still leaves within a round trip. */
static void parity_is_in_the_pace(void **state)
{
	static const struct {
		uint8_t data, parity;
		uint32_t per_round_trip;
	} codes[] = { { 20, 4, WINDOW * 5 / 4 }, { 2, 1, WINDOW * 3 / 2 }, { 1, 1, WINDOW * 2 } };

	for (size_t i = 0; i < KG_ARRAY_SIZE(codes); i++) {
		struct kg_kcp_pace pace = { 0 };
		struct kg_kcp_pace_input in = {
			1000 * MS,      0, 0, 0, WINDOW, SRTT_MS * 1000, true, codes[i].data,
			codes[i].parity
		};
		uint32_t sent = 0;

		kg_kcp_pace_update(&pace, &mem, &in);
		send_all(&pace, in.now_us, UINT32_MAX);
		for (uint64_t ms = 1; ms <= 10 * SRTT_MS; ms++)
			sent += send_all(&pace, in.now_us + ms * MS, UINT32_MAX);
		assert_in_range(sent, 10 * codes[i].per_round_trip - 60,
				10 * codes[i].per_round_trip + 60);
		kg_kcp_pace_trim(&pace, &mem);
	}
}

/* A window that is shut, as by a peer whose memory is short, leaves a few segments to a round trip;
 * when it opens, nobody waits for what left at that pace. */
static void shut_window_is_made_up_for_when_it_opens(void **state)
{
	struct kg_kcp_pace pace = { 0 };
	struct kg_kcp_pace_input in = { 1000 * MS, 0, 0, 0, 0, SRTT_MS * 1000, true };
	uint32_t sent = 0;

	kg_kcp_pace_update(&pace, &mem, &in);
	send_all(&pace, in.now_us, UINT32_MAX);
	for (uint64_t ms = 1; ms <= 10 * SRTT_MS; ms++)
		sent += send_all(&pace, in.now_us + ms * MS, UINT32_MAX);
	assert_in_range(sent, 10 * 8 - 2, 10 * 8 + 2);
	in.now_us += 10 * SRTT_MS * MS;
	in.window = WINDOW;
	kg_kcp_pace_update(&pace, &mem, &in);
	for (sent = 0; in.now_us < 1440 * MS; in.now_us += MS)
		sent += send_all(&pace, in.now_us, UINT32_MAX);
	assert_in_range(sent, WINDOW, WINDOW * 5 / 4 + 40);
	kg_kcp_pace_trim(&pace, &mem);
}

/* What was not used is lost but for a burst, which a sleeping worker may make up for. */
static void bursts_are_bounded(void **state)
{
	struct kg_kcp_pace pace = { 0 };
	struct kg_kcp_pace_input in = { 1000 * MS, 0, 0, 0, WINDOW, SRTT_MS * 1000, true };

	kg_kcp_pace_update(&pace, &mem, &in);
	assert_in_range(send_all(&pace, 1000 * MS, UINT32_MAX), 31, 33);
	assert_in_range(send_all(&pace, 5000 * MS, UINT32_MAX), 31, 33);
	assert_true(kg_kcp_pace_next_us(&pace) > 5000 * MS);
	assert_true(kg_kcp_pace_next_us(&pace) < 5001 * MS);
	/* Sixteen at least, however slow. */
	in = (struct kg_kcp_pace_input){ 9000 * MS, 0, 0, 0, 32, 2000 * 1000, true };
	kg_kcp_pace_update(&pace, &mem, &in);
	assert_in_range(send_all(&pace, 9000 * MS, UINT32_MAX), 16, 18);
	kg_kcp_pace_trim(&pace, &mem);
}

/* On a short path a whole window may leave at once. */
static void short_paths_are_not_held_up(void **state)
{
	struct kg_kcp_pace pace = { 0 };
	struct kg_kcp_pace_input in = { 1000 * MS, 0, 0, 0, WINDOW, 500, true };

	kg_kcp_pace_update(&pace, &mem, &in);
	assert_true(send_all(&pace, 1000 * MS, UINT32_MAX) >= WINDOW);
	kg_kcp_pace_trim(&pace, &mem);
}

/* A tenth of the pace gets through: soon not much more is sent than that. */
static void overflow_limits_the_pace(void **state)
{
	struct flow f;
	uint32_t sent;

	flow_init(&f, 3, 0);
	flow_run(&f, 1); /* everything at once, before the first sample */
	assert_in_range(flow_run(&f, 50), 1500, 1700);
	flow_run(&f, 1000);
	sent = flow_run(&f, 10000);
	assert_in_range(sent, 3 * 10000 * 95 / 100, 3 * 10000 * 130 / 100);
	kg_kcp_pace_trim(&f.pace, &mem);
}

/* When there is room again, it is found. */
static void limit_goes_when_it_is_not_needed(void **state)
{
	struct flow f;

	flow_init(&f, 3, 0);
	flow_run(&f, 2000);
	assert_true(f.pace.limit_gap > 0);
	f.capacity_per_ms = 1000;
	flow_run(&f, 10000);
	assert_int_equal(f.pace.limit_gap, 0);
	assert_in_range(flow_run(&f, 1000), 30000, 32500);
	kg_kcp_pace_trim(&f.pace, &mem);
}

static void unused_limit_goes_soon(void **state)
{
	struct flow f;

	flow_init(&f, 3, 0);
	flow_run(&f, 2000);
	f.backlogged = false;
	flow_run(&f, 1000);
	assert_int_equal(f.pace.limit_gap, 0);
	kg_kcp_pace_trim(&f.pace, &mem);
}

/* Random loss is nobody's queue: after a trial the pace is what it was, nearly all the time. */
static void random_loss_is_tolerated(void **state)
{
	for (uint32_t percent = 5; percent <= 40; percent += 5) {
		struct flow f;

		flow_init(&f, 4000, percent);
		flow_run(&f, 1000);
		assert_in_range(flow_run(&f, 10000), 312500 * 9 / 10, 314000);
		kg_kcp_pace_trim(&f.pace, &mem);
	}
}

/* ACKs stay away for a while and come all at once: nothing was lost, nothing is cut. */
static void late_acks_are_no_loss(void **state)
{
	struct flow f;

	flow_init(&f, 4000, 0);
	flow_run(&f, 1000);
	for (int i = 0; i < 10; i++) {
		uint32_t acked = f.in.acked;

		f.in.copies += WINDOW;
		f.in.now_us += 300 * MS;
		kg_kcp_pace_update(&f.pace, &mem, &f.in);
		f.in.acked = acked + WINDOW;
		flow_run(&f, 100);
		assert_int_equal(f.pace.limit_gap, 0);
	}
	kg_kcp_pace_trim(&f.pace, &mem);
}

/* Nothing comes through for a long time: afterwards there is still a pace to find out with. */
static void outage_leaves_a_pace(void **state)
{
	struct flow f;

	flow_init(&f, 0, 0);
	flow_run(&f, 3000);
	f.in.now_us += 3000 * (uint64_t)KG_US_PER_S;
	flow_run(&f, 3000);
	assert_true(kg_kcp_pace_next_us(&f.pace) <= f.in.now_us + SRTT_MS * MS);
	f.capacity_per_ms = 1000;
	flow_run(&f, 20000);
	assert_in_range(flow_run(&f, 1000), 30000, 32500);
	kg_kcp_pace_trim(&f.pace, &mem);
}

static void clocks_and_counters_may_wrap(void **state)
{
	struct flow f;

	flow_init(&f, 3, 0);
	f.in.copies = UINT32_MAX - 500;
	f.in.acked = UINT32_MAX - 700;
	flow_run(&f, 2000);
	assert_in_range(flow_run(&f, 5000), 3 * 5000 * 95 / 100, 3 * 5000 * 130 / 100);
	kg_kcp_pace_trim(&f.pace, &mem);
}

static int begin(void **state)
{
	kg_mem_malloc_init(&mem);
	return 0;
}

static int nothing_is_left(void **state)
{
	return mem.in_use_bytes == 0 ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_waits_without_a_round_trip),
		cmocka_unit_test(window_is_spread_over_the_round_trip),
		cmocka_unit_test(parity_is_in_the_pace),
		cmocka_unit_test(shut_window_is_made_up_for_when_it_opens),
		cmocka_unit_test(bursts_are_bounded),
		cmocka_unit_test(short_paths_are_not_held_up),
		cmocka_unit_test(overflow_limits_the_pace),
		cmocka_unit_test(limit_goes_when_it_is_not_needed),
		cmocka_unit_test(unused_limit_goes_soon),
		cmocka_unit_test(random_loss_is_tolerated),
		cmocka_unit_test(late_acks_are_no_loss),
		cmocka_unit_test(outage_leaves_a_pace),
		cmocka_unit_test(clocks_and_counters_may_wrap),
	};

	return cmocka_run_group_tests_name("kcp_pace", tests, begin, nothing_is_left);
}
