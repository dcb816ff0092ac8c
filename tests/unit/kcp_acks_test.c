/* SPDX-License-Identifier: BSD-3-Clause */
/* ACKs of a stream by the batch: how many there are, and how long each is kept waiting. */
#include "kcp/internal.h"
#include "kcp_one.h"

#define STEP_US 100u /* between segments of a fast stream */
#define MANY    400u

struct stream {
	struct one one;
	uint32_t sn;
	unsigned int acks;
	uint64_t longest_us; /* that something was owed */
	uint64_t owed_us;    /* since when; 0: nothing is */
};

static void stream_init(struct stream *s)
{
	*s = (struct stream){ .sn = 0 };
	one_init_default(&s->one);
}

/* What is due leaves. */
static void look(struct stream *s)
{
	struct one *o = &s->one;

	if (s->owed_us == 0)
		s->owed_us = o->now_us;
	if (kg_kcp_deadline_us(o->kcp) > o->now_us)
		return;
	assert_true(one_output(o));
	assert_int_equal(o->seg[0].una, s->sn);
	s->longest_us = KG_MAX(s->longest_us, o->now_us - s->owed_us);
	s->owed_us = 0;
	s->acks++;
}

static void run(struct stream *s, uint32_t segments, uint32_t gap_us)
{
	s->acks = 0;
	for (uint32_t i = 0; i < segments; i++) {
		s->one.now_us += gap_us;
		one_push(&s->one, s->sn, 0, 1, "x");
		s->sn++;
		one_expect(&s->one, "x");
		look(s);
	}
}

static void a_fast_stream_is_acknowledged_by_eights(void **state)
{
	struct stream s;

	stream_init(&s);
	run(&s, 3 * MANY, STEP_US);
	run(&s, MANY, STEP_US);
	assert_in_range(s.acks, MANY / 8, MANY / 8 + 1);
	assert_true(s.longest_us <= KG_KCP_ACK_WAIT_US);
	one_fini(&s.one);
}

static void a_slower_one_by_what_comes_in_a_millisecond(void **state)
{
	struct stream s;

	stream_init(&s);
	run(&s, 3 * MANY, STEP_US);
	run(&s, MANY, 300);
	assert_in_range(s.acks, MANY / 4, MANY);
	assert_true(s.longest_us <= KG_KCP_ACK_WAIT_US + 300);
	run(&s, MANY, KG_KCP_ACK_WAIT_US);
	assert_int_equal(s.acks, MANY);
	one_fini(&s.one);
}

static void the_first_after_a_pause_goes_at_once(void **state)
{
	struct stream s;

	stream_init(&s);
	run(&s, 1, STEP_US);
	assert_int_equal(s.acks, 1);
	run(&s, 3 * MANY, STEP_US);
	s.one.now_us += 5 * KG_US_PER_MS;
	look(&s);
	s.one.now_us += KG_US_PER_S;
	run(&s, 1, STEP_US);
	assert_int_equal(s.acks, 1);
	one_fini(&s.one);
}

/* Four segments, and then the peer waits for their ACK. */
static void a_small_window_is_rarely_kept_waiting(void **state)
{
	unsigned int waits = 0;
	struct stream s;

	stream_init(&s);
	for (unsigned int windows = 0; windows < MANY; windows++) {
		run(&s, 4, 10);
		if (s.owed_us == 0)
			continue;
		waits++;
		s.one.now_us = kg_kcp_deadline_us(s.one.kcp);
		look(&s);
	}
	assert_in_range(waits, 1, MANY / 12);
	one_fini(&s.one);
}

static void what_is_beyond_a_gap_or_comes_twice_goes_at_once(void **state)
{
	struct stream s;

	stream_init(&s);
	run(&s, 3 * MANY, STEP_US);
	s.one.now_us += 5 * KG_US_PER_MS;
	look(&s);
	one_push(&s.one, s.sn - 1, 0, 1, "x");
	assert_true(kg_kcp_deadline_us(s.one.kcp) <= s.one.now_us);
	assert_true(one_output(&s.one));
	one_push(&s.one, s.sn + 1, 0, 1, "x");
	assert_true(kg_kcp_deadline_us(s.one.kcp) <= s.one.now_us);
	assert_true(one_output(&s.one));
	one_fini(&s.one);
}

/* So many segments behind a gap, each after STEP_US; returns how many datagrams they drew. */
static unsigned int behind_a_gap(struct stream *s, uint32_t segments)
{
	unsigned int datagrams = 0;

	for (uint32_t i = 0; i < segments; i++) {
		s->one.now_us += STEP_US;
		one_push(&s->one, ++s->sn, 0, 1, "x");
		while (one_output(&s->one))
			datagrams++;
	}
	return datagrams;
}

