/* SPDX-License-Identifier: BSD-3-Clause */
/* Round-trip samples and time-outs (the rule is in kcp_rtt.c; its effect in sim/kcp_rto_test.c). */
#include "kcp_one.h"

/* docs/kcp.md §7.3: ms after the first copy, rto 200. nodelay 2 is linear for eight time-outs; no
 * wait is longer than 10 s. */
static void timeouts_back_off_as_nodelay_says(void **state)
{
	static const uint32_t expected_ms[3][9] = {
		{ 225, 625, 1425, 3025, 6225, 12625, 22625, 32625, 42625 },
		{ 200, 500, 950, 1625, 2637, 4156, 6434, 9851, 14977 },
		{ 200, 500, 900, 1400, 2000, 2700, 3500, 4400, 5400 },
	};

	for (uint8_t nodelay = 0; nodelay < 3; nodelay++) {
		struct kg_kcp_params params = one_params();
		struct one o;

		params.nodelay = nodelay;
		one_init(&o, &params);
		one_send_now(&o, 1);
		for (size_t i = 0; i < KG_ARRAY_SIZE(expected_ms[0]); i++) {
			o.now_us = kg_kcp_deadline_us(o.kcp) - 1;
			assert_int_equal(one_drain(&o), 0);
			o.now_us++;
			assert_int_equal(one_drain(&o), 1);
			assert_int_equal(o.now_us / MS - T0_MS, expected_ms[nodelay][i]);
		}
		one_fini(&o);
	}
}

/* What lies behind a hole has arrived: the path lives, and who fills the hole goes again and again
 * after two rto, twelve times; only then the wait doubles. */
static void a_hole_on_a_path_that_lives_is_not_left_for_long(void **state)
{
	static const unsigned int waits[] = { 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 4, 8 };
	struct kg_kcp_params params = one_params();
	uint64_t sent_us, rto_us;
	struct one o;

	params.nodelay = 0;
	params.resend = 0;
	one_init(&o, &params);
	one_send_now(&o, 8);
	o.now_us += 100 * MS;
	for (uint32_t sn = 1; sn < 8; sn++)
		one_ack(&o, sn, T0_MS, 0);
	rto_us = one_stats(&o).rto_us;
	o.now_us = kg_kcp_deadline_us(o.kcp);
	one_drain(&o);
	for (size_t i = 0; i < KG_ARRAY_SIZE(waits); i++) {
		sent_us = o.now_us;
		o.now_us = kg_kcp_deadline_us(o.kcp);
		assert_int_equal(one_drain(&o), 1);
		assert_int_equal(o.now_us - sent_us, waits[i] * rto_us);
	}
	one_fini(&o);
}

static void tell_window(struct one *o, uint16_t wnd)
{
	const struct kg_kcp_segment seg = { .conv = CONV, .cmd = KG_KCP_WINS, .wnd = wnd };

	one_hear(o, seg);
}

/* The peer has refused for so long that the next time-out is far: its word that there is room again
 * brings the oldest again, and not more of it until that had time to come back. */
static void room_at_the_peer_ends_the_wait(void **state)
{
	struct one o;

	one_init_default(&o);
	one_send_now(&o, 10);
	tell_window(&o, 100); /* nothing has timed out */
	assert_false(one_output(&o));
	for (int i = 0; i < 5000; i++) {
		o.now_us += MS;
		one_drain(&o);
	}
	tell_window(&o, 0);
	assert_false(one_output(&o));
	tell_window(&o, 100);
	assert_true(one_output(&o));
	assert_int_equal(o.seg[0].sn, 0);
	assert_int_equal(one_drain(&o), 1); /* its twin: it would be dear if it were lost */
	tell_window(&o, 100);
	assert_false(one_output(&o));
	one_ack(&o, 0, (uint32_t)(o.now_us / MS), 1);
	assert_true(one_output(&o));
	assert_int_equal(o.seg[0].sn, 1);
	one_fini(&o);
}

/* docs/kcp.md §7.3: before a sample, twice what the peer is known for. */
static void an_expected_round_trip_times_the_first_copy(void **state)
{
	static const uint32_t expected_ms[][2] = {
		{ 0, 200 }, { 1, 50 }, { 60, 120 }, { 300, 600 }, { 5000, 1000 }
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(expected_ms); i++) {
		struct one o;

		one_init_default(&o);
		kg_kcp_expect_rtt(o.kcp, expected_ms[i][0] * MS);
		assert_int_equal(one_stats(&o).rto_us, expected_ms[i][1] * MS);
		one_fini(&o);
	}
}

static void a_sample_of_its_own_counts_more(void **state)
{
	struct one o;
	uint32_t rto_us;

	one_init_default(&o);
	one_round_trip(&o, 0, 30 * MS);
	rto_us = one_stats(&o).rto_us;
	kg_kcp_expect_rtt(o.kcp, 400 * MS);
	assert_int_equal(one_stats(&o).rto_us, rto_us);
	one_fini(&o);
}

