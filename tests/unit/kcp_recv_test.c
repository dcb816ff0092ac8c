/* SPDX-License-Identifier: BSD-3-Clause */
/* The receiving half of a conversation: order, fragments, ACKs, window. */
#include "kcp/internal.h"
#include "kcp_one.h"

static void messages_come_in_order(void **state)
{
	struct one o;

	one_init_default(&o);
	one_push(&o, 1, 0, 7, "two");
	assert_int_equal(o.events, KG_KCP_ADVANCED | KG_KCP_RECEIVED);
	assert_int_equal(o.kcp->recv.messages, 0);
	assert_null(kg_kcp_recv(o.kcp));
	one_push(&o, 2, 0, 7, "three");
	one_push(&o, 0, 0, 7, "one");
	assert_int_equal(o.events, KG_KCP_ADVANCED | KG_KCP_READABLE | KG_KCP_RECEIVED);
	one_expect(&o, "one");
	one_expect(&o, "two");
	one_expect(&o, "three");
	assert_null(kg_kcp_recv(o.kcp));
	one_fini(&o);
}

static void duplicates_are_acknowledged_not_delivered(void **state)
{
	struct one o;

	one_init_default(&o);
	one_push(&o, 0, 0, 5, "a");
	one_push(&o, 2, 0, 5, "c");
	one_drain(&o);
	one_push(&o, 2, 0, 5, "other bytes");
	assert_int_equal(o.events & KG_KCP_ADVANCED, 0);
	assert_true(one_output(&o));
	assert_int_equal(o.segs, 1);
	assert_int_equal(o.seg[0].sn, 2);
	one_push(&o, 0, 0, 9, "a");
	assert_int_equal(o.events & KG_KCP_ADVANCED, KG_KCP_ADVANCED); /* a newer copy, no replay */
	assert_true(one_output(&o));
	assert_int_equal(o.segs, 1);
	assert_int_equal(o.seg[0].sn, 0);
	assert_int_equal(o.seg[0].ts, 9);
	assert_int_equal(o.seg[0].una, 1);
	assert_int_equal(one_stats(&o).duplicates, 2);
	one_push(&o, 1, 0, 9, "b");
	one_expect(&o, "a");
	one_expect(&o, "b");
	one_expect(&o, "c");
	one_fini(&o);
}

/* Whoever knows conv alone can say nothing that counts as new. */
static void what_no_window_reaches_is_no_news(void **state)
{
	static const uint32_t far_sn[] = { 0x40000000, 0x80000000, 0xc0000000,
					   0u - KG_KCP_WINDOW_MAX };
	struct one o;

	one_init_default(&o);
	one_push(&o, 0, 0, 5, "a");
	for (size_t i = 0; i < KG_ARRAY_SIZE(far_sn); i++) {
		for (uint32_t ts = 6; ts != 0; ts = ts < 0x80000000 ? ts + 0x20000000 : 0) {
			one_push(&o, far_sn[i], 0, ts, "zz");
			assert_int_equal(o.events & KG_KCP_ADVANCED, 0);
		}
	}
	one_push(&o, 0, 0, 5, "a"); /* a replay */
	assert_int_equal(o.events & KG_KCP_ADVANCED, 0);
	one_push(&o, 0, 0, 6, "a"); /* whose clock nobody has set meanwhile */
	assert_int_equal(o.events & KG_KCP_ADVANCED, KG_KCP_ADVANCED);
	one_expect(&o, "a");
	one_fini(&o);
}

/* A large segment beyond a gap is acknowledged again in the next flush, once, its ts as much
 * later. */
