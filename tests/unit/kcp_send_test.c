/* SPDX-License-Identifier: BSD-3-Clause */
/* The sending half of a conversation: fragments, windows, fast resends, window probes. */
#include "kcp_one.h"

#include "kcp/kcp_rtt.h"

static char text[KG_KCP_FRAGMENTS_MAX * KG_KCP_MTU_MAX];

static void messages_are_cut_and_packed(void **state)
{
	struct one o;

	one_init_default(&o);
	assert_int_equal(kg_kcp_mss(o.kcp), 1376);
	assert_true(one_send(&o, text, 3000));
	assert_true(one_send(&o, "a", 1));
	assert_true(one_send(&o, "bc", 2));
	assert_true(kg_kcp_deadline_us(o.kcp) <= o.now_us);
	for (uint8_t frg = 2; frg > 0; frg--) {
		assert_true(one_output(&o));
		assert_int_equal(o.segs, 1);
		assert_int_equal(o.seg[0].frg, frg);
		assert_int_equal(o.seg[0].len, 1376);
	}
	assert_true(one_output(&o));
	assert_int_equal(o.segs, 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(o.seg[i].cmd, KG_KCP_PUSH);
		assert_int_equal(o.seg[i].sn, 2 + i);
		assert_int_equal(o.seg[i].frg, 0);
		assert_int_equal(o.seg[i].ts, T0_MS);
		assert_int_equal(o.seg[i].wnd, 128);
	}
	assert_memory_equal(o.seg[2].payload, "bc", 2);
	assert_false(one_output(&o));
	assert_int_equal(kg_kcp_unacked(o.kcp), 5);
	one_fini(&o);
}

/* To who has said that he knows of it; of a copy as well. */
static void what_is_not_the_first_of_a_message_says_so(void **state)
{
	struct one o;

	one_init_default(&o);
	kg_kcp_use_tails(o.kcp);
	assert_true(one_send(&o, text, 3000));
	assert_true(one_send(&o, "a", 1));
	for (int copy = 0; copy < 2; copy++) {
		for (uint32_t sn = 0; sn < 3; sn++) {
			assert_true(one_output(&o));
			assert_int_equal(o.seg[0].sn, sn);
			assert_int_equal(o.seg[0].frg, 2 - sn);
			assert_int_equal(o.seg[0].tail, sn > 0);
		}
		assert_int_equal(o.segs, 2);
		assert_false(o.seg[1].tail);
		o.now_us += KG_US_PER_S;
	}
	one_fini(&o);
}

/* Ten messages that are 27 bytes longer than a segment, as they come out; how many datagrams these
 * were. */
static unsigned int send_longer_than_a_segment(uint16_t small_room)
{
	static uint8_t bytes[10 * 1403], came[sizeof(bytes)];
	unsigned int datagrams = 0;
	size_t len = 0;
	struct one o;

	one_init_default(&o);
	o.pool.pool.small_room = small_room;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i % 251);
	for (size_t i = 0; i < 10; i++)
		assert_true(one_send(&o, bytes + i * 1403, 1403));
	for (uint32_t sn = 0; one_output(&o); datagrams++) {
		for (unsigned int i = 0; i < o.segs; i++, sn++) {
			assert_int_equal(o.seg[i].sn, sn);
			assert_int_equal(o.seg[i].frg, 1 - sn % 2);
			memcpy(came + len, o.seg[i].payload, o.seg[i].len);
			len += o.seg[i].len;
			assert_true(sn % 2 == 0 || len == (sn / 2 + 1) * 1403);
			assert_true(sn % 2 == 0 || small_room == 0 || o.seg[i].len <= small_room);
		}
	}
	assert_int_equal(len, sizeof(bytes));
	assert_memory_equal(came, bytes, len);
	one_fini(&o);
	return datagrams;
}

/* Beside the rest of each there is room for the beginning of the next one, as long as the rest of
 * that stays in its small buffer. */
static void rests_do_not_travel_alone(void **state)
{
	assert_int_equal(send_longer_than_a_segment(0), 20);
	assert_int_equal(send_longer_than_a_segment(240), 12);
}

