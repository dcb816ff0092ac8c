/* SPDX-License-Identifier: BSD-3-Clause */
/* A conversation whose rate is found out: when it has a controller, and what it lets leave. */
#include "kcp/internal.h"
#include "kcp_one.h"
#include "rate/told.h"

#define RTT (40 * MS)

static void begin(struct one *o, uint16_t snd_wnd, bool spread)
{
	struct kg_kcp_params params = one_params();

	params.snd_wnd = snd_wnd;
	params.snd_spread = spread;
	params.rate_auto = true;
	one_init(o, &params);
	one_add(o, (struct kg_kcp_segment){ .conv = CONV, .cmd = KG_KCP_WINS, .wnd = 60000 }, "");
	assert_int_equal(one_input(o), KG_DROP_NONE);
}

/* Acknowledges all that has left, a round trip later; returns how much is due at once then. */
static unsigned int go_round(struct one *o, uint32_t *una)
{
	uint32_t ts = T0_MS + (uint32_t)(o->now_us / MS - T0_MS);

	o->now_us += RTT;
	*una = o->kcp->flight.nxt;
	one_ack(o, *una - 1, ts, *una);
	return one_drain(o);
}

/* From one to what no line has, as far as twelve bits tell it. */
static void a_rate_that_is_told_has_two_bytes(void **state)
{
	for (uint64_t pps = 1; pps < 100000000; pps += pps / 7 + 1) {
		uint32_t told = kg_rate_told(kg_rate_tell(pps));

		assert_true(told <= pps && pps - told <= pps / 2048);
	}
	assert_int_equal(kg_rate_told(kg_rate_tell(0)), 1);
	assert_int_equal(kg_rate_told(kg_rate_tell(UINT64_MAX)), 4095u << 15);
}

static void little_is_under_way_before_anything_is_known(void **state)
{
	struct one o;

	begin(&o, 2048, true);
	one_send_many(&o, 1000);
	assert_int_equal(one_drain(&o), KG_KCP_RATE_FIRST);
	one_fini(&o);
}

/* It has answered all: then the path has taken it. */
static void more_and_more_is_under_way(void **state)
{
	uint32_t una = 0, before;
	struct one o;

	begin(&o, 2048, true);
	one_send_many(&o, 5000);
	one_drain(&o);
	for (int i = 0; i < 4; i++) {
		before = kg_kcp_own_window(o.kcp);
		go_round(&o, &una);
		o.now_us += RTT; /* all of the pace */
		one_drain(&o);
		assert_true(kg_kcp_own_window(o.kcp) >= before);
	}
	assert_true(kg_kcp_own_window(o.kcp) > 2 * KG_KCP_RATE_FIRST);
	assert_true(o.kcp->pace.gap > 0);
	one_fini(&o);
}

static void a_window_that_is_written_is_a_bound(void **state)
{
	uint32_t una = 0;
	struct one o;

	begin(&o, 50, false);
	one_send_many(&o, 1000);
	assert_int_equal(one_drain(&o), 50);
	for (int i = 0; i < 6; i++) {
		go_round(&o, &una);
		o.now_us += RTT;
		one_drain(&o);
		assert_true(o.kcp->flight.nxt - o.kcp->flight.una <= 50);
	}
	assert_int_equal(kg_kcp_own_window(o.kcp), 50);
	one_fini(&o);
}

/* A word now and then, a keep-alive: an idle channel holds no more than ever. */
static void who_says_little_has_no_controller(void **state)
{
	uint32_t una = 0;
	struct one o;

	begin(&o, 2048, true);
	for (int i = 0; i < 20; i++) {
		one_send_many(&o, 1);
		one_drain(&o);
		go_round(&o, &una);
		assert_null(o.kcp->pace.rate);
	}
	one_fini(&o);
}

