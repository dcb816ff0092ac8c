/* SPDX-License-Identifier: BSD-3-Clause */
/* Small segments go once more behind new data, while the path loses. */
#include "kcp/internal.h"
#include "kcp_one.h"

#define RTT_MS 40u

static char text[KG_KCP_MTU_MAX];

static void prompt_init(struct one *o, bool prompt)
{
	struct kg_kcp_params params = one_params();

	params.prompt = prompt;
	one_init(o, &params);
}

/* A message leaves in a datagram of its own; the time is 20 ms later. */
static void leave(struct one *o, size_t bytes)
{
	assert_true(one_send(o, text, bytes));
	assert_true(one_output(o));
	assert_int_equal(o->seg[0].len, bytes);
	o->now_us += RTT_MS / 2 * MS;
}

/* sn 0 is lost and sent again; 0 to 2 have arrived in the end. */
static void lose_one(struct one *o)
{
	one_send_many(o, 1);
	one_drain(o);
	one_send_many(o, 1);
	one_drain(o);
	one_send_many(o, 1);
	one_drain(o);
	o->now_us += RTT_MS * MS;
	one_ack(o, 1, T0_MS, 0);
	one_ack(o, 2, T0_MS, 0);
	assert_true(one_drain(o) > 0);
	o->now_us += RTT_MS * MS;
	one_ack(o, 0, T0_MS + RTT_MS, 3);
	assert_int_equal(one_drain(o), 0);
	assert_int_equal(one_stats(o).resent_fast, 1);
}

static void nothing_is_spare_before_a_loss(void **state)
{
	struct one o;

	prompt_init(&o, true);
	for (int i = 0; i < 100; i++) {
		leave(&o, 100);
		assert_int_equal(o.segs, 1);
		one_ack(&o, (uint32_t)i, (uint32_t)(o.now_us / MS) - RTT_MS / 2, (uint32_t)i + 1);
	}
	assert_int_equal(one_stats(&o).resent_spare, 0);
	one_fini(&o);
}

static void the_next_new_data_has_it_once_more(void **state)
{
	struct one o;

	prompt_init(&o, true);
	lose_one(&o);
	leave(&o, 100);
	assert_int_equal(o.segs, 1); /* what was new before has arrived */
	leave(&o, 100);
	assert_int_equal(o.segs, 2);
	assert_int_equal(o.seg[0].sn, 4);
	assert_int_equal(o.seg[1].sn, 3);
	assert_int_equal(o.seg[1].ts, o.seg[0].ts);
	assert_memory_equal(o.seg[1].payload, text, 100);
	leave(&o, kg_kcp_mss(o.kcp));
	assert_int_equal(o.segs, 1); /* no room */
	leave(&o, 100);
	assert_int_equal(o.segs, 2); /* there is room now, and nothing else that is small */
	assert_int_equal(o.seg[1].sn, 4);
	assert_int_equal(one_stats(&o).resent_spare, 2);
	one_fini(&o);
}

/* As a TCP answers what has come together: each datagram has room for what was new in the one
 * before. */
static void those_of_a_burst_have_room(void **state)
{
	enum {
		A_BURST = 40
	};
	unsigned int datagrams = 0, last = 0;
	struct one o;

	prompt_init(&o, true);
	lose_one(&o);
	for (int i = 0; i < A_BURST; i++)
		assert_true(one_send(&o, text, 100));
	for (; one_output(&o); datagrams++)
		last = o.segs;
	assert_in_range(datagrams, 2, A_BURST / 5);
	assert_in_range(one_stats(&o).resent_spare, A_BURST - last, A_BURST - 1);
	one_fini(&o);
}

/* A stream of full datagrams behind it has no room. After a few of them it goes before the next. */
static void what_finds_no_room_goes_first(void **state)
{
	unsigned int behind = 0;
	struct one o;

	prompt_init(&o, true);
	lose_one(&o);
	leave(&o, 100);
	for (unsigned int i = 0; i < 2 * KG_KCP_SPARE_WAITS; i++)
		assert_true(one_send(&o, text, kg_kcp_mss(o.kcp)));
	for (; one_output(&o) && o.seg[0].sn != 3; behind++)
		assert_int_equal(o.segs, 1);
	assert_int_equal(o.seg[0].len, 100);
	assert_int_equal(behind, KG_KCP_SPARE_WAITS - 1);
	assert_int_equal(one_drain(&o), 2 * KG_KCP_SPARE_WAITS - behind);
	assert_int_equal(one_stats(&o).resent_spare, 1);
	one_fini(&o);
}