/* Where a segment has less room than a small buffer, its room is the limit. */
static void rests_are_no_longer_than_a_segment(void **state)
{
	static const uint8_t bytes[103];
	struct kg_kcp_params params = one_params();
	struct one o;

	params.mtu = 100;
	one_init(&o, &params);
	o.pool.pool.small_room = 240;
	for (int i = 0; i < 10; i++)
		assert_true(one_send(&o, bytes, sizeof(bytes)));
	while (one_output(&o))
		assert_true(o.out_len <= params.mtu);
	assert_int_equal(kg_kcp_unacked(o.kcp), 20);
	one_fini(&o);
}

static void bad_chains_are_refused(void **state)
{
	struct kg_buf *chain;
	struct one o;

	one_init_default(&o);
	assert_true(one_send(&o, text, KG_KCP_FRAGMENTS_MAX * 1376u));
	assert_false(one_send(&o, text, KG_KCP_FRAGMENTS_MAX * 1376u + 1));
	assert_false(kg_kcp_send(o.kcp, NULL, o.now_us));
	chain = kg_buf_chain_copy(&o.pool.pool, text, 1377, 1377, 1377);
	assert_false(kg_kcp_send(o.kcp, chain, o.now_us));
	kg_buf_free_chain(chain);
	chain = kg_buf_chain_copy(&o.pool.pool, text, 20, 10, 10);
	chain->next->len = 0;
	assert_false(kg_kcp_send(o.kcp, chain, o.now_us));
	kg_buf_free_chain(chain);
	assert_true(one_send(&o, "", 0));
	assert_int_equal(kg_kcp_unacked(o.kcp), KG_KCP_FRAGMENTS_MAX + 1);
	one_fini(&o);
}

static void acked_segments_are_freed_and_counted(void **state)
{
	struct one o;

	one_init_default(&o);
	one_send_now(&o, 10);
	o.now_us += 40 * MS;
	one_ack(&o, 3, T0_MS, 0);
	assert_int_equal(o.events, KG_KCP_ADVANCED | KG_KCP_ACKED | KG_KCP_ECHOED);
	assert_int_equal(o.pool.in_use, 9);
	one_ack(&o, 3, T0_MS, 0); /* the same again is no news */
	assert_int_equal(o.events, 0);
	one_ack(&o, 9, T0_MS, 5);
	assert_int_equal(kg_kcp_unacked(o.kcp), 4);
	assert_int_equal(kg_kcp_take_acked(o.kcp), 6);
	assert_int_equal(kg_kcp_take_acked(o.kcp), 0);
	assert_int_equal(one_stats(&o).srtt_us, 40 * MS);
	one_fini(&o);
}

/* What has begun is completed, or the peer would join its half to what comes next. */
static void discarding_leaves_whole_messages(void **state)
{
	struct kg_kcp_params params = one_params();
	struct one o;

	params.snd_wnd = 2;
	one_init(&o, &params);
	kg_kcp_discard_queue(o.kcp);
	assert_true(one_send(&o, text, 4 * 1376));
	one_send_many(&o, 5);
	one_drain(&o);
	kg_kcp_discard_queue(o.kcp);
	kg_kcp_discard_queue(o.kcp);
	assert_int_equal(kg_kcp_unacked(o.kcp), 4);
	assert_int_equal(o.pool.in_use, 4);
	assert_true(one_send(&o, "bye", 3));
	one_ack(&o, 1, T0_MS, 2);
	for (uint8_t frg = 2; frg > 0; frg--) {
		assert_true(one_output(&o));
		assert_int_equal(o.seg[0].frg, frg - 1);
	}
	one_ack(&o, 3, T0_MS, 4);
	assert_true(one_output(&o));
	assert_int_equal(o.seg[0].sn, 4);
	assert_memory_equal(o.seg[0].payload, "bye", 3);
	assert_int_equal(kg_kcp_unacked(o.kcp), 1);
	one_fini(&o);
}

