/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How far an original's window will reach when what leaves now arrives there, and what a run of
 * losses is taken for (docs/kcp.md §8.2 and §7.6).
 */
#include "kcp_one.h"

#include "kcp/internal.h"

#define PART(x) ((uint16_t)((x)*65536))
#define RTT_US  (20 * MS)
#define WINDOW  128u
#define DATA    20
#define PARITY  4

/* Its rate is found out; a window has left, and as much waits; one in twenty is lost. */
static void window_left(struct one *o, bool original, bool groups)
{
	struct kg_kcp_params params = one_params();

	params.rate_auto = true;
	params.snd_spread = true;
	one_init(o, &params);
	if (original)
		kg_kcp_meet_original(o->kcp);
	if (groups)
		kg_kcp_set_groups(o->kcp, DATA, PARITY);
	o->kcp->pace.window = 1000;
	one_send_many(o, 3 * WINDOW);
	while (one_output(o)) /* a group in each datagram */
		kg_kcp_next_group(o->kcp);
	assert_int_equal(o->kcp->flight.nxt, WINDOW);
	o->kcp->flight.loss = PART(0.05);
	o->now_us += RTT_US;
}

/* Each in a datagram of its own, but for `from` … `to`. */
static void ack_all_but(struct one *o, uint32_t first, uint32_t from, uint32_t to, uint32_t una)
{
	uint32_t ts = (uint32_t)((o->now_us - RTT_US) / MS);

	for (uint32_t sn = first; sn < first + WINDOW; sn++) {
		if (sn != una && (sn < from || sn > to))
			one_ack(o, sn, ts, una);
	}
}

struct sent {
	unsigned int copies[3 * WINDOW];
	uint32_t end; /* behind the newest sn */
};

static struct sent take(struct one *o)
{
	struct sent sent = { .end = o->kcp->flight.nxt };

	while (one_output(o)) {
		for (unsigned int i = 0; i < o->segs; i++) {
			assert_true(o->seg[i].sn < 3 * WINDOW);
			sent.copies[o->seg[i].sn]++;
		}
	}
	sent.end = o->kcp->flight.nxt;
	return sent;
}

static void a_window_counts_from_what_is_not_mended(void **state)
{
	struct sent sent;
	struct one o;

	window_left(&o, true, false);
	ack_all_but(&o, 0, 50, 50, 0);
	sent = take(&o);
	assert_int_equal(sent.copies[0], 2);
	assert_int_equal(sent.copies[50], 2);
	assert_int_equal(sent.end, 2 * WINDOW);
	one_fini(&o);
}

static void of_a_box_it_counts_from_the_oldest_hole(void **state)
{
	struct sent sent;
	struct one o;

	window_left(&o, false, false);
	ack_all_but(&o, 0, 50, 50, 0);
	sent = take(&o);
	assert_int_equal(sent.copies[0], 2);
	assert_int_equal(sent.end, WINDOW);
	one_fini(&o);
}

/* Three copies are not enough where so much is lost. */
static void nothing_is_foreseen_where_a_hole_may_stay(void **state)
{
	struct one o;

	window_left(&o, true, false);
	o.kcp->flight.loss = PART(0.3);
	ack_all_but(&o, 0, 50, 50, 0);
	assert_int_equal(take(&o).end, WINDOW);
	one_fini(&o);
}

/* All copies of the first were lost, and what lay beyond the edge was refused. */
static void a_mistake_is_not_made_twice(void **state)
{
	struct one o;

	window_left(&o, true, false);
	ack_all_but(&o, 0, 0, 0, 0);
	assert_int_equal(take(&o).end, 2 * WINDOW);
	o.now_us = kg_kcp_deadline_us(o.kcp);
	assert_int_equal(take(&o).copies[0], 2);
	o.now_us += RTT_US;
	one_ack(&o, 0, (uint32_t)((o.now_us - RTT_US) / MS), WINDOW);
	ack_all_but(&o, WINDOW, 0, 0, WINDOW);
	assert_true(take(&o).copies[WINDOW] > 0);
	assert_int_equal(o.kcp->flight.nxt, 2 * WINDOW);
	one_ack(&o, WINDOW, (uint32_t)(o.now_us / MS), 2 * WINDOW);
	assert_false(o.kcp->flight.wary);
	assert_int_equal(kg_kcp_edge(o.kcp), 3 * WINDOW);
	one_fini(&o);
}

