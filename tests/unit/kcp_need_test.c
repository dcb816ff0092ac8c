/* SPDX-License-Identifier: BSD-3-Clause */
/* Windows that set themselves: ours by what comes, the sender's past holes as far as the peer says.
 */
#include "kcp/internal.h"
#include "kcp_one.h"

#define LEAST 128u
#define RTT   (100 * MS) /* what an engine takes it for that has no sample */

static void begin(struct one *o)
{
	struct kg_kcp_params params = one_params();

	params.rcv_wnd = LEAST;
	params.rcv_grows = true;
	one_init(o, &params);
}

/* So many segments within a round trip; read at once. */
static void take(struct one *o, uint32_t *sn, uint32_t segments)
{
	for (uint32_t i = 0; i < segments; i++) {
		one_push(o, (*sn)++, 0, 1, "x");
		one_expect(o, "x");
	}
	one_drain(o);
	o->now_us += RTT;
}

static uint16_t window_of(const struct one *o)
{
	return kg_kcp_receive_window(o->kcp);
}

/* Twice what comes in a round trip: then it is not the window that bounds it. */
static void a_window_grows_with_what_comes(void **state)
{
	uint32_t sn = 0;
	struct one o;

	begin(&o);
	take(&o, &sn, LEAST / 2);
	assert_int_equal(window_of(&o), LEAST);
	take(&o, &sn, LEAST / 2 + 1);
	assert_int_equal(window_of(&o), 2 * LEAST);
	take(&o, &sn, 1000);
	assert_int_equal(window_of(&o), 2048);
	for (int i = 0; i < 8; i++)
		take(&o, &sn, 40000);
	assert_int_equal(window_of(&o), KG_KCP_WINDOW_MAX);
	one_push(&o, sn, 0, 1, "x");
	o.now_us += KG_KCP_ACK_WAIT_US;
	assert_true(one_output(&o));
	assert_int_equal(o.seg[0].wnd, KG_KCP_WINDOW_MAX - 1);
	one_fini(&o);
}

/* Little comes, but far beyond a hole: the peer waits for our window. */
static void a_window_grows_with_how_far_holes_reach(void **state)
{
	struct one o;

	begin(&o);
	one_push(&o, LEAST / 2 - 1, 0, 1, "x");
	assert_int_equal(window_of(&o), LEAST);
	one_push(&o, LEAST / 2, 0, 1, "x");
	assert_int_equal(window_of(&o), 2 * LEAST);
	one_push(&o, 2 * LEAST - 1, 0, 1, "x");
	assert_int_equal(window_of(&o), 4 * LEAST);
	one_fini(&o);
}

static void nobody_is_promised_memory_that_is_not_there(void **state)
{
	uint32_t sn = 0;
	struct one o;

	begin(&o);
	o.pool.pool.fair_share = 1000;
	take(&o, &sn, 400);
	assert_int_equal(window_of(&o), 875);
	take(&o, &sn, 400);
	assert_int_equal(window_of(&o), 875);
	o.pool.pool.fair_share = 100;
	take(&o, &sn, 50);
	assert_int_equal(window_of(&o), 875); /* kcp_recv.c tells less meanwhile */
	one_fini(&o);
}

/* A message in a large buffer and a small one, of which there are as many, as a datagram that is a
 * little longer than a segment is: the large ones alone are what memory is short of. */
static void who_needs_large_buffers_for_every_other_segment_has_twice_as_many(void **state)
{
	static const char large[] = "more than fits a small buffer", small[] = "less";
	uint32_t sn = 0;
	struct one o;

	begin(&o);
	o.pool.pool.fair_share = 1000;
	o.pool.pool.small_room = sizeof(small);
	for (int message = 0; message < 500; message++) {
		one_push(&o, sn++, 1, 1, large);
		one_push(&o, sn++, 0, 1, small);
		kg_buf_free_chain(kg_kcp_recv(o.kcp));
	}
	assert_in_range(window_of(&o), 1650, 1750);
	o.now_us += RTT;
	for (int message = 0; message < 500; message++) {
		one_push(&o, sn++, 0, 1, large);
		one_expect(&o, large);
	}
	one_drain(&o);
	assert_int_equal(o.seg[0].wnd, 1000);
	o.pool.pool.fair_share = 500;
	one_push(&o, sn++, 0, 1, large);
	one_drain(&o);
	assert_int_equal(o.seg[0].wnd, 499);
	one_expect(&o, large);
	one_fini(&o);
}

