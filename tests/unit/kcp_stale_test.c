/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages that are of use for a time only: what waits is dropped, what was lost is replaced. */
#include "kcp_one.h"

#include "kcp/internal.h"

#define USE_US (50 * MS) /* less than the first time-out */

static const uint8_t blank[KG_KCP_BLANK_BYTES] = { 'n', 'i', 'l' };

static void send_until(struct one *o, size_t len, uint64_t until_us)
{
	static const uint8_t bytes[4 * KG_KCP_MTU_MAX] = "a datagram";
	uint16_t mss = kg_kcp_mss(o->kcp);
	struct kg_buf *chain = kg_buf_chain_copy(&o->pool.pool, bytes, len, mss, mss);

	assert_non_null(chain);
	memcpy(chain->data - sizeof(blank), blank, sizeof(blank));
	assert_true(kg_kcp_send_until(o->kcp, chain, until_us, o->now_us));
}

static void send_for_a_time(struct one *o, size_t len)
{
	send_until(o, len, o->now_us + USE_US);
}

/* Until then nothing is due. */
static void wait_until_due(struct one *o)
{
	uint64_t due_us = kg_kcp_deadline_us(o->kcp);

	assert_int_not_equal(due_us, KG_NEVER_US);
	assert_true(due_us > o->now_us);
	o->now_us = due_us;
}

static void what_waits_too_long_is_dropped(void **state)
{
	struct kg_kcp_params params = one_params();
	struct one o;

	params.snd_wnd = 2;
	one_init(&o, &params);
	for (int i = 0; i < 5; i++)
		send_for_a_time(&o, 10);
	assert_int_equal(kg_kcp_drop_stale(o.kcp, o.now_us), 0);
	assert_int_equal(one_drain(&o), 2);
	assert_int_equal(kg_kcp_queued(o.kcp), 3);
	wait_until_due(&o);
	assert_int_equal(o.now_us, T0_MS * MS + USE_US);
	assert_int_equal(kg_kcp_drop_stale(o.kcp, o.now_us - 1), 0);
	assert_false(kg_kcp_has_dropped(o.kcp));
	assert_int_equal(kg_kcp_drop_stale(o.kcp, o.now_us), 3);
	assert_int_equal(kg_kcp_queued(o.kcp), 0);
	assert_int_equal(kg_kcp_unacked(o.kcp), 2);
	assert_true(kg_kcp_has_dropped(o.kcp));
	assert_true(kg_kcp_take_dropped(o.kcp));
	assert_false(kg_kcp_take_dropped(o.kcp));
	/* There is a queue as before. */
	assert_true(one_send(&o, "x", 1));
	one_ack(&o, 1, T0_MS, 2);
	assert_int_equal(one_drain(&o), 1);
	assert_int_equal(o.seg[0].sn, 2);
	one_fini(&o);
}

static void what_was_lost_is_replaced(void **state)
{
	struct one o;

	one_init_default(&o);
	send_for_a_time(&o, 10);
	assert_true(one_output(&o));
	assert_int_equal(o.seg[0].len, 10);
	wait_until_due(&o);
	assert_true(o.now_us >= T0_MS * MS + USE_US);
	for (int copies = 0; copies < 3; copies++) {
		while (!one_output(&o))
			wait_until_due(&o);
		assert_int_equal(o.seg[0].sn, 0);
		assert_int_equal(o.seg[0].frg, 0);
		assert_int_equal(o.seg[0].len, sizeof(blank));
		assert_memory_equal(o.seg[0].payload, blank, sizeof(blank));
	}
	assert_int_equal(kg_kcp_take_blanked(o.kcp), 1);
	assert_int_equal(kg_kcp_take_blanked(o.kcp), 0);
	one_ack(&o, 0, o.seg[0].ts, 1);
	assert_int_equal(kg_kcp_unacked(o.kcp), 0);
	one_fini(&o);
}

/* The last bytes of its room are in front of the buffer's. */
static void what_is_shorter_is_replaced_too(void **state)
{
	struct one o;

	one_init_default(&o);
	send_for_a_time(&o, 1);
	assert_int_equal(one_drain(&o), 1);
	wait_until_due(&o);
	assert_true(one_output(&o));
	assert_int_equal(o.seg[0].len, sizeof(blank));
	assert_memory_equal(o.seg[0].payload, blank, sizeof(blank));
	one_fini(&o);
}