/* What was before the end of a long message is as likely lost, and goes once. */
static void the_end_of_a_long_message_has_none(void **state)
{
	struct one o;

	prompt_init(&o, true);
	lose_one(&o);
	assert_true(one_send(&o, text, kg_kcp_mss(o.kcp) + 100u));
	assert_int_equal(one_drain(&o), 2);
	leave(&o, 100);
	assert_int_equal(o.segs, 1);
	one_fini(&o);
}

/* Those of a stream that has few small ones, however much of it is under way. */
static void a_loss_is_worth_so_many_spares(void **state)
{
	struct one o;

	prompt_init(&o, true);
	lose_one(&o);
	kg_kcp_set_windows(o.kcp, 2048, 128);
	o.kcp->peer.wnd = 2048;
	o.kcp->peer.edge += 2048;
	for (uint32_t i = 0; i < 2 * KG_KCP_SPARES; i++)
		assert_true(one_send(&o, text, kg_kcp_mss(o.kcp)));
	assert_int_equal(one_drain(&o), 2 * KG_KCP_SPARES);
	leave(&o, 100);
	leave(&o, 100);
	assert_int_equal(o.segs, 2);
	one_fini(&o);
}

/* Messages that leave in half a round trip, at a pace of one in a millisecond. */
static uint64_t paced(size_t bytes)
{
	uint64_t end_us, sent;
	struct one o;

	prompt_init(&o, true);
	lose_one(&o);
	kg_kcp_set_windows(o.kcp, 2048, 128);
	o.kcp->peer.edge += 2048;
	kg_kcp_pace_set_gap(&o.kcp->pace, MS << KG_KCP_PACE_SHIFT, o.now_us);
	for (int i = 0; i < 1000; i++)
		assert_true(one_send(&o, text, bytes));
	one_drain(&o);
	sent = one_stats(&o).sent;
	end_us = o.now_us + RTT_MS / 2 * MS;
	while (kg_kcp_pace_next_us(&o.kcp->pace) < end_us) {
		o.now_us = kg_kcp_pace_next_us(&o.kcp->pace);
		assert_true(one_drain(&o) > 0);
	}
	sent = one_stats(&o).sent - sent;
	one_fini(&o);
	return sent;
}

/* Small ones that share a datagram have one place in the pace, long ones each their own. */
static void what_is_long_has_a_place_of_its_own(void **state)
{
	assert_in_range(paced(100), 2 * RTT_MS, UINT32_MAX);
	assert_in_range(paced(400), RTT_MS / 2 - 3, RTT_MS / 2 + 3);
}

static void streams_have_no_spares(void **state)
{
	struct one o;

	prompt_init(&o, false);
	lose_one(&o);
	leave(&o, 100);
	leave(&o, 100);
	assert_int_equal(o.segs, 1);
	one_fini(&o);
}

/* Parity does what spares do. */
static void with_parity_there_are_none(void **state)
{
	struct one o;

	prompt_init(&o, true);
	lose_one(&o);
	kg_kcp_set_groups(o.kcp, 4, 1);
	leave(&o, 100);
	leave(&o, 100);
	assert_int_equal(o.segs, 1);
	one_fini(&o);
}

/* A spare that arrives tells of a loss, and nothing of the round trip: it left later. */
static void there_are_spares_while_they_are_of_use(void **state)
{
	uint32_t rtt_us, sn = 3;
	struct one o;

	prompt_init(&o, true);
	lose_one(&o);
	rtt_us = kg_kcp_rtt_us(o.kcp);
	leave(&o, 100);
	for (; sn < 3 + 2 * KG_KCP_SPARES; sn++) {
		leave(&o, 100);
		assert_int_equal(o.segs, 2);
		one_ack(&o, sn, o.seg[1].ts, sn + 1);
	}
	assert_true(kg_kcp_rtt_us(o.kcp) <= rtt_us);
	for (; o.segs == 2; sn++) {
		leave(&o, 100);
		one_ack(&o, sn, o.seg[0].ts - RTT_MS / 2, sn);
	}
	assert_int_equal(one_stats(&o).resent_spare, sn - 3 - 1);
	assert_in_range(sn, 3 + 3 * KG_KCP_SPARES - 2, 3 + 3 * KG_KCP_SPARES + 2);
	one_fini(&o);
}

/* It has overtaken the copy that was sent for a loss, and left later than the first. */
static void a_spare_that_comes_shows_no_reordering(void **state)
{
	uint32_t ts[4];
	struct one o;

	prompt_init(&o, true);
	lose_one(&o);
	for (int i = 0; i < 4; i++) {
		leave(&o, 100);
		ts[i] = o.seg[0].ts;
	}
	for (uint32_t i = 2; i < 4; i++)
		one_ack(&o, 3 + i, ts[i], 3);
	assert_true(one_drain(&o) > 0);
	assert_int_equal(one_stats(&o).resent_fast, 3); /* 3 and 4 */
	o.now_us += RTT_MS / 2 * MS;
	one_ack(&o, 3, ts[1], 3);
	assert_int_equal(one_stats(&o).resent_needless, 1);
	assert_int_equal(o.kcp->rtt.reorder_us, 0);
	one_fini(&o);
}