static void behind_a_gap_much_is_acknowledged_by_the_batch(void **state)
{
	unsigned int first, later;
	struct stream s;

	stream_init(&s);
	first = behind_a_gap(&s, KG_KCP_ACK_DEEP - 1);
	assert_true(first >= KG_KCP_ACK_DEEP - 1);
	later = behind_a_gap(&s, KG_KCP_ACK_DEEP - 4);
	assert_in_range(later, 1, KG_KCP_ACK_DEEP / 2);
	s.one.now_us += KG_KCP_ACK_WAIT_US;
	one_push(&s.one, ++s.sn, 0, 1, "x");
	s.one.now_us += KG_KCP_ACK_WAIT_US;
	assert_true(one_output(&s.one));
	one_fini(&s.one);
}

static void what_fills_the_gap_is_told_at_once(void **state)
{
	struct stream s;

	stream_init(&s);
	behind_a_gap(&s, 2 * KG_KCP_ACK_DEEP - 2);
	one_push(&s.one, 0, 0, 1, "x");
	assert_true(kg_kcp_deadline_us(s.one.kcp) <= s.one.now_us);
	assert_true(one_output(&s.one));
	assert_int_equal(s.one.seg[0].una, s.sn + 1);
	one_fini(&s.one);
}

/* ---- copies in vain ---- */

#define BATCH 32u

static void large_init(struct stream *s)
{
	struct kg_kcp_params params = one_params();

	*s = (struct stream){ .sn = 0 };
	params.rcv_wnd = KG_KCP_WINDOW_MAX;
	params.resend = 3;
	one_init(&s->one, &params);
}

static void push_large(struct one *o, uint32_t sn)
{
	char large[301] = { 0 };

	memset(large, 'b', sizeof(large) - 1);
	one_push(o, sn, 0, 1, large);
}

static unsigned int acks_of(struct one *o)
{
	unsigned int acks = 0;

	while (one_output(o))
		acks += o->segs;
	return acks;
}

/* So many batches beyond a gap, in which each of `copies` comes again `later` places behind its
 * segment; returns how often one that came is acknowledged. */
static double times_each(struct stream *s, uint32_t batches, uint32_t copies, uint32_t later)
{
	uint32_t came = batches * (BATCH + copies), acks = 0;

	for (; batches > 0; batches--) {
		for (uint32_t i = 0; i < BATCH; i++) {
			push_large(&s->one, ++s->sn);
			if (i >= BATCH - copies)
				push_large(&s->one, s->sn - later);
		}
		s->one.now_us += KG_US_PER_MS;
		acks += acks_of(&s->one);
	}
	return (double)acks / came;
}

/* One in 17 is what makes it so; when nothing comes twice any more, they go twice again. */
static void copies_in_vain_make_acks_go_a_third_time(void **state)
{
	struct stream s;

	large_init(&s);
	assert_true(times_each(&s, 256, 0, 0) < 2.01);
	times_each(&s, 64, 2, 8);
	assert_true(times_each(&s, 256, 2, 8) > 2.99);
	times_each(&s, 400, 0, 0);
	assert_true(times_each(&s, 256, 0, 0) < 2.01);
	one_fini(&s.one);
}

static void few_copies_in_vain_are_no_reason(void **state)
{
	struct stream s;

	large_init(&s);
	for (uint32_t i = 0; i < 64; i++) {
		assert_true(times_each(&s, 3, 0, 0) < 2.4);
		assert_true(times_each(&s, 1, 1, 8) < 2.4);
	}
	one_fini(&s.one);
}

/* The second one comes right behind the first. */
static void twins_are_not_in_vain(void **state)
{
	struct stream s;

	large_init(&s);
	times_each(&s, 64, 4, 0);
	assert_true(times_each(&s, 256, 4, 0) < 2.01);
	one_fini(&s.one);
}

/* Flushes of `few` and of `many` new ones in turn; how often each is acknowledged. */
static double times_in_turn(struct stream *s, uint32_t few, uint32_t many)
{
	uint32_t came = 0, acks = 0, now;

	for (uint32_t i = 0; i < 40; i++) {
		now = i % 2 == 0 ? few : many;
		for (uint32_t n = 0; n < now; n++)
			push_large(&s->one, ++s->sn);
		for (uint32_t ms = 0; ms < 10; ms++) { /* a flush is over by then */
			s->one.now_us += KG_US_PER_MS;
			acks += acks_of(&s->one);
		}
		came += now;
	}
	return (double)acks / came;
}

/* A third ACK goes with the second ones of the next flush, where these make as many datagrams
 * anyhow, three here. Where few and many come in turn those of few have that. */
static void third_acks_cost_no_datagrams(void **state)
{
	struct stream s;

	large_init(&s);
	times_each(&s, 64, 2, 8);
	times_in_turn(&s, 2, 2);
	assert_true(times_in_turn(&s, 2, 2) < 2.01);
	times_in_turn(&s, 3, 3);
	assert_true(times_in_turn(&s, 3, 3) > 2.99);
	times_in_turn(&s, 1, 4);
	assert_in_range(100 * times_in_turn(&s, 1, 4), 219, 221);
	one_fini(&s.one);
}

/* ---- rows ---- */

static enum kg_drop hear(struct stream *s, uint32_t sn, bool more)
{
	struct one *o = &s->one;

