/* SPDX-License-Identifier: BSD-3-Clause */
/* How often what is lost is sent, and how much parity it is worth (docs/kcp.md §7.6). */
#include "kcp_one.h"

#include "kcp/internal.h"

#define PART(x) ((uint16_t)((x)*65536))
#define RTT_US  (20 * MS)

static char text[KG_KCP_MTU_MAX];

/* Its rate is found out. */
static void rated_init(struct one *o)
{
	struct kg_kcp_params params = one_params();

	params.rate_auto = true;
	params.snd_spread = true;
	one_init(o, &params);
}

/* A window of 128 of which the first five are holes, `more` behind it. */
static void lose_five(struct one *o, double loss, unsigned int more)
{
	rated_init(o);
	o->kcp->pace.window = 1000;
	one_send_many(o, 128 + more);
	assert_int_equal(one_drain(o), 128);
	o->kcp->flight.loss = PART(loss);
	o->now_us += RTT_US;
	one_ack(o, 5, T0_MS, 0);
	one_ack(o, 6, T0_MS, 0);
}

/* Copies by sn, of which none is twice in a datagram. */
static void count_copies(struct one *o, unsigned int copies[128])
{
	memset(copies, 0, 128 * sizeof(*copies));
	while (one_output(o)) {
		for (unsigned int i = 0; i < o->segs; i++) {
			copies[o->seg[i].sn]++;
			assert_true(i == 0 || o->seg[i].sn != o->seg[i - 1].sn);
			assert_int_equal(o->seg[i].ts, T0_MS + RTT_US / MS);
		}
	}
}

static void a_hole_that_blocks_is_sent_by_the_loss(void **state)
{
	static const struct {
		double loss;
		unsigned int copies;
	} rows[] = { { 0.1, 2 }, { 0.2, 3 }, { 0.9, 3 } };

	for (size_t i = 0; i < KG_ARRAY_SIZE(rows); i++) {
		unsigned int copies[128];
		struct one o;

		lose_five(&o, rows[i].loss, 1);
		count_copies(&o, copies);
		for (uint32_t sn = 0; sn < 5; sn++)
			assert_int_equal(copies[sn], rows[i].copies);
		assert_int_equal(one_stats(&o).resent_twin, 5 * (rows[i].copies - 1));
		one_fini(&o);
	}
}

static void a_hole_is_sent_twice_at_most_in_a_window_that_the_path_does_not_fill(void **state)
{
	unsigned int copies[128];
	struct one o;

	lose_five(&o, 0.2, 1);
	o.kcp->pace.window = 100;
	count_copies(&o, copies);
	for (uint32_t sn = 0; sn < 5; sn++)
		assert_int_equal(copies[sn], 2);
	one_fini(&o);
}

static void a_hole_is_sent_once_where_little_is_lost_or_nothing_waits(void **state)
{
	struct one o;

	lose_five(&o, 0.001, 1);
	assert_int_equal(one_drain(&o), 5);
	one_fini(&o);
	lose_five(&o, 0.2, 0);
	assert_int_equal(one_drain(&o), 5);
	one_fini(&o);
}

static void ack_in_window(struct one *o, uint16_t wnd, uint32_t sn, uint32_t ts)
{
	struct kg_kcp_segment seg = ack_segment(sn, ts, 0);

	seg.wnd = wnd;
	one_hear(o, seg);
}

static void ack_in_wide_window(struct one *o, uint32_t sn, uint32_t ts)
{
	ack_in_window(o, 4096, sn, ts);
}

/* Nor has a third copy a twin there. */
static void a_hole_goes_once_where_the_window_is_wide(void **state)
{
	struct one o;

	lose_five(&o, 0.2, 100);
	for (uint32_t sn = 7; sn < 128; sn++)
		ack_in_wide_window(&o, sn, T0_MS);
	for (int copies = 2; copies < 4; copies++) {
		uint32_t ts = kg_kcp_ts(o.kcp, o.now_us), next = o.kcp->flight.nxt;

		assert_int_equal(one_drain(&o), copies == 2 ? 105 : 5 + 2);
		assert_int_equal(one_stats(&o).resent_twin, 0);
		one_send_many(&o, 2);
		o.now_us += RTT_US;
		ack_in_wide_window(&o, next, ts);
		ack_in_wide_window(&o, next + 1, ts);
	}
	one_fini(&o);
}