/* What he has not read fills the window that he has; more of it would help nobody. */
static void a_reader_who_stands_still_gets_no_more(void **state)
{
	struct one o;

	begin(&o);
	for (uint32_t sn = 0; sn < LEAST; sn++)
		one_push(&o, sn, 0, 1, "x");
	assert_int_equal(window_of(&o), LEAST);
	while (o.kcp->recv.messages > 0)
		one_expect(&o, "x");
	one_fini(&o);
}

static void what_is_not_needed_is_given_up(void **state)
{
	uint32_t sn = 0, rounds = 0;
	struct one o;

	begin(&o);
	take(&o, &sn, 4000);
	assert_int_equal(window_of(&o), 8192);
	for (; window_of(&o) > 1024 && rounds < 100; rounds++)
		take(&o, &sn, 100);
	assert_in_range(rounds, 10, 30);
	for (int i = 0; i < 100; i++)
		take(&o, &sn, 1);
	assert_int_equal(window_of(&o), LEAST);
	one_fini(&o);
}

static void silence_gives_all_of_it_up(void **state)
{
	uint32_t sn = 0;
	struct one o;

	begin(&o);
	take(&o, &sn, 4000);
	one_drain(&o);
	o.now_us += 2 * KG_US_PER_S;
	one_drain(&o);
	assert_int_equal(window_of(&o), LEAST);
	assert_int_equal(kg_kcp_deadline_us(o.kcp), KG_NEVER_US);
	one_fini(&o);
}

/* It is what its user, or a bandwidth, has made it. */
static void a_window_that_is_set_stays(void **state)
{
	uint32_t sn = 0;
	struct one o;

	begin(&o);
	kg_kcp_set_windows(o.kcp, 200, 0);
	take(&o, &sn, LEAST);
	assert_int_equal(window_of(&o), 2 * LEAST);
	kg_kcp_set_windows(o.kcp, 0, 300);
	take(&o, &sn, 1000);
	assert_int_equal(window_of(&o), 300);
	assert_int_equal(one_stats(&o).snd_wnd, 200);
	one_fini(&o);
}

static void tell_window(struct one *o, uint16_t wnd)
{
	one_add(o, (struct kg_kcp_segment){ .conv = CONV, .cmd = KG_KCP_WINS, .wnd = wnd }, "");
	assert_int_equal(one_input(o), KG_DROP_NONE);
}

/* Segment 0 is missing: so many go beyond it that our window is unacknowledged, or the peer's is
 * full. */
static void what_is_acknowledged_beyond_a_hole_makes_room(void **state)
{
	struct kg_kcp_params params = one_params();
	struct one o;

	params.resend = 0;
	params.snd_wnd = 100;
	params.snd_spread = true;
	one_init(&o, &params);
	tell_window(&o, 250);
	one_send_many(&o, 1000);
	assert_int_equal(one_drain(&o), 100);
	for (uint32_t sn = 1; sn <= 60; sn++)
		one_ack(&o, sn, T0_MS, 0);
	assert_int_equal(one_drain(&o), 60);
	for (uint32_t sn = 61; sn < 160; sn++)
		one_ack(&o, sn, T0_MS, 0);
	assert_int_equal(one_drain(&o), 250 - 160);
	assert_int_equal(one_stats(&o).in_flight, 1 + 250 - 160);
	one_fini(&o);
}

/* A round trip that grows says whose doing losses are. */
static void a_queue_ends_that(void **state)
{
	struct kg_kcp_params params = one_params();
	struct one o;

	params.resend = 0;
	params.snd_wnd = 100;
	params.snd_spread = true;
	one_init(&o, &params);
	tell_window(&o, 1000);
	one_send_many(&o, 1000);
	assert_int_equal(one_drain(&o), 100);
	o.now_us += 20 * MS;
	one_ack(&o, 1, T0_MS, 0);
	o.now_us += 80 * MS;
	for (uint32_t sn = 2; sn <= 60; sn++)
		one_ack(&o, sn, T0_MS, 0);
	assert_true(kg_kcp_rtt_shows_queue(&o.kcp->rtt));
	assert_in_range(kg_kcp_under_way(o.kcp), 100, 101);
	one_fini(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_window_grows_with_what_comes),
		cmocka_unit_test(a_window_grows_with_how_far_holes_reach),
		cmocka_unit_test(nobody_is_promised_memory_that_is_not_there),
		cmocka_unit_test(who_needs_large_buffers_for_every_other_segment_has_twice_as_many),
		cmocka_unit_test(a_reader_who_stands_still_gets_no_more),
		cmocka_unit_test(what_is_not_needed_is_given_up),
		cmocka_unit_test(silence_gives_all_of_it_up),
		cmocka_unit_test(a_window_that_is_set_stays),
		cmocka_unit_test(what_is_acknowledged_beyond_a_hole_makes_room),
		cmocka_unit_test(a_queue_ends_that),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