static void timeout_never_exceeds_a_minute(void **state)
{
	struct kg_kcp_params params = one_params();

	for (params.nodelay = 0; params.nodelay < 3; params.nodelay++) {
		struct one o;

		one_init(&o, &params);
		one_send_now(&o, 1);
		for (int i = 0; i < 100; i++) {
			uint64_t due_us = kg_kcp_deadline_us(o.kcp);

			assert_true(due_us - o.now_us <= 60 * (uint64_t)KG_US_PER_S);
			o.now_us = due_us;
			assert_int_equal(one_drain(&o), 1);
		}
		one_fini(&o);
	}
}

/* A whole window times out in silence: the path is probed, not flooded. */
static void silence_is_probed_with_a_few_copies(void **state)
{
	struct kg_kcp_params params = one_params();
	struct one o;
	unsigned int copies = 0;

	params.snd_wnd = 128;
	one_init(&o, &params);
	one_send_now(&o, 128);
	o.now_us = kg_kcp_deadline_us(o.kcp);
	assert_int_equal(o.now_us, (T0_MS + 200) * MS);
	assert_int_equal(one_drain(&o), 32);
	for (copies = 32; copies < 128; copies += 32) {
		o.now_us = kg_kcp_deadline_us(o.kcp);
		assert_int_equal(one_drain(&o), 32);
	}
	assert_int_equal(o.now_us, (T0_MS + 350) * MS);
	one_fini(&o);
}

/* A sign of life in the middle allows the next few at once. */
static void probing_goes_on_when_something_is_acknowledged(void **state)
{
	struct kg_kcp_segment wins = { .conv = CONV, .cmd = KG_KCP_WINS, .wnd = 128 };
	struct one o;

	one_init_default(&o);
	one_send_now(&o, 128);
	o.now_us += 200 * MS;
	assert_int_equal(one_drain(&o), 32);
	for (wins.una = 1; wins.una < 4; wins.una++) {
		one_hear(&o, wins);
		assert_int_equal(one_drain(&o), 32);
	}
	one_fini(&o);
}

/* The first copies were only late: all is well, and the next time-out leaves them more time. */
static void needless_timeout_is_recognised_by_ts(void **state)
{
	struct kg_kcp_stats before, after;
	struct one o;

	one_init_default(&o);
	for (uint32_t sn = 0; sn < 50; sn++)
		one_round_trip(&o, sn, 40 * MS);
	before = one_stats(&o);
	assert_in_range(before.rto_us, 50 * MS, 52 * MS);
	one_send_now(&o, 1);
	o.now_us += 60 * MS;
	assert_int_equal(one_drain(&o), 1);
	o.now_us += 10 * MS;
	one_ack(&o, 50, T0_MS + 2000, 51);
	after = one_stats(&o);
	assert_int_equal(after.resent_needless, 1);
	assert_true(after.rto_us > 70 * MS);
	one_fini(&o);
}

static void absurd_acks_give_no_sample(void **state)
{
	struct one o;

	one_init_default(&o);
	one_send_now(&o, 4);
	o.now_us += 30 * MS;
	one_ack(&o, 0, T0_MS + 500000, 0); /* the future */
	one_ack(&o, 1, T0_MS - 900, 0);    /* before the segment existed */
	one_ack(&o, 1, T0_MS, 0);          /* not in flight any more */
	assert_int_equal(one_stats(&o).srtt_us, 0);
	assert_int_equal(one_stats(&o).in_flight, 2);
	one_ack(&o, 2, T0_MS, 0);
	assert_int_equal(one_stats(&o).srtt_us, 30 * MS);
	one_fini(&o);
}

static void sample_of_more_than_a_minute_is_none(void **state)
{
	struct one o;

	one_init_default(&o);
	one_send_now(&o, 1);
	o.now_us += 61 * (uint64_t)KG_US_PER_S;
	one_drain(&o);
	one_ack(&o, 0, T0_MS, 1); /* the first copy's */
	assert_int_equal(one_stats(&o).srtt_us, 0);
	assert_int_equal(one_stats(&o).rto_us, 200 * MS);
	assert_int_equal(kg_kcp_unacked(o.kcp), 0);
	one_fini(&o);
}

/* una waited for a hole: how long says nothing of the path. Without a hole it does. */
static void una_gives_samples_only_without_holes(void **state)
{
	struct kg_kcp_segment wins = { .conv = CONV, .cmd = KG_KCP_WINS, .wnd = 128, .una = 3 };
	struct one o;

	one_init_default(&o);
	one_send_now(&o, 3);
	o.now_us += 20 * MS;
	one_ack(&o, 1, T0_MS, 0); /* that of 2 is lost */
	o.now_us += 60 * MS;
	one_hear(&o, wins);
	assert_int_equal(one_stats(&o).srtt_us, 20 * MS);
	one_send_now(&o, 3);
	o.now_us += 60 * MS;
	wins.una = 6;
	one_hear(&o, wins);
	assert_int_equal(one_stats(&o).srtt_us, 25 * MS);
	one_fini(&o);
}