/* It has room for as much as leaves until a second copy of it is acknowledged. */
static void what_older_holes_shut_blocks_nobody(void **state)
{
	struct one o;
	uint32_t ts;

	lose_five(&o, 0.2, 172);
	for (uint32_t sn = 7; sn < 128; sn++)
		ack_in_window(&o, 400, sn, T0_MS);
	ts = kg_kcp_ts(o.kcp, o.now_us);
	assert_int_equal(one_drain(&o), 5 + 172);
	one_send_many(&o, 1);
	o.now_us += RTT_US;
	for (uint32_t sn = 128; sn < 300; sn++) {
		if (sn != 172)
			ack_in_window(&o, 400, sn, ts);
	}
	assert_int_equal(one_drain(&o), 5 * 2 + 1 + 1);
	one_fini(&o);
}

/* What has arrived meanwhile is not sent any more. */
static void twins_of_what_has_arrived_stay(void **state)
{
	struct one o;

	lose_five(&o, 0.2, 1);
	assert_true(one_output(&o));
	assert_int_equal(o.seg[0].sn, 0);
	one_ack(&o, 0, T0_MS + RTT_US / MS, 1);
	assert_true(one_output(&o));
	assert_int_equal(o.seg[0].sn, 1);
	one_fini(&o);
}

/* A hundred at a time, of which one in twenty is lost once. */
static void lose_a_twentieth(struct one *o)
{
	uint32_t first = o->kcp->flight.nxt, ts = kg_kcp_ts(o->kcp, o->now_us);

	one_send_now(o, 100);
	o->now_us += RTT_US;
	for (uint32_t sn = 0; sn < 100; sn++) {
		if (sn % 20 != 10)
			one_ack(o, first + sn, ts, first);
	}
	ts = kg_kcp_ts(o->kcp, o->now_us);
	assert_int_equal(one_drain(o), 5);
	o->now_us += RTT_US;
	for (uint32_t sn = 10; sn < 100; sn += 20)
		one_ack(o, first + sn, ts, first + sn + 1);
	one_ack(o, first + 99, ts, first + 100);
}

static void the_loss_is_what_is_lost(void **state)
{
	struct one o;

	one_init_default(&o);
	for (int i = 0; i < 60; i++)
		lose_a_twentieth(&o);
	assert_in_range(o.kcp->flight.loss, PART(0.045), PART(0.055));
	one_fini(&o);
}

/* The path is silent: it tells nothing of what it loses. */
static void an_outage_is_no_loss(void **state)
{
	struct one o;

	one_init_default(&o);
	one_send_now(&o, 100);
	o.now_us += 1000 * MS;
	assert_true(one_drain(&o) > 0);
	assert_int_equal(o.kcp->flight.loss, 0);
	one_fini(&o);
}

/* ---- outages ---- */

static void share_init(struct one *o, struct kg_kcp_share **share)
{
	rated_init(o);
	*share = kg_kcp_share_create(&o->mem, NULL);
	kg_kcp_join(o->kcp, *share, o);
}

static void share_fini(struct one *o, struct kg_kcp_share *share)
{
	kg_kcp_join(o->kcp, NULL, NULL);
	kg_kcp_share_destroy(share);
	one_fini(o);
}

