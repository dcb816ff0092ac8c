/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages of the early kind, here those that begin with 'e', overtake what is missing. */
#include "kcp/internal.h"
#include "kcp_one.h"

static void early_init(struct one *o)
{
	struct kg_kcp_params params = one_params();

	params.early_kind = 'e';
	one_init(o, &params);
}

static void expect_nothing(struct one *o)
{
	assert_null(kg_kcp_recv(o->kcp));
}

static void one_segment_overtakes_what_is_missing(void **state)
{
	struct one o;

	early_init(&o);
	one_push(&o, 1, 0, 5, "e1");
	assert_int_equal(o.events & KG_KCP_READABLE, KG_KCP_READABLE);
	one_expect(&o, "e1");
	one_push(&o, 3, 0, 5, "e3");
	one_expect(&o, "e3");
	one_push(&o, 2, 0, 6, "e2");
	one_expect(&o, "e2");
	one_push(&o, 0, 0, 6, "e0");
	one_expect(&o, "e0");
	expect_nothing(&o);
	assert_int_equal(o.kcp->recv.nxt, 4);
	assert_int_equal(one_stats(&o).readable + one_stats(&o).held, 0);
	one_fini(&o);
}

/* Words of the protocol have their place in the sequence. */
static void other_kinds_wait(void **state)
{
	struct one o;

	early_init(&o);
	one_push(&o, 2, 0, 5, "end");
	one_push(&o, 1, 0, 5, "last");
	one_expect(&o, "end");
	expect_nothing(&o);
	one_push(&o, 0, 0, 5, "e0");
	one_expect(&o, "e0");
	one_expect(&o, "last");
	expect_nothing(&o);
	one_fini(&o);
}

static void copies_of_what_was_given_are_duplicates(void **state)
{
	struct one o;

	early_init(&o);
	one_push(&o, 1, 0, 5, "e1");
	one_expect(&o, "e1");
	one_push(&o, 1, 0, 6, "e1");
	expect_nothing(&o);
	assert_int_equal(one_stats(&o).duplicates, 1);
	one_drain(&o);
	one_push(&o, 0, 0, 7, "e0");
	one_expect(&o, "e0");
	expect_nothing(&o);
	one_fini(&o);
}

/* What is given early does not come between the parts of what is not complete in the list. */
static void a_message_of_several_segments_is_given_whole(void **state)
{
	struct one o;

	early_init(&o);
	one_push(&o, 0, 1, 5, "first, ");
	one_push(&o, 2, 0, 5, "e2");
	expect_nothing(&o); /* it may be the end of something longer */
	one_push(&o, 4, 0, 5, ", end");
	one_push(&o, 3, 1, 5, "early");
	one_expect(&o, "early, end");
	expect_nothing(&o);
	one_push(&o, 1, 0, 5, "second");
	one_expect(&o, "first, second");
	one_expect(&o, "e2");
	expect_nothing(&o);
	assert_int_equal(o.kcp->recv.nxt, 5);
	one_fini(&o);
}

/* The end of a first long message looks like an early one: the rest of it is no message. */
static void a_wrong_guess_does_not_stall(void **state)
{
	struct one o;

	early_init(&o);
	one_push(&o, 1, 0, 5, "e, the tail");
	one_expect(&o, "e, the tail");
	one_push(&o, 2, 0, 5, "e2");
	one_expect(&o, "e2");
	one_push(&o, 0, 1, 5, "e, the head");
	expect_nothing(&o);
	one_push(&o, 3, 0, 5, "e3");
	one_expect(&o, "e3");
	assert_int_equal(one_stats(&o).readable + one_stats(&o).held, 0);
	one_fini(&o);
}

static void what_is_given_counts_until_it_is_taken(void **state)
{
	struct kg_kcp_params params = one_params();
	struct one o;

	params.early_kind = 'e';
	params.rcv_wnd = 4;
	one_init(&o, &params);
	for (uint32_t sn = 1; sn < 4; sn++)
		one_push(&o, sn, 0, 5, "e");
	assert_int_equal(one_stats(&o).readable, 3);
	one_push(&o, 0, 0, 5, "e");
	for (int i = 0; i < 4; i++)
		one_expect(&o, "e");
	expect_nothing(&o);
	assert_int_equal(kg_kcp_recv_window(&o.kcp->recv, &o.pool.pool), 4);
	one_fini(&o);
}

/* A segment of a peer that says which are not the first of their message. */
static void push(struct one *o, uint32_t sn, uint8_t frg, bool tail, const char *payload)
{
	const struct kg_kcp_segment seg = {
		.conv = CONV, .cmd = KG_KCP_PUSH, .frg = frg, .tail = tail, .wnd = 128, .sn = sn
	};

	one_add(o, seg, payload);
	assert_int_equal(one_input(o), KG_DROP_NONE);
}

/* Though long ones came before, and the end of one is missing right before it. */
static void where_a_message_begins_may_be_said(void **state)
{
	struct one o;

	early_init(&o);
	kg_kcp_use_tails(o.kcp);
	push(&o, 1, 1, false, "early");
	push(&o, 4, 0, false, "e4");
	one_expect(&o, "e4");
	expect_nothing(&o);
	push(&o, 2, 0, true, ", end");
	one_expect(&o, "early, end");
	push(&o, 6, 0, true, "e, the tail");
	expect_nothing(&o);
	push(&o, 5, 1, false, "e, the head");
	one_expect(&o, "e, the heade, the tail");
	push(&o, 3, 0, false, "e3");
	one_expect(&o, "e3");
	push(&o, 0, 0, false, "e0");
	one_expect(&o, "e0");
	expect_nothing(&o);
	assert_int_equal(o.kcp->recv.nxt, 7);
	one_fini(&o);
}

/* As many held back as have left the caches. */
static void cold_ones_are_given_as_they_came(void **state)
{
	struct kg_kcp_params params = one_params();
	char text[600];
	struct one o;

	memset(text, 'w', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	params.early_kind = 'e';
	params.rcv_wnd = 4096;
	one_init(&o, &params);
	for (uint32_t sn = 1; sn < 1200; sn++)
		one_push(&o, sn, 0, 5, text);
	text[0] = 'e';
	one_push(&o, 1200, 0, 5, text);
	one_expect(&o, text);
	expect_nothing(&o);
	one_fini(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_segment_overtakes_what_is_missing),
		cmocka_unit_test(other_kinds_wait),
		cmocka_unit_test(copies_of_what_was_given_are_duplicates),
		cmocka_unit_test(a_message_of_several_segments_is_given_whole),
		cmocka_unit_test(a_wrong_guess_does_not_stall),
		cmocka_unit_test(what_is_given_counts_until_it_is_taken),
		cmocka_unit_test(where_a_message_begins_may_be_said),
		cmocka_unit_test(cold_ones_are_given_as_they_came),
	};

	return cmocka_run_group_tests_name("kcp_early", tests, NULL, NULL);
}