static void discarding_leaves_what_the_window_takes(void **state)
{
	struct kg_kcp_params params = one_params();
	struct one o;

	params.snd_wnd = 8;
	one_init(&o, &params);
	one_send_now(&o, 3);
	one_send_many(&o, 2);
	assert_true(one_send(&o, text, 4 * 1376)); /* begins within the window */
	one_send_many(&o, 5);
	kg_kcp_discard_queue(o.kcp);
	assert_int_equal(kg_kcp_unacked(o.kcp), 3 + 2 + 4);
	one_fini(&o);
}

static void windows_bound_what_is_in_flight(void **state)
{
	struct kg_kcp_params params = one_params();
	struct one o;

	params.snd_wnd = 300;
	one_init(&o, &params);
	one_send_many(&o, 1000);
	assert_int_equal(one_drain(&o), 128); /* until the peer has spoken */
	one_add(&o, (struct kg_kcp_segment){ .conv = CONV, .cmd = KG_KCP_WINS, .wnd = 1000 }, "");
	assert_int_equal(one_input(&o), KG_DROP_NONE);
	assert_int_equal(one_drain(&o), 300 - 128);
	one_ack(&o, 50, T0_MS, 0); /* the window counts from una */
	assert_int_equal(one_drain(&o), 0);
	kg_kcp_set_windows(o.kcp, 310, 128);
	assert_int_equal(one_drain(&o), 10);
	kg_kcp_set_windows(o.kcp, 100, 128);
	one_ack(&o, 9, T0_MS, 200);
	assert_int_equal(one_drain(&o), 0);
	assert_int_equal(one_stats(&o).in_flight, 110);
	one_fini(&o);
}

/* Old datagrams do not bring an old window back; one una goes with one right edge. */
static void remote_window_is_taken_from_the_newest_word(void **state)
{
	struct kg_kcp_segment seg = { .conv = CONV, .cmd = KG_KCP_WINS };
	static const struct {
		uint32_t una;
		uint16_t wnd, then;
	} words[] = {
		{ 0, 60, 60 },  { 0, 10, 60 }, { 0, 80, 80 }, { 5, 20, 20 },
		{ 3, 200, 20 }, { 5, 0, 20 },  { 6, 0, 0 },
	};
	struct one o;

	one_init_default(&o);
	one_send_now(&o, 10);
	for (size_t i = 0; i < KG_ARRAY_SIZE(words); i++) {
		seg.una = words[i].una;
		seg.wnd = words[i].wnd;
		one_hear(&o, seg);
		assert_int_equal(one_stats(&o).rmt_wnd, words[i].then);
	}
	one_fini(&o);
}

static void hole_is_resent_after_enough_later_datagrams(void **state)
{
	struct kg_kcp_params params = one_params();
	struct one o;

	params.resend = 3;
	one_init(&o, &params);
	one_send_now(&o, 20);
	o.now_us += 40 * MS;
	for (uint32_t sn = 6; sn < 8; sn++) {
		one_ack(&o, sn, T0_MS, 5);
		assert_int_equal(one_drain(&o), 0);
	}
	one_ack(&o, 4, T0_MS, 5); /* known already: says nothing of sn 5 */
	assert_int_equal(one_drain(&o), 0);
	one_ack(&o, 8, T0_MS, 5);
	assert_true(one_output(&o));
	assert_int_equal(o.segs, 1);
	assert_int_equal(o.seg[0].sn, 5);
	assert_int_equal(o.seg[0].ts, T0_MS + 40);
	for (uint32_t sn = 9; sn < 20; sn++) /* sent before the new copy: no reason to resend */
		one_ack(&o, sn, T0_MS, 5);
	assert_false(one_output(&o));
	assert_int_equal(one_stats(&o).resent_fast, 1);
	one_fini(&o);
}