/* The longest time between two copies of sn 0 in so many seconds. */
static uint64_t longest_wait_us(struct one *o, unsigned int seconds)
{
	uint64_t end_us = o->now_us + seconds * (uint64_t)KG_US_PER_S, last_us = o->now_us,
		 longest_us = 0;

	while ((o->now_us = KG_MAX(o->now_us + 1, kg_kcp_deadline_us(o->kcp))) < end_us) {
		while (one_output(o)) {
			if (o->seg[0].sn != 0)
				continue;
			longest_us = KG_MAX(longest_us, o->now_us - last_us);
			last_us = o->now_us;
		}
	}
	o->now_us = end_us;
	return longest_us;
}

static void an_outage_is_asked_whether_it_is_over(void **state)
{
	struct kg_kcp_share *share;
	struct one o;

	share_init(&o, &share);
	one_send_now(&o, 3);
	assert_in_range(longest_wait_us(&o, 20), 290 * MS, 310 * MS);
	share->members += KG_KCP_TRIERS;
	assert_true(longest_wait_us(&o, 30) > 5000 * MS);
	share->members -= KG_KCP_TRIERS;
	share_fini(&o, share);
}

/* What left before a copy that arrived is lost, and does not wait for its own time-out. */
static void what_an_outage_took_goes_at_once(void **state)
{
	struct kg_kcp_share *share;
	uint32_t ts = 0;
	struct one o;

	share_init(&o, &share);
	for (int i = 0; i < 3; i++)
		assert_true(one_send(&o, text, 1300));
	assert_int_equal(one_drain(&o), 3);
	longest_wait_us(&o, 5);
	while (ts == 0 || o.seg[0].sn != 0) {
		o.now_us = KG_MAX(o.now_us + 1, kg_kcp_deadline_us(o.kcp));
		if (one_output(&o) && o.seg[0].sn == 0)
			ts = o.seg[0].ts;
	}
	o.now_us += 20 * MS;
	one_ack(&o, 0, ts, 1);
	assert_int_equal(one_drain(&o), 2);
	share_fini(&o, share);
}

/* ---- ends of bursts ---- */

static void the_end_of_a_burst_goes_again(void **state)
{
	struct one o;

	rated_init(&o);
	o.kcp->flight.loss = PART(0.02);
	one_send_now(&o, 5);
	o.now_us += MS;
	one_send_now(&o, 5);
	o.now_us += 2 * MS - 1;
	assert_int_equal(one_drain(&o), 0);
	assert_int_equal(kg_kcp_deadline_us(o.kcp), o.now_us + 1);
	o.now_us++;
	assert_true(one_output(&o));
	assert_int_equal(o.segs, 1);
	assert_int_equal(o.seg[0].sn, 9);
	assert_false(one_output(&o));
	assert_int_equal(one_stats(&o).resent_twin, 1);
	one_fini(&o);
}

static void ends_go_once_where_nothing_is_lost(void **state)
{
	struct one o;

	rated_init(&o);
	one_send_now(&o, 5);
	o.now_us += 10 * MS;
	assert_int_equal(one_drain(&o), 0);
	one_fini(&o);
}

/* One in twelve segments at most, beside what was saved up. */
static void ends_are_few(void **state)
{
	struct one o;

	rated_init(&o);
	o.kcp->flight.loss = PART(0.02);
	for (uint32_t sn = 0; sn < 240; sn++) {
		uint32_t ts = (uint32_t)(o.now_us / MS);

		one_send_now(&o, 1);
		o.now_us += 5 * MS;
		one_drain(&o);
		one_ack(&o, sn, ts, sn + 1);
		o.kcp->flight.loss = PART(0.02);
	}
	assert_in_range(one_stats(&o).resent_twin, 240 / KG_KCP_TWIN_SEGMENTS,
			240 / KG_KCP_TWIN_SEGMENTS + KG_KCP_TWINS_SAVED);
	one_fini(&o);
}

/* ---- parity ---- */

/* Rows of the next group, behind `groups` that lost nothing. */
static uint8_t rows_after(struct one *o, unsigned int groups)
{
	uint8_t rows = 0;

	for (unsigned int i = 0; i < groups; i++) {
		uint32_t sn = o->kcp->flight.nxt;

		kg_kcp_next_group(o->kcp);
		rows = kg_kcp_parity(o->kcp, 4);
		one_round_trip(o, sn, 0);
	}
	return rows;
}