static void acks_beyond_a_gap_are_repeated(void **state)
{
	char large[301];
	struct one o;

	memset(large, 'b', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	one_init_default(&o);
	one_push(&o, 1, 0, 7, large);
	assert_true(one_output(&o));
	assert_int_equal(o.segs, 1);
	assert_false(one_output(&o)); /* not by itself */
	assert_int_equal(kg_kcp_deadline_us(o.kcp), KG_NEVER_US);
	o.now_us += 3 * MS;
	one_push(&o, 2, 0, 11, large);
	assert_true(one_output(&o));
	assert_int_equal(o.seg[0].sn, 1);
	assert_int_equal(o.seg[0].ts, 10);
	assert_true(one_output(&o)); /* spread over as many datagrams as the peer waits for */
	assert_int_equal(o.seg[0].sn, 2);
	assert_int_equal(o.seg[0].ts, 11);
	one_push(&o, 3, 0, 12, large);
	assert_true(one_output(&o));
	assert_int_equal(o.seg[0].sn, 2);
	assert_true(one_output(&o));
	assert_int_equal(o.seg[0].sn, 3);
	one_push(&o, 0, 0, 13, "a"); /* no gap, nothing to repeat */
	assert_true(one_output(&o));
	assert_int_equal(o.segs, 1);
	assert_int_equal(o.seg[0].sn, 0);
	assert_int_equal(o.seg[0].una, 4);
	assert_false(one_output(&o));
	one_fini(&o);
}

/* Those of small segments are not: a copy costs little more than an ACK. */
static void acks_of_small_segments_go_once(void **state)
{
	struct one o;

	one_init_default(&o);
	for (uint32_t sn = 1; sn < 4; sn++) {
		one_push(&o, sn, 0, 7, "small");
		assert_true(one_output(&o));
		assert_int_equal(o.segs, 1);
		assert_int_equal(o.seg[0].sn, sn);
		assert_false(one_output(&o));
	}
	one_fini(&o);
}

static void fragments_become_one_message(void **state)
{
	struct one o;
	struct kg_buf *chain;

	one_init_default(&o);
	one_push(&o, 0, 2, 1, "ab");
	one_push(&o, 1, 1, 1, "");
	one_push(&o, 3, 0, 1, "next");
	assert_int_equal(o.kcp->recv.messages, 0);
	one_push(&o, 2, 0, 1, "cd");
	one_expect(&o, "abcd");
	one_expect(&o, "next");
	one_push(&o, 4, 0, 1, ""); /* an empty message is a message */
	assert_int_equal(o.kcp->recv.messages, 1);
	chain = kg_kcp_recv(o.kcp);
	assert_int_equal(kg_buf_chain_len(chain), 0);
	kg_buf_free_chain(chain);
	one_fini(&o);
}

/* frg that does not count down: what cannot become a message is dropped, the rest is delivered. */
static void contradicting_fragments_do_not_stall(void **state)
{
	struct one o;

	one_init_default(&o);
	one_push(&o, 0, 0, 1, "whole");
	one_push(&o, 1, 5, 1, "lost head");
	one_push(&o, 2, 4, 1, "lost too");
	one_push(&o, 3, 1, 1, "good ");
	one_push(&o, 4, 0, 1, "tail");
	one_expect(&o, "whole");
	one_expect(&o, "good tail");
	for (uint32_t sn = 5; sn < 5 + 1000; sn++)
		one_push(&o, sn, 126, 1, "never complete");
	assert_int_equal(one_stats(&o).readable, 1);
	one_push(&o, 1005, 125, 1, "");
	one_push(&o, 1006, 0, 1, "end");
	one_expect(&o, "end");
	one_fini(&o);
}

/* A message of 127 fragments fits a window of 32 all the same. */
static void long_message_passes_small_window(void **state)
{
	struct kg_kcp_params params = one_params();
	struct kg_buf *chain;
	struct one o;

	params.rcv_wnd = 32;
	one_init(&o, &params);
	for (int frg = KG_KCP_FRAGMENTS_MAX - 1; frg >= 0; frg--) {
		one_push(&o, 126 - (uint32_t)frg, (uint8_t)frg, 1, "z");
		one_output(&o);
		if (frg > 0)
			assert_true(o.seg[0].wnd > 0);
	}
	chain = kg_kcp_recv(o.kcp);
	assert_int_equal(kg_buf_chain_len(chain), KG_KCP_FRAGMENTS_MAX);
	kg_buf_free_chain(chain);
	one_fini(&o);
}

static void acks_are_thinned_to_one_in_order(void **state)
{
	struct one o;

	one_init_default(&o);
	for (uint32_t sn = 0; sn < 10; sn++)
		one_push(&o, sn, 0, 100 + sn, "x");
	assert_true(kg_kcp_deadline_us(o.kcp) <= o.now_us);
	assert_true(one_output(&o));
	assert_int_equal(o.segs, 1);
	assert_int_equal(o.seg[0].cmd, KG_KCP_ACK);
	assert_int_equal(o.seg[0].sn, 9);
	assert_int_equal(o.seg[0].ts, 109);
	assert_int_equal(o.seg[0].una, 10);
	assert_int_equal(o.seg[0].wnd, 118);
	assert_false(one_output(&o));
	one_fini(&o);
}

/* A stock peer counts datagrams: `resend` of them must name something beyond the hole. */
static void acks_beyond_a_gap_come_in_several_datagrams(void **state)
{
	struct kg_kcp_params params = one_params();
	unsigned int named = 0, datagrams = 0;
	struct one o;

	params.resend = 3;
	one_init(&o, &params);
	for (uint32_t sn = 1; sn <= 20; sn++)
		one_push(&o, sn, 0, 50, "x");
	while (one_output(&o)) {
		datagrams++;
		for (unsigned int i = 0; i < o.segs; i++) {
			assert_int_equal(o.seg[i].una, 0);
			assert_int_equal(o.seg[i].sn, ++named);
		}
	}
	assert_int_equal(named, 20);
	assert_int_equal(datagrams, 3);
	one_push(&o, 0, 0, 90, "x"); /* the hole fills: una says it all */
	assert_true(one_output(&o));
	assert_int_equal(o.segs, 1);
	assert_int_equal(o.seg[0].una, 21);
	assert_false(one_output(&o));
	one_fini(&o);
}

static void acks_overtaken_by_una_are_not_sent(void **state)
{
	struct one o;

	one_init_default(&o);
	for (uint32_t sn = 1; sn < 5; sn++)
		one_push(&o, sn, 0, 50, "x");
	one_push(&o, 6, 0, 50, "x");
	one_push(&o, 0, 0, 51, "x");
	assert_true(one_output(&o));
	assert_int_equal(o.segs, 2);
	assert_int_equal(o.seg[0].sn, 6);
	assert_int_equal(o.seg[1].sn, 0);
	assert_int_equal(o.seg[1].ts, 51);
	assert_int_equal(o.seg[1].una, 5);
	assert_false(one_output(&o));
	one_fini(&o);
}

/* A segment held behind a full list comes in order only when the application reads. */
static void segment_in_order_by_reading_is_acknowledged(void **state)
{
	struct one o;

	one_init_default(&o);
	for (uint32_t sn = 0; sn < 128; sn++)
		one_push(&o, sn, 0, 1, "x");
	one_drain(&o);
	one_push(&o, 128, 0, 2, "y");
	for (int i = 0; i < 128; i++)
		one_expect(&o, "x");
	one_expect(&o, "y");
	assert_true(one_output(&o));
	assert_int_equal(o.seg[0].cmd, KG_KCP_ACK);
	assert_int_equal(o.seg[0].sn, 128);
	assert_int_equal(o.seg[0].una, 129);
	one_fini(&o);
}

static void acks_never_exceed_the_mtu_nor_get_lost(void **state)
{
	struct kg_kcp_params params = one_params();
	unsigned int named = 0;
	struct one o;

	params.rcv_wnd = 2048;
	params.resend = 0;
	one_init(&o, &params);
	for (uint32_t sn = 1; sn <= 1000; sn++)
		one_push(&o, sn, 0, 50, "x");
	for (; one_output(&o); named += o.segs)
		assert_true(o.out_len <= params.mtu);
	assert_int_equal(named, 1000);
	one_fini(&o);
}

static void segments_beyond_the_window_are_refused(void **state)
{
	struct one o;

	one_init_default(&o);
	one_push(&o, 128, 0, 1, "x");
	assert_false(one_output(&o));
	assert_int_equal(one_stats(&o).out_of_window, 1);
	one_push(&o, 127, 0, 1, "x");
	assert_true(one_output(&o));
	assert_int_equal(o.seg[0].sn, 127);
	assert_int_equal(one_stats(&o).held, 1);
	one_fini(&o);
}

static void window_shuts_and_is_announced_when_it_reopens(void **state)
{
	uint64_t opened_us;
	struct one o;

	one_init_default(&o);
	for (uint32_t sn = 0; sn < 128; sn++)
		one_push(&o, sn, 0, 1, "x");
	assert_true(one_output(&o));
	assert_int_equal(o.seg[0].wnd, 0);
	one_expect(&o, "x");
	assert_false(one_output(&o)); /* one free place is not worth a word */
	for (int i = 1; i < 128; i++)
		one_expect(&o, "x");
	opened_us = o.now_us;
	for (int told = 0; told < 3; told++) {
		o.now_us = kg_kcp_deadline_us(o.kcp);
		assert_true(one_output(&o));
		assert_int_equal(o.segs, 1);
		assert_int_equal(o.seg[0].cmd, KG_KCP_WINS);
		assert_int_equal(o.seg[0].wnd, 128);
		assert_int_equal(o.seg[0].una, 128);
		assert_false(one_output(&o));
	}
	assert_true(o.now_us - opened_us < 2 * KG_US_PER_S);
	o.now_us += 60 * KG_US_PER_S;
	assert_false(one_output(&o));
	one_fini(&o);
}

/* All that can be read is read, and what is left of the window belongs to the rest of a message. */
static void rest_of_a_message_is_asked_for(void **state)
{
	uint32_t sn = 0;
	struct one o;

	one_init_default(&o);
	while (sn < 3)
		one_push(&o, sn++, 0, 1, "x");
	for (uint8_t frg = 126; frg >= 2; frg--)
		one_push(&o, sn++, frg, 1, "y");
	assert_true(one_output(&o));
	assert_int_equal(o.seg[0].wnd, 0);
	for (int i = 0; i < 3; i++)
		one_expect(&o, "x");
	assert_true(one_output(&o));
	assert_int_equal(o.seg[0].cmd, KG_KCP_WINS);
	assert_int_equal(o.seg[0].wnd, 3);
	one_fini(&o);
}

static void announcement_stops_when_data_comes(void **state)
{
	struct one o;

	one_init_default(&o);
	for (uint32_t sn = 0; sn < 128; sn++)
		one_push(&o, sn, 0, 1, "x");
	one_drain(&o);
	for (int i = 0; i < 128; i++)
		one_expect(&o, "x");
	assert_true(one_output(&o));
	one_push(&o, 128, 0, 2, "y");
	assert_true(one_output(&o));
	assert_int_equal(o.seg[0].cmd, KG_KCP_ACK);
	o.now_us += 10 * KG_US_PER_S;
	assert_false(one_output(&o));
	one_fini(&o);
}

static void wask_is_answered_at_once(void **state)
{
	struct kg_kcp_segment wask = { .conv = CONV, .cmd = KG_KCP_WASK, .wnd = 77 };
	struct one o;

	one_init_default(&o);
	one_add(&o, wask, "payload of no meaning");
	assert_int_equal(one_input(&o), KG_DROP_NONE);
	assert_true(kg_kcp_deadline_us(o.kcp) <= o.now_us);
	assert_true(one_output(&o));
	assert_int_equal(o.segs, 1);
	assert_int_equal(o.seg[0].cmd, KG_KCP_WINS);
	assert_int_equal(o.seg[0].wnd, 128);
	assert_int_equal(one_stats(&o).rmt_wnd, 77);
	assert_false(one_output(&o));
	one_fini(&o);
}

static uint16_t wnd_told(struct one *o, uint32_t sn)
{
	one_push(o, sn, 0, 1, "x");
	o->now_us += KG_KCP_ACK_WAIT_US;
	assert_true(one_output(o));
	return o->seg[0].wnd;
}

/* Shrinking never takes back what was advertised: the right edge una + wnd only grows. */
static void smaller_window_keeps_its_promise(void **state)
{
	struct kg_kcp_params params = one_params();
	uint32_t sn = 0;
	struct one o;

	params.rcv_wnd = 1000;
	one_init(&o, &params);
	assert_int_equal(wnd_told(&o, sn++), 999);
	kg_kcp_set_windows(o.kcp, 128, 100);
	one_expect(&o, "x");
	for (; sn < 950; sn++) {
		assert_int_equal(wnd_told(&o, sn), KG_MAX(1000 - sn - 1, 99u));
		one_expect(&o, "x");
	}
	one_push(&o, 999, 0, 1, "x"); /* promised, so taken */
	assert_int_equal(one_stats(&o).held, 1);
	for (; sn < 2000; sn++) {
		one_push(&o, sn, 0, 1, "x");
		while (o.kcp->recv.messages > 0)
			one_expect(&o, "x");
		one_output(&o);
	}
	assert_int_equal(o.seg[0].wnd, 100);
	one_fini(&o);
}

static void memory_pressure_limits_the_window(void **state)
{
	struct kg_kcp_params params = one_params();
	struct one o;

	params.rcv_wnd = 1000;
	one_init(&o, &params);
	o.pool.pool.fair_share = 200;
	assert_int_equal(wnd_told(&o, 0), 199);
	one_push(&o, 250, 0, 1, "beyond");
	assert_int_equal(one_stats(&o).out_of_window, 1);
	o.pool.pool.fair_share = 0;
	assert_int_equal(wnd_told(&o, 1), KG_BUF_FLOOR - 2); /* at once, whatever was told before */
	o.pool.pool.fair_share = UINT32_MAX;
	assert_int_equal(wnd_told(&o, 2), 997);
	one_fini(&o);
}

/* What was under way when the share fell is taken, up to twice the share; what is in order always.
 */
static void pressure_refuses_what_is_beyond_a_hole(void **state)
{
	struct kg_kcp_params params = one_params();
	struct one o;

	params.rcv_wnd = 1000;
	one_init(&o, &params);
	assert_int_equal(wnd_told(&o, 0), 999);
	o.pool.pool.fair_share = 10;
	for (uint32_t sn = 2; sn < 500; sn++)
		one_push(&o, sn, 0, 1, "beyond");
	assert_int_equal(one_stats(&o).held, 2 * 10 - 1);
	assert_int_equal(one_stats(&o).refused, 500 - 2 - 19);
	one_push(&o, 1, 0, 1, "the hole");
	assert_int_equal(one_stats(&o).held, 0);
	one_expect(&o, "x");
	one_expect(&o, "the hole");
	one_expect(&o, "beyond");
	one_fini(&o);
}

/* Memory recovers and no reader has done anything: the peer would try only after its time-outs. */
static void what_was_refused_is_asked_for_when_there_is_room(void **state)
{
	struct one o;

	one_init_default(&o);
	o.pool.pool.fair_share = 0;
	for (uint32_t sn = 0; sn < 20; sn++)
		one_push(&o, sn, 0, 1, "x");
	assert_int_equal(one_stats(&o).readable, KG_BUF_FLOOR);
	one_drain(&o);
	for (int i = 0; i < 5; i++) {
		o.now_us += 100 * MS;
		assert_false(one_output(&o));
	}
	o.pool.pool.fair_share = UINT32_MAX;
	o.now_us += 100 * MS;
	assert_true(one_output(&o));
	assert_int_equal(o.seg[0].cmd, KG_KCP_WINS);
	assert_int_equal(o.seg[0].wnd, 128 - one_stats(&o).readable);
	o.now_us += 10000 * MS;
	assert_false(one_output(&o)); /* said once; then the peer's time-outs must do */
	one_fini(&o);
}

/* Others may have taken all but what is kept: the segment that fills the hole finds a place there.
 */
static void what_fills_a_hole_finds_room(void **state)
{
	struct one o;

	one_init_default(&o);
	o.pool.limit = 20;
	o.pool.kept = 10;
	for (uint32_t sn = 1; sn < 100; sn++)
		one_push(&o, sn, 0, 1, "beyond");
	assert_int_equal(o.pool.in_use, 10);
	assert_int_equal(one_stats(&o).refused, 99 - 10);
	one_push(&o, 0, 0, 1, "the hole");
	one_expect(&o, "the hole");
	while (o.kcp->recv.messages > 0)
		one_expect(&o, "beyond");
	/* A reader that stands still leaves the rest of what is kept to others. */
	o.pool.in_use += 10;
	for (uint32_t sn = 11; sn < 30; sn++)
		one_push(&o, sn, 0, 1, "unread");
	assert_int_equal(one_stats(&o).readable, KG_BUF_FLOOR);
	o.pool.in_use -= 10;
	one_fini(&o);
}

/* Of a thousand that stand still each has its first, and there is one for who comes then. */
static void who_has_something_to_read_leaves_the_last_to_others(void **state)
{
	struct one o;

	one_init_default(&o);
	o.pool.limit = 40;
	o.pool.kept = 20;
	o.pool.in_use += 30;
	one_push(&o, 0, 0, 1, "first");
	one_push(&o, 1, 0, 1, "second");
	assert_int_equal(one_stats(&o).readable, 1);
	assert_int_equal(one_stats(&o).refused, 1);
	one_expect(&o, "first");
	one_push(&o, 1, 0, 1, "second");
	one_expect(&o, "second");
	o.pool.in_use -= 30;
	one_fini(&o);
}

/* To be told of room he would send it again, and be refused again, ten times a second. */
static void who_is_put_off_hears_of_no_room(void **state)
{
	struct one o;

	one_init_default(&o);
	o.pool.limit = 40;
	o.pool.kept = 20;
	o.pool.in_use += 30;
	o.pool.pool.fair_share = KG_BUF_FLOOR;
	one_push(&o, 0, 0, 1, "first");
	one_push(&o, 1, 0, 1, "second");
	assert_int_equal(one_stats(&o).refused, 1);
	one_drain(&o);
	for (int i = 0; i < 50; i++) {
		o.now_us += 100 * MS;
		assert_false(one_output(&o));
	}
	one_expect(&o, "first");
	o.now_us += 100 * MS;
	assert_true(one_output(&o));
	assert_int_equal(o.seg[0].cmd, KG_KCP_WINS);
	assert_int_equal(o.seg[0].wnd, KG_BUF_FLOOR);
	one_push(&o, 1, 0, 1, "second");
	one_expect(&o, "second");
	o.pool.in_use -= 30;
	one_fini(&o);
}

/* Nobody can read a part of it, so that it goes on past the floor. */
static void a_long_message_is_completed_of_what_is_kept(void **state)
{
	struct one o;

	one_init_default(&o);
	o.pool.limit = 40;
	o.pool.kept = 20;
	o.pool.in_use += 20;
	for (uint32_t sn = 0; sn < 2 * KG_BUF_FLOOR; sn++)
		one_push(&o, sn, (uint8_t)(2 * KG_BUF_FLOOR - 1 - sn), 1, "x");
	one_expect(&o, "xxxxxxxx");
	o.pool.in_use -= 20;
	one_fini(&o);
}

static void window_is_capped_at_16_bits(void **state)
{
	struct kg_kcp_params params = one_params();
	struct one o;

	params.rcv_wnd = KG_KCP_WINDOW_MAX;
	one_init(&o, &params);
	assert_int_equal(wnd_told(&o, 0), 65534);
	one_expect(&o, "x");
	assert_int_equal(wnd_told(&o, 1), 65534);
	one_push(&o, 2 + 65534, 0, 1, "far");
	assert_int_equal(one_stats(&o).held, 1);
	one_push(&o, 2 + 65535, 0, 1, "too far");
	assert_int_equal(one_stats(&o).out_of_window, 1);
	one_fini(&o);
}

static void segment_without_a_buffer_is_not_acknowledged(void **state)
{
	struct one o;

	one_init_default(&o);
	o.pool.limit = 1;
	one_push(&o, 0, 0, 1, "a");
	one_push(&o, 1, 0, 1, "b");
	assert_true(one_output(&o));
	assert_int_equal(o.segs, 1);
	assert_int_equal(o.seg[0].una, 1);
	o.pool.limit = 2;
	one_push(&o, 1, 0, 1, "b");
	assert_true(one_output(&o));
	assert_int_equal(o.seg[0].una, 2);
	one_fini(&o);
}

static void hostile_peer_cannot_make_us_hold_more_than_two_windows(void **state)
{
	struct one o;

	one_init_default(&o);
	for (uint32_t sn = 0; sn < 5000; sn++)
		one_push(&o, sn, 0, 1, "x");
	assert_int_equal(o.pool.in_use, 256);
	for (int i = 0; i < 10000; i++)
		one_push(&o, 200, 0, 1, "x"); /* held: each repeats an ACK */
	assert_true(o.mem.in_use_bytes < 64 * 1024);
	for (int i = 0; i < 256; i++)
		one_expect(&o, "x");
	one_fini(&o);
}

static void sn_wraps_around(void **state)
{
	struct kg_kcp_params params = one_params();
	struct one o;

	params.first_sn = UINT32_MAX - 1;
	one_init(&o, &params);
	one_push(&o, 1, 0, 1, "d");
	one_push(&o, UINT32_MAX, 0, 1, "b");
	one_push(&o, 0, 0, 1, "c");
	one_push(&o, UINT32_MAX - 1, 0, 1, "a");
	one_expect(&o, "a");
	one_expect(&o, "b");
	one_expect(&o, "c");
	one_expect(&o, "d");
	one_push(&o, UINT32_MAX, 0, 1, "b");
	assert_int_equal(one_stats(&o).duplicates, 1);
	assert_true(one_output(&o));
	assert_int_equal(o.seg[0].una, 2);
	one_fini(&o);
}

/* Peers with wide windows and holes in them: half of the memory is for what is new, and who comes
 * late has a ring as well. */
static void rings_share_what_may_grow(void **state)
{
	enum {
		RINGS = 200,
		SLOT_BYTES = 16,
		LIMIT = 1 << 20
	};
	struct kg_kcp_ring rings[RINGS + 1] = { 0 };
	struct kg_mem mem;

	kg_mem_malloc_init(&mem);
	mem.soft_limit_bytes = LIMIT;
	for (uint32_t span = 8; span <= KG_KCP_RING_MAX; span *= 2) {
		for (int i = 0; i < RINGS; i++)
			kg_kcp_ring_reserve(&rings[i], &mem, SLOT_BYTES, 0, span);
	}
	assert_true(mem.in_use_bytes > LIMIT / 4);
	assert_true(kg_mem_allows(&mem, LIMIT / 2));
	assert_true(kg_kcp_ring_reserve(&rings[RINGS], &mem, SLOT_BYTES, 0, 32));
	for (int i = 0; i <= RINGS; i++)
		kg_kcp_ring_fini(&rings[i], &mem, SLOT_BYTES);
	assert_int_equal(mem.in_use_bytes, 0);
	assert_int_equal(mem.grown_bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_come_in_order),
		cmocka_unit_test(duplicates_are_acknowledged_not_delivered),
		cmocka_unit_test(what_no_window_reaches_is_no_news),
		cmocka_unit_test(acks_beyond_a_gap_are_repeated),
		cmocka_unit_test(acks_of_small_segments_go_once),
		cmocka_unit_test(fragments_become_one_message),
		cmocka_unit_test(contradicting_fragments_do_not_stall),
		cmocka_unit_test(long_message_passes_small_window),
		cmocka_unit_test(acks_are_thinned_to_one_in_order),
		cmocka_unit_test(acks_beyond_a_gap_come_in_several_datagrams),
		cmocka_unit_test(acks_overtaken_by_una_are_not_sent),
		cmocka_unit_test(segment_in_order_by_reading_is_acknowledged),
		cmocka_unit_test(acks_never_exceed_the_mtu_nor_get_lost),
		cmocka_unit_test(segments_beyond_the_window_are_refused),
		cmocka_unit_test(window_shuts_and_is_announced_when_it_reopens),
		cmocka_unit_test(rest_of_a_message_is_asked_for),
		cmocka_unit_test(announcement_stops_when_data_comes),
		cmocka_unit_test(wask_is_answered_at_once),
		cmocka_unit_test(smaller_window_keeps_its_promise),
		cmocka_unit_test(memory_pressure_limits_the_window),
		cmocka_unit_test(pressure_refuses_what_is_beyond_a_hole),
		cmocka_unit_test(what_was_refused_is_asked_for_when_there_is_room),
		cmocka_unit_test(what_fills_a_hole_finds_room),
		cmocka_unit_test(who_has_something_to_read_leaves_the_last_to_others),
		cmocka_unit_test(who_is_put_off_hears_of_no_room),
		cmocka_unit_test(a_long_message_is_completed_of_what_is_kept),
		cmocka_unit_test(window_is_capped_at_16_bits),
		cmocka_unit_test(segment_without_a_buffer_is_not_acknowledged),
		cmocka_unit_test(hostile_peer_cannot_make_us_hold_more_than_two_windows),
		cmocka_unit_test(rings_share_what_may_grow),
		cmocka_unit_test(sn_wraps_around),
	};

	return cmocka_run_group_tests_name("kcp_recv", tests, NULL, NULL);
}