/* What was overtaken, and is waited for as long as for a time-out, is lost, and has a twin. */
static void patience_costs_no_twin(void **state)
{
	enum {
		SENT = 8,
		HOLES = SENT - 2
	};
	uint32_t ts[SENT];
	struct one o;

	prompt_init(&o, true);
	lose_one(&o);
	o.kcp->rtt.reorder_us = 10 * RTT_MS * MS;
	for (int i = 0; i < SENT; i++) {
		assert_true(one_send(&o, text, 1300));
		assert_true(one_output(&o));
		ts[i] = o.seg[0].ts;
		o.now_us += MS;
	}
	o.now_us += RTT_MS / 2 * MS;
	for (uint32_t i = HOLES; i < SENT; i++)
		one_ack(&o, 3 + i, ts[i], 3);
	o.now_us += 10 * RTT_MS * MS;
	assert_int_equal(one_drain(&o), 2 * HOLES);
	assert_int_equal(one_stats(&o).resent_timeout, 0);
	one_fini(&o);
}

/* una covers it: which of the two came is not known. */
static void what_has_a_spare_gives_no_sample(void **state)
{
	struct one o;

	prompt_init(&o, true);
	lose_one(&o);
	for (uint32_t sn = 4; sn < 104; sn += 2) {
		leave(&o, 100);
		leave(&o, 100);
		one_ack(&o, sn, o.seg[0].ts, sn + 1);
	}
	assert_int_equal(one_stats(&o).resent_spare, 50);
	assert_in_range(kg_kcp_rtt_us(o.kcp), RTT_MS / 2 * MS, RTT_MS / 2 * MS + MS);
	one_fini(&o);
}

/* New data and a spare of what has arrived, in one datagram: the ACK names what is new. */
static void what_is_new_is_acknowledged_by_name(void **state)
{
	struct kg_kcp_segment seg = { .conv = CONV, .cmd = KG_KCP_PUSH, .wnd = 128, .ts = 7 };
	struct one o;

	prompt_init(&o, true);
	one_push(&o, 0, 0, 5, "first");
	assert_true(one_output(&o));
	seg.sn = 1;
	one_add(&o, seg, "new");
	seg.sn = 0;
	one_add(&o, seg, "first");
	assert_int_equal(one_input(&o), KG_DROP_NONE);
	assert_true(one_output(&o));
	assert_int_equal(o.segs, 1);
	assert_int_equal(o.seg[0].cmd, KG_KCP_ACK);
	assert_int_equal(o.seg[0].sn, 1);
	assert_int_equal(o.seg[0].una, 2);
	assert_int_equal(one_stats(&o).duplicates, 1);
	one_fini(&o);
}

/* Who moves is asked by what has arrived, each time with the same ts (docs/wire.md §8). */
static void a_question_is_answered_each_time(void **state)
{
	struct one o;

	prompt_init(&o, true);
	one_push(&o, 0, 0, 5, "first");
	assert_true(one_output(&o));
	for (int times = 0; times < 3; times++) {
		one_push(&o, 0, 0, 9, "first");
		assert_true(one_output(&o));
		assert_int_equal(o.seg[0].cmd, KG_KCP_ACK);
		assert_int_equal(o.seg[0].ts, 9);
	}
	one_fini(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_spare_before_a_loss),
		cmocka_unit_test(the_next_new_data_has_it_once_more),
		cmocka_unit_test(those_of_a_burst_have_room),
		cmocka_unit_test(what_finds_no_room_goes_first),
		cmocka_unit_test(the_end_of_a_long_message_has_none),
		cmocka_unit_test(a_loss_is_worth_so_many_spares),
		cmocka_unit_test(what_is_long_has_a_place_of_its_own),
		cmocka_unit_test(streams_have_no_spares),
		cmocka_unit_test(with_parity_there_are_none),
		cmocka_unit_test(there_are_spares_while_they_are_of_use),
		cmocka_unit_test(a_spare_that_comes_shows_no_reordering),
		cmocka_unit_test(patience_costs_no_twin),
		cmocka_unit_test(what_has_a_spare_gives_no_sample),
		cmocka_unit_test(what_is_new_is_acknowledged_by_name),
		cmocka_unit_test(a_question_is_answered_each_time),
	};

	return cmocka_run_group_tests_name("kcp_spare", tests, NULL, NULL);
}