/* A copy that is lost again is found by what was sent after it, without a time-out. */
static void lost_resend_is_resent_fast(void **state)
{
	struct one o;

	one_init_default(&o);
	one_send_now(&o, 5);
	o.now_us += 20 * MS;
	one_ack(&o, 1, T0_MS, 0);
	one_ack(&o, 2, T0_MS, 0);
	assert_int_equal(one_drain(&o), 1);
	one_send_now(&o, 3);
	o.now_us += 20 * MS;
	one_ack(&o, 5, T0_MS + 20, 0);
	assert_int_equal(one_drain(&o), 0);
	one_send_many(&o, 1);
	one_ack(&o, 6, T0_MS + 20, 0);
	assert_true(one_output(&o)); /* 3 and 4 were sent before 5 and 6 as well */
	assert_int_equal(o.segs, 3);
	assert_int_equal(o.seg[0].sn, 3); /* the oldest copy first, new data last */
	assert_int_equal(o.seg[1].sn, 4);
	assert_int_equal(o.seg[2].sn, 0);
	assert_true(one_output(&o)); /* the third copy's twin in a datagram of its own */
	assert_int_equal(o.segs, 2);
	assert_int_equal(o.seg[0].sn, 0);
	assert_int_equal(o.seg[0].ts, T0_MS + 40);
	assert_int_equal(o.seg[1].sn, 8);
	assert_int_equal(one_stats(&o).resent_twin, 1);
	one_fini(&o);
}

/* What was acknowledged between the copy and its twin needs none. */
static void twin_of_what_has_arrived_stays(void **state)
{
	struct one o;

	one_init_default(&o);
	one_round_trip(&o, 0, 1 * MS);
	one_send_now(&o, 1);
	o.now_us = kg_kcp_deadline_us(o.kcp);
	assert_true(one_output(&o));
	assert_true(kg_kcp_deadline_us(o.kcp) <= o.now_us);
	one_ack(&o, 1, T0_MS + 1, 2);
	assert_false(one_output(&o));
	assert_int_equal(one_stats(&o).resent_twin, 0);
	one_fini(&o);
}

/* Parity may bring it back while its group is under way, but not for ever, and not when later
 * groups have arrived. */
static void hole_waits_for_its_group(void **state)
{
	for (int later = 0; later < 2; later++) {
		struct one o;

		one_init_default(&o);
		kg_kcp_set_groups(o.kcp, 10, 3);
		kg_kcp_next_group(o.kcp);
		one_send_now(&o, 3);
		if (later)
			kg_kcp_next_group(o.kcp);
		one_send_now(&o, 2);
		o.now_us += 40 * MS;
		one_ack(&o, 3, T0_MS, 0);
		one_ack(&o, 4, T0_MS, 0);
		assert_int_equal(one_drain(&o), later ? 3 : 0);
		/* a sixteenth of a round trip, and what 10 of 128 segments take of one */
		o.now_us +=
			KG_KCP_GROUP_WAIT_US + 40 * MS / 16 + 40 * MS * (10 * 256 / 128) / 256 - 1;
		assert_int_equal(one_drain(&o), 0);
		o.now_us++;
		assert_int_equal(one_drain(&o), later ? 0 : 3);
		assert_int_equal(one_stats(&o).resent_fast, 3);
		one_fini(&o);
	}
}

/* Groups may be told of without anything to send, and orders wrap around. */
static void groups_count_what_was_sent(void **state)
{
	struct kg_kcp_params params = one_params();
	struct one o;

	params.first_sn = UINT32_MAX - 1000;
	one_init(&o, &params);
	kg_kcp_set_groups(o.kcp, 1, 1);
	for (uint32_t sn = params.first_sn; sn != 1000; sn++) {
		for (int i = 0; i < 1000; i++)
			kg_kcp_next_group(o.kcp);
		one_round_trip(&o, sn, MS);
	}
	one_send_now(&o, 1);
	for (int i = 0; i < 2; i++) {
		kg_kcp_next_group(o.kcp);
		one_send_now(&o, 1);
		one_ack(&o, 1001 + i, (uint32_t)(o.now_us / MS), 1000);
	}
	assert_int_equal(one_drain(&o), 1);
	assert_int_equal(one_stats(&o).resent_fast, 1);
	one_fini(&o);
}

static void resend_zero_never_resends_by_count(void **state)
{
	struct kg_kcp_params params = one_params();
	struct one o;

	params.resend = 0;
	one_init(&o, &params);
	one_send_now(&o, 100);
	o.now_us += 10 * MS;
	for (uint32_t sn = 1; sn < 100; sn++)
		one_ack(&o, sn, T0_MS, 0);
	assert_int_equal(one_drain(&o), 0);
	o.now_us = kg_kcp_deadline_us(o.kcp);
	assert_int_equal(one_drain(&o), 1);
	assert_int_equal(one_stats(&o).resent_timeout, 1);
	one_fini(&o);
}