static void parity_follows_the_loss(void **state)
{
	struct one o;

	one_init_default(&o);
	kg_kcp_set_groups(o.kcp, 20, 4);
	assert_int_equal(rows_after(&o, 1), 4);
	assert_int_equal(rows_after(&o, 600), 0);
	o.kcp->flight.loss = PART(0.01);
	assert_int_equal(rows_after(&o, 1), 3);
	o.kcp->flight.loss = PART(0.05);
	assert_int_equal(rows_after(&o, 1), 4);
	o.kcp->flight.loss = PART(0.5);
	assert_int_equal(rows_after(&o, 1), 4);
	one_fini(&o);
}

/* Parity brought it back: it is acknowledged behind what left later, by name or by una, and was
 * lost all the same. */
static void what_parity_brings_back_was_lost(void **state)
{
	const struct kg_kcp_segment wins = {
		.conv = CONV, .cmd = KG_KCP_WINS, .wnd = 128, .una = 10
	};

	for (int named = 0; named < 2; named++) {
		struct one o;

		one_init_default(&o);
		kg_kcp_set_groups(o.kcp, 20, 4);
		one_send_now(&o, 10);
		for (uint32_t sn = 1; sn < 10; sn++)
			one_ack(&o, sn, T0_MS, 0);
		assert_int_equal(o.kcp->flight.loss, 0);
		one_hear(&o, named ? ack_segment(0, T0_MS, 10) : wins);
		assert_true(o.kcp->flight.loss > 0);
		one_fini(&o);
	}
}

/* What parity brings back was not on its way for so long. Boxes say their ACKs twice. */
static void late_acks_of_an_original_are_no_round_trips(void **state)
{
	for (int late = 0; late < 2; late++) {
		uint32_t rto_us;
		struct one o;

		one_init_default(&o);
		kg_kcp_meet_original(o.kcp);
		kg_kcp_set_groups(o.kcp, 20, 4);
		one_send_now(&o, 20);
		o.now_us += RTT_US;
		for (uint32_t sn = 1; sn < 20; sn++)
			one_ack(&o, sn, T0_MS, 0);
		rto_us = one_stats(&o).rto_us;
		o.now_us += RTT_US / 2;
		assert_int_equal(one_drain(&o), 1);
		if (late)
			kg_kcp_expect_late(o.kcp);
		one_ack(&o, 0, T0_MS, 20);
		assert_int_equal(one_stats(&o).resent_needless, 1);
		assert_int_equal(o.kcp->rtt.reorder_us > 0, !late);
		assert_int_equal(one_stats(&o).rto_us != rto_us, !late);
		one_fini(&o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hole_that_blocks_is_sent_by_the_loss),
		cmocka_unit_test(
			a_hole_is_sent_twice_at_most_in_a_window_that_the_path_does_not_fill),
		cmocka_unit_test(a_hole_is_sent_once_where_little_is_lost_or_nothing_waits),
		cmocka_unit_test(a_hole_goes_once_where_the_window_is_wide),
		cmocka_unit_test(what_older_holes_shut_blocks_nobody),
		cmocka_unit_test(twins_of_what_has_arrived_stay),
		cmocka_unit_test(the_loss_is_what_is_lost),
		cmocka_unit_test(an_outage_is_no_loss),
		cmocka_unit_test(an_outage_is_asked_whether_it_is_over),
		cmocka_unit_test(what_an_outage_took_goes_at_once),
		cmocka_unit_test(the_end_of_a_burst_goes_again),
		cmocka_unit_test(ends_go_once_where_nothing_is_lost),
		cmocka_unit_test(ends_are_few),
		cmocka_unit_test(parity_follows_the_loss),
		cmocka_unit_test(what_parity_brings_back_was_lost),
		cmocka_unit_test(late_acks_of_an_original_are_no_round_trips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