static void what_is_not_too_old_goes_again(void **state)
{
	struct one o;

	one_init_default(&o);
	send_until(&o, 10, o.now_us + KG_US_PER_S);
	assert_true(one_send(&o, "for ever", 8));
	assert_int_equal(one_drain(&o), 2);
	wait_until_due(&o);
	assert_int_equal(one_drain(&o), 2);
	one_ack(&o, 0, T0_MS, 1);
	o.now_us += KG_US_PER_S;
	assert_true(one_output(&o));
	assert_int_equal(o.seg[0].sn, 1);
	assert_int_equal(o.seg[0].len, 8);
	assert_int_equal(kg_kcp_take_blanked(o.kcp), 0);
	one_fini(&o);
}

/* One copy of the first part, and one of what took its place, may both be under way. */
static void what_is_in_parts_goes_as_it_is(void **state)
{
	uint16_t mss;
	struct one o;

	one_init_default(&o);
	mss = kg_kcp_mss(o.kcp);
	send_for_a_time(&o, mss + 100u);
	assert_int_equal(one_drain(&o), 2);
	wait_until_due(&o);
	assert_true(one_output(&o));
	assert_int_equal(o.seg[0].frg, 1);
	assert_int_equal(o.seg[0].len, mss);
	assert_true(one_output(&o));
	assert_int_equal(o.seg[0].frg, 0);
	assert_int_equal(o.seg[0].len, 100);
	assert_int_equal(kg_kcp_take_blanked(o.kcp), 0);
	one_fini(&o);
}

/* Of what has begun to be sent the rest follows; what is behind it is dropped whole. */
static void what_has_begun_is_sent_to_its_end(void **state)
{
	struct kg_kcp_params params = one_params();
	struct one o;

	params.snd_wnd = 1;
	one_init(&o, &params);
	send_for_a_time(&o, 3u * kg_kcp_mss(o.kcp));
	send_for_a_time(&o, 2u * kg_kcp_mss(o.kcp));
	assert_int_equal(one_drain(&o), 1);
	o.now_us += USE_US;
	assert_int_equal(kg_kcp_drop_stale(o.kcp, o.now_us), 0);
	for (uint32_t sn = 0; sn < 3; sn++) {
		one_ack(&o, sn, o.seg[0].ts, sn + 1);
		kg_kcp_drop_stale(o.kcp, o.now_us);
		assert_int_equal(one_drain(&o), sn < 2);
	}
	assert_int_equal(kg_kcp_unacked(o.kcp), 0);
	one_fini(&o);
}

/* Behind what is always of use; its datagram goes without it. */
static void what_is_too_old_gets_no_sn(void **state)
{
	struct one o;

	one_init_default(&o);
	assert_true(one_send(&o, "first", 5));
	send_for_a_time(&o, 10);
	assert_true(one_send(&o, "last", 4));
	o.now_us += USE_US;
	assert_int_equal(kg_kcp_drop_stale(o.kcp, o.now_us), 0);
	assert_true(one_output(&o));
	assert_int_equal(o.segs, 1);
	assert_int_equal(kg_kcp_drop_stale(o.kcp, o.now_us), 1);
	assert_true(one_output(&o));
	assert_int_equal(o.segs, 1);
	assert_int_equal(o.seg[0].sn, 1);
	assert_memory_equal(o.seg[0].payload, "last", 4);
	one_fini(&o);
}

/* A message that is cut anew keeps its time. */
static void a_narrower_path_does_not_make_it_younger(void **state)
{
	struct kg_kcp_params params = one_params();
	struct one o;

	params.snd_wnd = 1;
	one_init(&o, &params);
	assert_true(one_send(&o, "x", 1));
	assert_int_equal(one_drain(&o), 1);
	send_for_a_time(&o, kg_kcp_mss(o.kcp));
	kg_kcp_set_mtu(o.kcp, params.mtu / 2);
	assert_int_equal(kg_kcp_queued(o.kcp), 3);
	assert_int_equal(kg_kcp_drop_stale(o.kcp, o.now_us + USE_US - MS), 0);
	assert_int_equal(kg_kcp_drop_stale(o.kcp, o.now_us + USE_US), 1);
	assert_int_equal(kg_kcp_queued(o.kcp), 0);
	one_fini(&o);
}

/* A spare is a copy like others. */
static void what_is_too_old_has_no_spare(void **state)
{
	struct kg_kcp_params params = one_params();
	struct one o;

	params.prompt = true;
	one_init(&o, &params);
	kg_kcp_flight_on_loss(&o.kcp->flight);
	send_until(&o, 10, o.now_us + MS);
	assert_int_equal(one_drain(&o), 1);
	o.now_us += 2 * MS;
	assert_true(one_send(&o, "new", 3));
	assert_true(one_output(&o));
	assert_int_equal(o.segs, 1);
	assert_int_equal(one_stats(&o).resent_spare, 0);
	one_fini(&o);
}