/* The original arrives after all: the next hole waits as long as this one was late. */
static void reordering_widens_the_wait(void **state)
{
	struct one o;
	uint64_t acked_us;

	one_init_default(&o);
	one_send_now(&o, 10);
	o.now_us += 20 * MS;
	for (uint32_t sn = 1; sn < 10; sn++)
		one_ack(&o, sn, T0_MS, 0);
	assert_int_equal(one_drain(&o), 1);
	o.now_us += 5 * MS;
	one_ack(&o, 0, T0_MS, 10); /* the ts of the first copy */
	assert_int_equal(one_stats(&o).resent_needless, 1);
	one_send_now(&o, 10);
	acked_us = o.now_us + 20 * MS;
	o.now_us = acked_us;
	for (uint32_t sn = 11; sn < 20; sn++)
		one_ack(&o, sn, T0_MS + 25, 10);
	assert_int_equal(one_drain(&o), 0);
	o.now_us = kg_kcp_deadline_us(o.kcp);
	assert_in_range(o.now_us - acked_us, 3 * MS, 10 * MS);
	assert_int_equal(one_drain(&o), 1);
	assert_int_equal(one_stats(&o).resent_fast, 2);
	one_fini(&o);
}

static unsigned int probes_until(struct one *o, uint64_t until_us)
{
	unsigned int probes = 0;

	for (o->now_us = KG_MAX(o->now_us, kg_kcp_deadline_us(o->kcp)); o->now_us <= until_us;
	     o->now_us = kg_kcp_deadline_us(o->kcp)) {
		while (one_output(o)) {
			assert_int_equal(o->seg[0].cmd, KG_KCP_WASK);
			probes++;
		}
	}
	return probes;
}

static void closed_window_is_probed(void **state)
{
	struct kg_kcp_segment wins = { .conv = CONV, .cmd = KG_KCP_WINS, .wnd = 0 };
	uint64_t start_us;
	struct one o;

	one_init_default(&o);
	start_us = o.now_us;
	one_hear(&o, wins);
	assert_int_equal(kg_kcp_deadline_us(o.kcp), KG_NEVER_US); /* nothing to send */
	one_send_many(&o, 3);
	assert_int_equal(one_drain(&o), 0);
	assert_int_equal(probes_until(&o, start_us + KG_US_PER_S), 3);
	assert_in_range(probes_until(&o, start_us + 60 * KG_US_PER_S), 8, 14);
	assert_in_range(probes_until(&o, start_us + 660 * (uint64_t)KG_US_PER_S), 55, 65);
	wins.wnd = 2;
	o.now_us = start_us + 661 * (uint64_t)KG_US_PER_S;
	one_hear(&o, wins);
	assert_int_equal(one_drain(&o), 2);
	one_fini(&o);
}

/* All is acknowledged by name, una lags and its datagram was lost: only a probe helps. */
static void lost_window_news_is_asked_for(void **state)
{
	struct one o;

	one_init_default(&o);
	one_send_many(&o, 200);
	assert_int_equal(one_drain(&o), 128);
	for (uint32_t sn = 0; sn < 128; sn++)
		one_ack(&o, sn, T0_MS, 0);
	assert_int_equal(one_stats(&o).in_flight, 0);
	assert_int_equal(probes_until(&o, o.now_us + KG_US_PER_S) > 0, 1);
	one_fini(&o);
}