/* Of the segments that una covers the slowest counts as well as the fastest. */
static void una_gives_two_samples(void **state)
{
	struct kg_kcp_segment wins = { .conv = CONV, .cmd = KG_KCP_WINS, .wnd = 128, .una = 3 };
	struct one o;

	one_init_default(&o);
	for (int i = 0; i < 3; i++) {
		one_send_now(&o, 1);
		o.now_us += 10 * MS;
	}
	o.now_us += 30 * MS;
	one_hear(&o, wins);
	assert_int_equal(one_stats(&o).srtt_us, (7 * 60 * MS + 40 * MS) / 8);
	one_fini(&o);
}

/* Steady or instant round trips never bring the time-out within 10 ms of them. */
static void timeout_keeps_its_distance(void **state)
{
	for (uint32_t rtt_ms = 0; rtt_ms <= 100; rtt_ms += 20) {
		struct kg_kcp_params params = one_params();
		struct one o;

		params.interval_ms = 1;
		one_init(&o, &params);
		for (uint32_t sn = 0; sn < 100; sn++)
			one_round_trip(&o, sn, rtt_ms * MS);
		assert_in_range(one_stats(&o).rto_us, (rtt_ms + 10) * MS, (rtt_ms + 13) * MS);
		one_fini(&o);
	}
}

/* Acknowledges 20 messages, one at a time, 1 ms after each was sent. */
static void settle_at_one_ms(struct one *o)
{
	for (uint32_t sn = 0; sn < 20; sn++)
		one_round_trip(o, sn, 1 * MS);
}

/* A lone segment has nobody behind it whose ACK could show its loss: it goes again early, two times
 * and each time with a twin, and then keeps to the time-out without having backed off. */
static void the_few_go_again_early(void **state)
{
	uint64_t sent_us, rto_us;
	struct one o;

	one_init_default(&o);
	settle_at_one_ms(&o);
	rto_us = one_stats(&o).rto_us;
	assert_true(rto_us >= 11 * MS);
	for (unsigned int copy = 1; copy <= 2; copy++) {
		sent_us = o.now_us;
		if (copy == 1) {
			one_send_now(&o, 1);
		}
		o.now_us = kg_kcp_deadline_us(o.kcp);
		assert_in_range(o.now_us - sent_us, copy * 2 * MS, copy * 5 * MS);
		for (int twin = 0; twin < 2; twin++) {
			assert_true(one_output(&o));
			assert_int_equal(o.segs, 1);
		}
		assert_false(one_output(&o));
	}
	sent_us = o.now_us;
	o.now_us = kg_kcp_deadline_us(o.kcp);
	assert_int_equal(o.now_us - sent_us, rto_us);
	assert_int_equal(one_drain(&o), 1);
	one_fini(&o);
}

/* With many in flight the first time-out is the full one. */
static void the_many_wait(void **state)
{
	uint64_t sent_us;
	struct one o;

	one_init_default(&o);
	settle_at_one_ms(&o);
	sent_us = o.now_us;
	one_send_now(&o, 5);
	o.now_us = kg_kcp_deadline_us(o.kcp);
	assert_int_equal(o.now_us - sent_us, one_stats(&o).rto_us);
	one_fini(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_few_go_again_early),
		cmocka_unit_test(the_many_wait),
		cmocka_unit_test(timeouts_back_off_as_nodelay_says),
		cmocka_unit_test(a_hole_on_a_path_that_lives_is_not_left_for_long),
		cmocka_unit_test(room_at_the_peer_ends_the_wait),
		cmocka_unit_test(an_expected_round_trip_times_the_first_copy),
		cmocka_unit_test(a_sample_of_its_own_counts_more),
		cmocka_unit_test(timeout_never_exceeds_a_minute),
		cmocka_unit_test(silence_is_probed_with_a_few_copies),
		cmocka_unit_test(probing_goes_on_when_something_is_acknowledged),
		cmocka_unit_test(needless_timeout_is_recognised_by_ts),
		cmocka_unit_test(absurd_acks_give_no_sample),
		cmocka_unit_test(sample_of_more_than_a_minute_is_none),
		cmocka_unit_test(una_gives_samples_only_without_holes),
		cmocka_unit_test(una_gives_two_samples),
		cmocka_unit_test(timeout_keeps_its_distance),
	};

	return cmocka_run_group_tests_name("kcp_timeout", tests, NULL, NULL);
}
