/* SPDX-License-Identifier: BSD-3-Clause */
/* Conversations that share a path (kcp/kcp_share.h): who needs a permit, and who gets it. */
#include "kcp/internal.h"
#include "kcp_one.h"

#define MANY 100u

struct two {
	struct kg_mem mem;
	struct kg_kcp_share *share;
	struct one ones[2];
};

static void begin(struct two *t)
{
	struct kg_kcp_params params = one_params();

	params.rate_auto = true;
	params.snd_wnd = 2048;
	kg_mem_malloc_init(&t->mem);
	t->share = kg_kcp_share_create(&t->mem, t);
	assert_non_null(t->share);
	for (int i = 0; i < 2; i++) {
		struct one *o = &t->ones[i];

		one_init(o, &params);
		kg_kcp_join(o->kcp, t->share, o);
		one_add(o,
			(struct kg_kcp_segment){ .conv = CONV, .cmd = KG_KCP_WINS, .wnd = 60000 },
			"");
		assert_int_equal(one_input(o), KG_DROP_NONE);
	}
}

static void end(struct two *t)
{
	one_fini(&t->ones[0]);
	one_fini(&t->ones[1]);
	kg_kcp_share_destroy(t->share);
	assert_int_equal(t->mem.in_use_bytes, 0);
}

/* The peer has had all, at once. */
static void ack_all(struct one *o)
{
	uint32_t una = o->kcp->flight.nxt;

	one_ack(o, una - 1, (uint32_t)(o->now_us / MS), una);
}

static void who_is_alone_needs_no_permit(void **state)
{
	struct two t;

	begin(&t);
	one_send_many(&t.ones[0], MANY);
	assert_false(kg_kcp_ask_permit(t.ones[0].kcp, t.ones[0].now_us));
	assert_int_equal(kg_kcp_deadline_us(t.ones[0].kcp), 0);
	assert_int_equal(one_drain(&t.ones[0]), KG_KCP_RATE_FIRST);
	assert_int_equal(kg_kcp_share_due_us(t.share, t.ones[0].now_us), KG_NEVER_US);
	end(&t);
}

/* Its pace and its window are the share's. */
static void what_the_first_has_learned_bounds_it_alone(void **state)
{
	struct two t;

	begin(&t);
	t.share->pace.window = 10;
	one_send_many(&t.ones[1], MANY);
	assert_int_equal(one_drain(&t.ones[1]), 10);
	ack_all(&t.ones[1]);
	kg_kcp_pace_set_gap(&t.share->pace, 10 * MS << KG_KCP_PACE_SHIFT, t.ones[1].now_us);
	t.share->pace.free = (t.ones[1].now_us + 500 * MS) << KG_KCP_PACE_SHIFT;
	assert_int_equal(one_drain(&t.ones[1]), 0);
	assert_true(kg_kcp_deadline_us(t.ones[1].kcp) > t.ones[1].now_us + 100 * MS);
	end(&t);
}

static void beside_another_both_ask(void **state)
{
	struct one *first, *second;
	struct two t;

	begin(&t);
	t.share->pace.window = 10 * MANY;
	first = &t.ones[0];
	second = &t.ones[1];
	one_send_many(first, MANY);
	assert_true(one_output(first));
	one_send_many(second, MANY);
	assert_int_equal(one_drain(second), 0);
	assert_true(kg_kcp_ask_permit(second->kcp, second->now_us));
	assert_int_equal(one_drain(first), 0);
	assert_true(kg_kcp_ask_permit(first->kcp, first->now_us));
	assert_ptr_equal(kg_kcp_share_permit(t.share), second);
	assert_true(one_output(second));
	kg_kcp_end_permit(second->kcp, true);
	assert_true(kg_kcp_ask_permit(second->kcp, second->now_us));
	assert_ptr_equal(kg_kcp_share_permit(t.share), first);
	assert_true(one_output(first));
	kg_kcp_end_permit(first->kcp, true);
	end(&t);
}

static void who_is_left_alone_needs_none_again(void **state)
{
	struct one *first, *second;
	struct two t;

	begin(&t);
	first = &t.ones[0];
	second = &t.ones[1];
	one_send_many(second, 1);
	assert_true(one_output(second));
	one_send_many(first, 2 * MANY);
	assert_int_equal(one_drain(first), 0);
	ack_all(second);
	assert_true(one_drain(first) > 0);
	assert_false(kg_kcp_ask_permit(first->kcp, first->now_us));
	end(&t);
}

/* Of which none finds room beside another in a datagram. */
static void send_long(struct one *o)
{
	static const char bytes[1000];

	for (unsigned int i = 0; i < MANY; i++)
		assert_true(one_send(o, bytes, sizeof(bytes)));
}

/* How many datagrams the first in line sends before it is somebody else's turn. All but the last
 * say that more follow, where the peer knows the word. */
static unsigned int row(struct two *t, struct one *first, bool word)
{
	unsigned int sent = 0;

	while (kg_kcp_share_permit(t->share) == first) {
		first->out_len = kg_kcp_output(first->kcp, first->now_us, first->out);
		assert_true(first->out_len > 0);
		kg_kcp_end_permit(first->kcp, true);
		assert_int_equal((first->out[5] & KG_KCP_MORE) != 0,
				 word && kg_kcp_share_permit(t->share) == first);
		kg_kcp_ask_permit(first->kcp, first->now_us);
		sent++;
	}
	return sent;
}