static void without_blast_data_keeps_to_the_interval(void **state)
{
	struct kg_kcp_params params = one_params();
	struct one o;

	params.blast = false;
	params.interval_ms = 30;
	one_init(&o, &params);
	one_send_now(&o, 1);
	o.now_us += 3 * MS;
	one_send_many(&o, 1);
	assert_int_equal(kg_kcp_deadline_us(o.kcp), (T0_MS + 30) * MS);
	assert_int_equal(one_drain(&o), 0);
	o.now_us += 3 * MS;
	one_send_many(&o, 200); /* 128 of all may go; several datagrams make one flush */
	one_push(&o, 0, 0, 1, "ACKs do not wait");
	assert_true(one_output(&o));
	assert_int_equal(o.segs, 1);
	assert_int_equal(o.seg[0].cmd, KG_KCP_ACK);
	o.now_us = kg_kcp_deadline_us(o.kcp);
	assert_int_equal(o.now_us, (T0_MS + 30) * MS);
	assert_int_equal(one_drain(&o), 127);
	one_ack(&o, 0, T0_MS, 128);
	assert_int_equal(kg_kcp_deadline_us(o.kcp), (T0_MS + 60) * MS);
	one_fini(&o);
}

/* nc 0: slow start from one segment; halved by a resend, one segment after a time-out. */
static void congestion_window_grows_and_shrinks(void **state)
{
	struct kg_kcp_params params = one_params();
	uint32_t next = 0;
	struct one o;

	params.nc = false;
	one_init(&o, &params);
	one_send_many(&o, 1000);
	for (int round = 0; round < 60; round++) {
		uint32_t ts = (uint32_t)(o.now_us / MS), n = one_drain(&o);

		assert_int_equal(n, KG_MIN(one_stats(&o).cwnd, 128u));
		o.now_us += 20 * MS;
		next += n;
		one_ack(&o, next - 1, ts, next);
	}
	assert_true(one_stats(&o).cwnd > 8);
	one_drain(&o);
	one_ack(&o, next + 1, (uint32_t)(o.now_us / MS), next);
	one_ack(&o, next + 2, (uint32_t)(o.now_us / MS), next);
	assert_in_range(one_drain(&o), 1, 2);
	assert_in_range(one_stats(&o).cwnd, 4, one_stats(&o).in_flight / 2 + 5);
	o.now_us = kg_kcp_deadline_us(o.kcp);
	one_drain(&o);
	assert_int_equal(one_stats(&o).cwnd, 1);
	one_fini(&o);
}

/* The original was only overtaken: the cut is taken back. */
static void needless_cut_is_undone(void **state)
{
	struct kg_kcp_params params = one_params();
	uint32_t next = 0, window, ts;
	struct one o;

	params.nc = false;
	one_init(&o, &params);
	one_send_many(&o, 1000);
	while (one_stats(&o).cwnd < 8) {
		ts = (uint32_t)(o.now_us / MS);
		next += one_drain(&o);
		o.now_us += 20 * MS;
		one_ack(&o, next - 1, ts, next);
	}
	ts = (uint32_t)(o.now_us / MS);
	one_drain(&o);
	window = one_stats(&o).cwnd;
	o.now_us += 20 * MS;
	one_ack(&o, next + 1, ts, next);
	one_ack(&o, next + 2, ts, next);
	assert_int_equal(one_drain(&o), 1);
	assert_true(one_stats(&o).cwnd < window);
	o.now_us += 1 * MS;
	one_ack(&o, next, ts, next + 3);
	assert_in_range(one_stats(&o).cwnd, window, window + 1);
	one_fini(&o);
}

static void sn_and_ts_wrap_around(void **state)
{
	struct kg_kcp_params params = one_params();
	struct one o;

	params.first_sn = UINT32_MAX - 4;
	params.ts_offset_ms = UINT32_MAX - T0_MS - 10; /* ts wraps after 11 ms */
	one_init(&o, &params);
	one_send_many(&o, 10);
	assert_true(one_output(&o));
	assert_int_equal(o.segs, 10);
	assert_int_equal(o.seg[9].sn, 4);
	assert_int_equal(o.seg[0].ts, UINT32_MAX - 10);
	o.now_us += 40 * MS;
	one_ack(&o, 1, UINT32_MAX - 10, UINT32_MAX);
	one_ack(&o, 2, UINT32_MAX - 10, UINT32_MAX);
	assert_int_equal(one_stats(&o).srtt_us, 40 * MS);
	assert_true(one_output(&o));
	assert_int_equal(o.segs, 2);
	assert_int_equal(o.seg[0].sn, UINT32_MAX);
	assert_int_equal(o.seg[1].sn, 0);
	assert_int_equal(o.seg[0].ts, 29);
	one_ack(&o, 4, UINT32_MAX - 10, 5);
	assert_int_equal(kg_kcp_unacked(o.kcp), 0);
	one_fini(&o);
}