/* When the segment leaves, if it does within five seconds. */
static uint64_t leaves_after_us(struct one *o, uint32_t sn)
{
	uint64_t since_us = o->now_us;

	while (o->now_us < since_us + 5000 * MS) {
		o->now_us = KG_MAX(kg_kcp_deadline_us(o->kcp), o->now_us);
		while (one_output(o)) {
			for (unsigned int i = 0; i < o->segs; i++) {
				if (o->seg[i].cmd == KG_KCP_PUSH && o->seg[i].sn == sn)
					return o->now_us - since_us;
			}
		}
	}
	return KG_NEVER_US;
}

static void fill_window(struct one *o)
{
	struct kg_kcp_params params = one_params();

	params.snd_wnd = 2;
	one_init(o, &params);
	one_send_now(o, 2);
}

/* Nothing is heard, and the window is full: what is new goes every so often. When it arrives what
 * left before is lost. */
static void what_is_new_tries_a_silent_path(void **state)
{
	struct one o;

	fill_window(&o);
	send_until(&o, 10, o.now_us + 10000 * MS);
	send_until(&o, 10, o.now_us + 10000 * MS);
	assert_in_range(leaves_after_us(&o, 2), KG_KCP_TRY_US, 2 * KG_KCP_TRY_US);
	assert_in_range(leaves_after_us(&o, 3), KG_KCP_TRY_US, KG_KCP_TRY_US + MS);
	one_ack(&o, 3, (uint32_t)(o.now_us / MS), 0);
	one_drain(&o);
	assert_int_equal(one_stats(&o).resent_fast, 3);
	one_fini(&o);
}

static void what_is_always_of_use_waits(void **state)
{
	struct one o;

	fill_window(&o);
	assert_true(one_send(&o, "x", 1));
	assert_int_equal(leaves_after_us(&o, 2), KG_NEVER_US);
	one_fini(&o);
}

/* It has told of room for two. */
static void nothing_goes_that_the_peer_has_no_room_for(void **state)
{
	struct one o;

	fill_window(&o);
	o.kcp->peer.edge = 2;
	send_until(&o, 10, o.now_us + 10000 * MS);
	assert_int_equal(leaves_after_us(&o, 2), KG_NEVER_US);
	one_fini(&o);
}

/* How often it has to be looked at in that time, whatever it sends. */
static unsigned int wakes_in(struct one *o, uint64_t us)
{
	uint64_t end_us = o->now_us + us;
	unsigned int wakes = 0;

	for (; kg_kcp_deadline_us(o->kcp) < end_us && wakes < 1000; wakes++) {
		o->now_us = KG_MAX(kg_kcp_deadline_us(o->kcp), o->now_us);
		one_drain(o);
	}
	o->now_us = end_us;
	return wakes;
}

/* What is new has no place beside what is under way, and there is no memory for more: it does not
 * keep anybody awake, and leaves when a place is free. */
static void a_try_waits_for_memory(void **state)
{
	struct kg_kcp_params params = one_params();
	struct one o;

	params.snd_wnd = KG_KCP_RING_MIN;
	one_init(&o, &params);
	one_send_now(&o, KG_KCP_RING_MIN);
	o.mem.soft_limit_bytes = 0;
	send_until(&o, 10, o.now_us + 10000 * MS);
	assert_in_range(wakes_in(&o, 1000 * MS), 1, 50);
	assert_int_equal(o.kcp->flight.nxt, KG_KCP_RING_MIN);
	one_ack(&o, 0, T0_MS, 1);
	wakes_in(&o, 10 * MS);
	assert_int_equal(o.kcp->flight.nxt, KG_KCP_RING_MIN + 1);
	one_fini(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_waits_too_long_is_dropped),
		cmocka_unit_test(what_was_lost_is_replaced),
		cmocka_unit_test(what_is_shorter_is_replaced_too),
		cmocka_unit_test(what_is_not_too_old_goes_again),
		cmocka_unit_test(what_is_in_parts_goes_as_it_is),
		cmocka_unit_test(what_has_begun_is_sent_to_its_end),
		cmocka_unit_test(what_is_too_old_gets_no_sn),
		cmocka_unit_test(a_narrower_path_does_not_make_it_younger),
		cmocka_unit_test(what_is_too_old_has_no_spare),
		cmocka_unit_test(what_is_new_tries_a_silent_path),
		cmocka_unit_test(what_is_always_of_use_waits),
		cmocka_unit_test(nothing_goes_that_the_peer_has_no_room_for),
		cmocka_unit_test(a_try_waits_for_memory),
	};

	return cmocka_run_group_tests_name("kcp_stale", tests, NULL, NULL);
}