/* 40 that have a datagram every 20 us between them: each has one every 800 us, and eight in 6.4 ms.
 * Where that is one every 8 ms it has two, and where few are busy one. */
static void who_is_fast_among_many_sends_several_in_a_row(void **state)
{
	static const struct {
		uint32_t others, gap_us;
		unsigned int row;
	} cases[] = { { 38, 20, 8 }, { 38, 200, 2 }, { 38, 2000, 1 }, { 4, 20, 1 } };
	struct two t;

	for (size_t i = 0; i < KG_ARRAY_SIZE(cases); i++) {
		begin(&t);
		t.share->pace.window = 10 * MANY;
		send_long(&t.ones[0]);
		assert_true(one_output(&t.ones[0]));
		send_long(&t.ones[1]);
		t.share->busy += cases[i].others;
		kg_kcp_pace_set_gap(&t.share->pace, cases[i].gap_us << KG_KCP_PACE_SHIFT,
				    t.ones[0].now_us);
		for (int j = 1; j >= 0; j--)
			assert_true(kg_kcp_ask_permit(t.ones[j].kcp, t.ones[j].now_us));
		kg_kcp_use_rows(t.ones[1].kcp);
		assert_int_equal(row(&t, &t.ones[1], true), cases[i].row);
		assert_int_equal(row(&t, &t.ones[0], false), cases[i].row);
		t.share->busy -= cases[i].others;
		end(&t);
	}
}

/* Whose peer acknowledges each datagram at once, and who has groups of FEC: nobody would listen. */
static void who_is_not_waited_for_says_nothing(void **state)
{
	struct two t;

	for (unsigned int prompt = 0; prompt <= 1; prompt++) {
		begin(&t);
		t.share->pace.window = 10 * MANY;
		send_long(&t.ones[0]);
		assert_true(one_output(&t.ones[0]));
		send_long(&t.ones[1]);
		t.share->busy += 38;
		kg_kcp_pace_set_gap(&t.share->pace, 20 << KG_KCP_PACE_SHIFT, t.ones[0].now_us);
		kg_kcp_use_rows(t.ones[1].kcp);
		if (prompt == 1)
			t.ones[1].kcp->params.prompt = true;
		else
			kg_kcp_set_groups(t.ones[1].kcp, 100, 1);
		for (int j = 1; j >= 0; j--)
			assert_true(kg_kcp_ask_permit(t.ones[j].kcp, t.ones[j].now_us));
		assert_int_equal(row(&t, &t.ones[1], false), 8);
		t.share->busy -= 38;
		end(&t);
	}
}

/* The queue ends before the row does. */
static void the_last_of_a_queue_says_nothing(void **state)
{
	struct one *o;
	struct two t;

	begin(&t);
	t.share->pace.window = 10 * MANY;
	send_long(&t.ones[0]);
	assert_true(one_output(&t.ones[0]));
	o = &t.ones[1];
	kg_kcp_use_rows(o->kcp);
	one_send_many(o, KG_KCP_SPARSE + 1);
	t.share->busy += 38;
	kg_kcp_pace_set_gap(&t.share->pace, 20 << KG_KCP_PACE_SHIFT, o->now_us);
	assert_true(kg_kcp_ask_permit(o->kcp, o->now_us));
	assert_ptr_equal(kg_kcp_share_permit(t.share), o);
	assert_true(one_output(o));
	assert_int_equal(o->segs, KG_KCP_SPARSE + 1);
	assert_int_equal(o->out[5], 0);
	t.share->busy -= 38;
	end(&t);
}

static void many_queues_share_what_may_wait(void **state)
{
	struct two t;

	begin(&t);
	t.share->busy += 1;
	assert_int_equal(kg_kcp_queue_share(t.ones[0].kcp), 8192);
	t.share->busy += 31;
	assert_int_equal(kg_kcp_queue_share(t.ones[0].kcp), 256);
	t.share->busy += 1000;
	assert_int_equal(kg_kcp_queue_share(t.ones[0].kcp), 64);
	t.share->busy -= 1032;
	end(&t);
}

/* Nobody looked for long; what it gives back then is its own. */
static void a_long_pause_leaves_the_share_as_it_is(void **state)
{
	struct one *o;
	struct two t;

	begin(&t);
	o = &t.ones[0];
	one_send_many(o, 1);
	assert_int_equal(one_drain(o), 1);
	ack_all(o);
	o->now_us += 20 * KG_US_PER_S;
	one_drain(o);
	assert_int_equal(o->kcp->flight.ring.capacity, 0);
	assert_ptr_equal(kg_kcp_share_user(o->kcp), &t);
	end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_alone_needs_no_permit),
		cmocka_unit_test(what_the_first_has_learned_bounds_it_alone),
		cmocka_unit_test(beside_another_both_ask),
		cmocka_unit_test(who_is_left_alone_needs_none_again),
		cmocka_unit_test(a_long_pause_leaves_the_share_as_it_is),
		cmocka_unit_test(who_is_fast_among_many_sends_several_in_a_row),
		cmocka_unit_test(who_is_not_waited_for_says_nothing),
		cmocka_unit_test(the_last_of_a_queue_says_nothing),
		cmocka_unit_test(many_queues_share_what_may_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