/* ---- questions ---- */

#define ASKED_TS 0xdeadbeef

static struct kg_kcp_segment question(struct one *o, uint16_t room)
{
	struct kg_kcp_segment seg;
	uint16_t len = kg_kcp_question(o->kcp, ASKED_TS, room, o->now_us, o->out);

	assert_in_range(len, KG_KCP_HEADER_BYTES, KG_MAX(room, KG_KCP_HEADER_BYTES));
	assert_int_equal(kg_kcp_segment_decode(o->out, len, &seg), len);
	assert_int_equal(seg.cmd, KG_KCP_PUSH);
	assert_int_equal(seg.ts, ASKED_TS);
	return seg;
}

/* Any peer acknowledges a sn that it has had; stock ones none below 0. */
static void questions_repeat_what_the_peer_has_had(void **state)
{
	struct one o;

	one_init_default(&o);
	assert_int_equal(question(&o, 24).sn, UINT32_MAX);
	one_send_now(&o, 2);
	assert_int_equal(question(&o, 1000).sn, 0);
	assert_int_equal(question(&o, 1000).len, 1);
	assert_int_equal(question(&o, 24).sn, UINT32_MAX); /* no room for it */
	one_ack(&o, 0, T0_MS, 1);
	assert_int_equal(question(&o, 1000).sn, 0);
	assert_int_equal(question(&o, 1000).len, 0);
	assert_int_equal(kg_kcp_unacked(o.kcp), 1);
	one_fini(&o);
}

static void only_its_time_stamp_answers_a_question(void **state)
{
	struct one o;

	one_init_default(&o);
	one_send_now(&o, 2);
	question(&o, 1000);
	one_ack(&o, 0, T0_MS, 0);
	assert_int_equal(o.events & (KG_KCP_ANSWERED | KG_KCP_ECHOED), KG_KCP_ECHOED);
	one_ack(&o, 0, ASKED_TS - 1, 1);
	assert_int_equal(o.events & KG_KCP_ANSWERED, 0);
	one_ack(&o, 0, ASKED_TS, 1);
	assert_int_equal(o.events & KG_KCP_ANSWERED, KG_KCP_ANSWERED);
	one_fini(&o);
}

/* The wire shows a probe's time stamp to whoever listens, and no address is believed for it. */
static void answers_to_probes_answer_no_question(void **state)
{
	struct one o;

	one_init_default(&o);
	one_send_now(&o, 2);
	question(&o, 1000);
	assert_int_equal(kg_kcp_probe(o.kcp, 4096, 0, 600, o.now_us, o.out), 600);
	one_ack(&o, 0, ASKED_TS, 1);
	assert_int_equal(o.events & KG_KCP_ANSWERED, 0);
	one_ack(&o, 0, 4096, 1);
	assert_int_equal(o.events & KG_KCP_ANSWERED, 0);
	assert_int_equal(o.events >> KG_KCP_PROBED_SHIFT, 1);
	question(&o, 1000);
	one_ack(&o, 0, ASKED_TS, 1);
	assert_int_equal(o.events >> KG_KCP_PROBED_SHIFT, 0);
	assert_int_equal(o.events & KG_KCP_ANSWERED, KG_KCP_ANSWERED);
	one_fini(&o);
}

/* docs/kcp.md §5: an ACK that is said again says a later time. */
static void an_answer_that_is_repeated_is_of_the_same_probe(void **state)
{
	const uint32_t ts = 1u << 20;
	struct kg_kcp_segment seg;
	struct one o;

	one_init_default(&o);
	one_send_now(&o, 2);
	one_ack(&o, 1, T0_MS, 0);
	for (unsigned int nth = 0; nth < KG_KCP_PROBES_MAX; nth++) {
		assert_int_equal(kg_kcp_probe(o.kcp, ts, nth, 600, o.now_us, o.out), 600);
		assert_int_equal(kg_kcp_segment_decode(o.out, 600, &seg), 600);
		for (uint32_t later_ms = 0; later_ms < 3000; later_ms += 7) {
			one_ack(&o, 1, seg.ts + later_ms, 0);
			assert_int_equal(o.events >> KG_KCP_PROBED_SHIFT, 1u << nth);
		}
	}
	one_fini(&o);
}