	o->now_us += STEP_US;
	one_add(o,
		(struct kg_kcp_segment){ .conv = CONV,
					 .cmd = KG_KCP_PUSH,
					 .frg = more ? KG_KCP_MORE : 0,
					 .wnd = 128,
					 .ts = 1,
					 .sn = sn },
		"x");
	kg_kcp_take_row(o->kcp, o->in, o->in_len, o->now_us);
	return one_input(o);
}

/* So many datagrams from sn `first` on, of which the last one is lost where it is not `ended`. */
static void hear_row(struct stream *s, uint32_t first, uint32_t datagrams, bool ended)
{
	for (uint32_t i = 0; i < datagrams; i++) {
		assert_int_equal(hear(s, first + i, !ended || i + 1 < datagrams), KG_DROP_NONE);
		if (!ended || i + 1 < datagrams)
			assert_false(one_output(&s->one));
	}
}

static void begin_rows(struct stream *s)
{
	stream_init(s);
	kg_kcp_use_rows(s->one.kcp);
	s->one.now_us += KG_US_PER_S;
}

/* It is told at once: the first one of a row does not draw one of its own, though nothing was said
 * for long. */
static void a_row_is_acknowledged_when_it_ends(void **state)
{
	struct stream s;

	begin_rows(&s);
	for (uint32_t i = 0; i < 4; i++) {
		hear_row(&s, 5 * i, 5, true);
		assert_true(one_output(&s.one));
		assert_int_equal(s.one.seg[0].una, 5 * (i + 1));
		assert_false(one_output(&s.one));
		s.one.now_us += 10 * KG_US_PER_MS;
	}
	one_fini(&s.one);
}

/* Of a stream whose batches are longer. */
static void a_row_that_ends_is_no_batch(void **state)
{
	struct stream s;

	begin_rows(&s);
	run(&s, 3 * MANY, STEP_US);
	hear_row(&s, s.sn, 5, true);
	assert_true(one_output(&s.one));
	assert_int_equal(s.one.seg[0].una, s.sn + 5);
	one_fini(&s.one);
}

static void a_row_whose_end_is_lost_waits_a_millisecond(void **state)
{
	struct stream s;
	uint64_t began_us;

	begin_rows(&s);
	began_us = s.one.now_us + STEP_US;
	hear_row(&s, 0, 5, false);
	assert_int_equal(kg_kcp_deadline_us(s.one.kcp), began_us + KG_KCP_ACK_WAIT_US);
	s.one.now_us = began_us + KG_KCP_ACK_WAIT_US;
	assert_true(one_output(&s.one));
	assert_int_equal(s.one.seg[0].una, 5);
	one_fini(&s.one);
}

/* As many datagrams as make a loss, and no more. */
static void a_row_beyond_a_gap_tells_of_it_when_it_ends(void **state)
{
	struct stream s;

	begin_rows(&s);
	hear_row(&s, 1, 6, true);
	for (uint32_t i = 0; i < 2; i++) {
		assert_true(one_output(&s.one));
		assert_int_equal(s.one.segs, 3);
	}
	assert_false(one_output(&s.one));
	one_fini(&s.one);
}

static void what_comes_twice_waits_for_no_row(void **state)
{
	struct stream s;

	begin_rows(&s);
	hear_row(&s, 0, 1, true);
	assert_true(one_output(&s.one));
	assert_int_equal(hear(&s, 0, true), KG_DROP_NONE);
	assert_true(one_output(&s.one));
	one_fini(&s.one);
}

static void the_word_is_for_those_who_have_agreed(void **state)
{
	struct stream s;

	stream_init(&s);
	assert_int_equal(hear(&s, 0, true), KG_DROP_KCP_MALFORMED);
	assert_int_equal(hear(&s, 0, false), KG_DROP_NONE);
	one_fini(&s.one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fast_stream_is_acknowledged_by_eights),
		cmocka_unit_test(a_slower_one_by_what_comes_in_a_millisecond),
		cmocka_unit_test(the_first_after_a_pause_goes_at_once),
		cmocka_unit_test(a_small_window_is_rarely_kept_waiting),
		cmocka_unit_test(what_is_beyond_a_gap_or_comes_twice_goes_at_once),
		cmocka_unit_test(behind_a_gap_much_is_acknowledged_by_the_batch),
		cmocka_unit_test(what_fills_the_gap_is_told_at_once),
		cmocka_unit_test(copies_in_vain_make_acks_go_a_third_time),
		cmocka_unit_test(few_copies_in_vain_are_no_reason),
		cmocka_unit_test(twins_are_not_in_vain),
		cmocka_unit_test(third_acks_cost_no_datagrams),
		cmocka_unit_test(a_row_is_acknowledged_when_it_ends),
		cmocka_unit_test(a_row_that_ends_is_no_batch),
		cmocka_unit_test(a_row_whose_end_is_lost_waits_a_millisecond),
		cmocka_unit_test(a_row_beyond_a_gap_tells_of_it_when_it_ends),
		cmocka_unit_test(what_comes_twice_waits_for_no_row),
		cmocka_unit_test(the_word_is_for_those_who_have_agreed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