/* Its rings go after a second; how fast the path was is remembered for ten. */
static void a_pause_does_not_make_it_forget(void **state)
{
	uint32_t una = 0;
	struct one o;

	begin(&o, 2048, true);
	one_send_many(&o, 500);
	one_drain(&o);
	for (int i = 0; i < 20 && kg_kcp_unacked(o.kcp) > 0; i++) {
		go_round(&o, &una);
		o.now_us += RTT;
		one_drain(&o);
	}
	assert_int_equal(kg_kcp_unacked(o.kcp), 0);
	o.now_us += 2 * KG_US_PER_S;
	one_drain(&o);
	assert_int_equal(o.kcp->flight.ring.capacity, 0);
	assert_non_null(o.kcp->pace.rate);
	assert_true(kg_kcp_deadline_us(o.kcp) < KG_NEVER_US);
	o.now_us = kg_kcp_deadline_us(o.kcp);
	one_drain(&o);
	assert_null(o.kcp->pace.rate);
	assert_int_equal(kg_kcp_deadline_us(o.kcp), KG_NEVER_US);
	one_fini(&o);
}

/* Four of five datagrams are data: the pace has room for the fifth. */
static void parity_has_its_part_of_the_rate(void **state)
{
	uint32_t una = 0, gap[2];
	struct one o;

	for (int i = 0; i < 2; i++) {
		begin(&o, 2048, true);
		una = 0;
		if (i == 1)
			kg_kcp_set_groups(o.kcp, 4, 1);
		one_send_many(&o, 1000);
		one_drain(&o);
		go_round(&o, &una);
		go_round(&o, &una);
		gap[i] = o.kcp->pace.gap;
		one_fini(&o);
	}
	assert_true(gap[0] > 0);
	assert_in_range(gap[1], gap[0] * 79ull / 100, gap[0] * 81ull / 100);
}

/* On a datagram channel that loses, where ACKs of a TCP inside share one. */
static void a_datagram_has_one_place_in_the_pace(void **state)
{
	struct one o;

	begin(&o, 2048, true);
	o.kcp->flight.prompt = true;
	kg_kcp_flight_on_loss(&o.kcp->flight);
	o.kcp->pace.gap = 5u << KG_KCP_PACE_SHIFT;
	one_send_many(&o, 10);
	assert_true(one_output(&o));
	assert_int_equal(o.segs, 10);
	assert_int_equal(o.kcp->pace.free, (o.now_us + 5) << KG_KCP_PACE_SHIFT);
	one_send_many(&o, 1);
	assert_true(one_output(&o));
	assert_int_equal(o.kcp->pace.free, (o.now_us + 10) << KG_KCP_PACE_SHIFT);
	one_fini(&o);
}

/* The rate is one in 50 us of those that have all the bytes there can be. Where less is known to
 * pass messages are cut, and else a small one is no part of one. */
static void what_is_cut_short_has_less_of_the_pace(void **state)
{
	static const struct {
		bool cut;
		uint16_t len, us;
	} cases[] = { { false, 1, 50 }, { false, 1000, 50 }, { true, 1000, 37 }, { true, 1, 20 } };
	static const uint8_t bytes[1000];

	for (size_t i = 0; i < KG_ARRAY_SIZE(cases); i++) {
		struct kg_kcp_pace *pace;
		struct one o;

		begin(&o, 2048, true);
		pace = &o.kcp->pace;
		pace->gap = 50u << KG_KCP_PACE_SHIFT;
		pace->byte_gap = (float)pace->gap / (float)kg_kcp_takes(o.kcp, 0);
		kg_kcp_set_mtu(o.kcp, cases[i].cut ? 1100 : UINT16_MAX);
		assert_true(one_send(&o, bytes, cases[i].len));
		assert_true(one_output(&o));
		assert_in_range(pace->free, (o.now_us + cases[i].us - 1) << KG_KCP_PACE_SHIFT,
				(o.now_us + cases[i].us + 1) << KG_KCP_PACE_SHIFT);
		one_fini(&o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rate_that_is_told_has_two_bytes),
		cmocka_unit_test(little_is_under_way_before_anything_is_known),
		cmocka_unit_test(more_and_more_is_under_way),
		cmocka_unit_test(a_window_that_is_written_is_a_bound),
		cmocka_unit_test(who_says_little_has_no_controller),
		cmocka_unit_test(a_pause_does_not_make_it_forget),
		cmocka_unit_test(parity_has_its_part_of_the_rate),
		cmocka_unit_test(a_datagram_has_one_place_in_the_pace),
		cmocka_unit_test(what_is_cut_short_has_less_of_the_pace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