/* The first segment does not arrive, later ones do: the peer can be asked all the same. */
static void one_segment_that_has_arrived_is_enough_for_a_probe(void **state)
{
	struct kg_kcp_segment seg;
	struct one o;

	one_init_default(&o);
	one_send_now(&o, 3);
	assert_false(kg_kcp_was_heard(o.kcp));
	one_ack(&o, 1, T0_MS, 0);
	assert_true(kg_kcp_was_heard(o.kcp));
	assert_int_equal(kg_kcp_probe(o.kcp, 4096, 0, 600, o.now_us, o.out), 600);
	assert_int_equal(kg_kcp_segment_decode(o.out, 600, &seg), 600);
	assert_int_equal(seg.sn, 1);
	assert_int_equal(question(&o, 1000).sn, 1);
	one_fini(&o);
}

/* What left before the peer's new address was asked does not wait for its time-out. */
static void what_went_to_a_lost_address_goes_again_at_once(void **state)
{
	uint32_t order;
	struct one o;

	one_init_default(&o);
	one_send_now(&o, 1);
	o.now_us += 5 * MS;
	one_ack(&o, 0, T0_MS, 1);
	one_send_now(&o, 10);
	order = kg_kcp_next_order(o.kcp);
	one_send_now(&o, 1);
	o.now_us += 1 * MS;
	assert_false(one_output(&o));
	kg_kcp_lose_before(o.kcp, order);
	one_drain(&o);
	assert_int_equal(one_stats(&o).resent_fast, 10);
	one_fini(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_cut_and_packed),
		cmocka_unit_test(what_is_not_the_first_of_a_message_says_so),
		cmocka_unit_test(rests_do_not_travel_alone),
		cmocka_unit_test(rests_are_no_longer_than_a_segment),
		cmocka_unit_test(bad_chains_are_refused),
		cmocka_unit_test(acked_segments_are_freed_and_counted),
		cmocka_unit_test(questions_repeat_what_the_peer_has_had),
		cmocka_unit_test(only_its_time_stamp_answers_a_question),
		cmocka_unit_test(answers_to_probes_answer_no_question),
		cmocka_unit_test(an_answer_that_is_repeated_is_of_the_same_probe),
		cmocka_unit_test(one_segment_that_has_arrived_is_enough_for_a_probe),
		cmocka_unit_test(what_went_to_a_lost_address_goes_again_at_once),
		cmocka_unit_test(discarding_leaves_whole_messages),
		cmocka_unit_test(discarding_leaves_what_the_window_takes),
		cmocka_unit_test(windows_bound_what_is_in_flight),
		cmocka_unit_test(remote_window_is_taken_from_the_newest_word),
		cmocka_unit_test(hole_is_resent_after_enough_later_datagrams),
		cmocka_unit_test(lost_resend_is_resent_fast),
		cmocka_unit_test(twin_of_what_has_arrived_stays),
		cmocka_unit_test(hole_waits_for_its_group),
		cmocka_unit_test(groups_count_what_was_sent),
		cmocka_unit_test(resend_zero_never_resends_by_count),
		cmocka_unit_test(reordering_widens_the_wait),
		cmocka_unit_test(closed_window_is_probed),
		cmocka_unit_test(lost_window_news_is_asked_for),
		cmocka_unit_test(without_blast_data_keeps_to_the_interval),
		cmocka_unit_test(congestion_window_grows_and_shrinks),
		cmocka_unit_test(needless_cut_is_undone),
		cmocka_unit_test(sn_and_ts_wrap_around),
	};

	return cmocka_run_group_tests_name("kcp_send", tests, NULL, NULL);
}