/* Or a window of 65,535 would reach further than rings do. */
static void no_window_is_wider_than_a_ring(void **state)
{
	struct kg_kcp_segment wide = ack_segment(0, T0_MS, 0);
	struct one o;

	window_left(&o, true, false);
	ack_all_but(&o, 0, 0, 0, 0);
	take(&o);
	wide.wnd = KG_KCP_WINDOW_MAX;
	wide.cmd = KG_KCP_WINS;
	one_hear(&o, wide);
	assert_true(o.kcp->flight.ahead);
	assert_int_equal(kg_kcp_edge(o.kcp), KG_KCP_WINDOW_MAX);
	one_fini(&o);
}

/* ---- runs ---- */

static void a_run_is_an_ack_that_was_lost(void **state)
{
	struct sent sent;
	struct one o;

	window_left(&o, true, false);
	ack_all_but(&o, 0, 50, 57, 0);
	sent = take(&o);
	assert_int_equal(sent.copies[0], 2);
	for (uint32_t sn = 50; sn <= 57; sn++)
		assert_int_equal(sent.copies[sn], 1);
	assert_int_equal(sent.end, 2 * WINDOW);
	one_fini(&o);
}

static void seven_may_all_be_lost(void **state)
{
	struct sent sent;
	struct one o;

	window_left(&o, true, false);
	ack_all_but(&o, 0, 50, 56, 0);
	sent = take(&o);
	for (uint32_t sn = 50; sn <= 56; sn++)
		assert_int_equal(sent.copies[sn], 2);
	one_fini(&o);
}

/* A peer with FEC may bring back its ACKs: half a round trip. */
static void with_fec_a_run_waits(void **state)
{
	struct sent sent;
	struct one o;

	window_left(&o, true, true);
	ack_all_but(&o, 0, 50, 57, 0);
	sent = take(&o);
	assert_true(sent.copies[0] > 0);
	for (uint32_t sn = 50; sn <= 57; sn++)
		assert_int_equal(sent.copies[sn], 0);
	o.now_us += RTT_US / 2;
	sent = take(&o);
	for (uint32_t sn = 50; sn <= 57; sn++)
		assert_int_equal(sent.copies[sn], 1);
	one_fini(&o);
}

/* The peer has all before it. */
static void what_una_has_come_to_is_no_doubt(void **state)
{
	struct sent sent;
	struct one o;

	window_left(&o, true, true);
	ack_all_but(&o, 0, 50, 57, 0);
	take(&o);
	o.now_us += MS;
	one_ack(&o, 0, (uint32_t)((o.now_us - MS) / MS), 50);
	sent = take(&o);
	assert_true(sent.copies[50] > 0);
	assert_int_equal(sent.copies[51], 0);
	one_fini(&o);
}

/* ---- parity ---- */

static void less_parity_does_where_a_hole_costs_its_copies_alone(void **state)
{
	for (int original = 0; original < 2; original++) {
		struct one o;

		window_left(&o, original, true);
		o.kcp->group_parity = 0;
		assert_int_equal(kg_kcp_parity(o.kcp, PARITY), original ? 3 : 4);
		one_fini(&o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_window_counts_from_what_is_not_mended),
		cmocka_unit_test(of_a_box_it_counts_from_the_oldest_hole),
		cmocka_unit_test(nothing_is_foreseen_where_a_hole_may_stay),
		cmocka_unit_test(a_mistake_is_not_made_twice),
		cmocka_unit_test(no_window_is_wider_than_a_ring),
		cmocka_unit_test(a_run_is_an_ack_that_was_lost),
		cmocka_unit_test(seven_may_all_be_lost),
		cmocka_unit_test(with_fec_a_run_waits),
		cmocka_unit_test(what_una_has_come_to_is_no_doubt),
		cmocka_unit_test(less_parity_does_where_a_hole_costs_its_copies_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
