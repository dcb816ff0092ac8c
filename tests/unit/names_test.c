/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is known of names, in virtual time: a resolver that answers what a test says takes the place
 * of the real one.
 */
#include "resolver/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SEC(n) ((uint64_t)(n)*KG_US_PER_S)

/* ---- the resolver ---- */

struct kg_question {
	char name[64];
	kg_resolved *told;
	void *ctx;
	bool asked, answered;
	struct kg_answer answer;
};

static struct kg_question questions[2 * KG_NAMES_MAX];
static unsigned int asked, answered;
static bool refuses;

struct kg_resolver *kg_resolver_create(void)
{
	memset(questions, 0, sizeof(questions));
	asked = answered = 0;
	refuses = false;
	return (struct kg_resolver *)questions;
}

void kg_resolver_destroy(struct kg_resolver *r)
{
}

int kg_resolver_fd(const struct kg_resolver *r)
{
	return -1;
}

int kg_resolver_timeout_ms(const struct kg_resolver *r)
{
	return -1;
}

void kg_resolver_input(struct kg_resolver *r)
{
	for (; answered < asked && questions[answered].answered; answered++) {
		struct kg_question *q = &questions[answered];

		if (q->told != NULL)
			q->told(q->ctx, &q->answer);
	}
}

struct kg_question *kg_resolver_ask(struct kg_resolver *r, const char *name, unsigned int what,
				    kg_resolved *told, void *ctx)
{
	struct kg_question *q = &questions[asked];

	if (refuses)
		return NULL;
	asked++;
	snprintf(q->name, sizeof(q->name), "%s", name);
	q->told = told;
	q->ctx = ctx;
	return q;
}

void kg_resolver_forget(struct kg_question *question)
{
	question->told = NULL;
}

/* The next question is answered with 198.18.0.`last`, or with an error. */
static void answer(enum kg_resolver_error error, uint8_t last, uint32_t ttl_s)
{
	struct kg_question *q = &questions[answered];

	assert_true(answered < asked);
	q->answer = (struct kg_answer){ .error = error, .ttl_s = ttl_s };
	if (error == KG_RESOLVER_OK) {
		q->answer.count = q->answer.reachable = 1;
		q->answer.ips[0] = (struct kg_ip){ 4, { 198, 18, 0, last } };
	}
	q->answered = true;
}

/* ---- who asks ---- */

struct asker {
	unsigned int told;
	struct kg_answer answer;
};

static void told(void *ctx, const struct kg_answer *given)
{
	struct asker *asker = ctx;

	asker->told++;
	asker->answer = *given;
}

static struct kg_name_wait *ask(struct kg_names *names, struct asker *asker, const char *name,
				uint64_t now_us)
{
	return kg_names_ask(names, name, KG_ASK_IPV4, told, asker, now_us);
}

static void assert_told(const struct asker *asker, unsigned int times, uint8_t last)
{
	assert_int_equal(asker->told, times);
	assert_int_equal(asker->answer.error, KG_RESOLVER_OK);
	assert_int_equal(asker->answer.ips[0].bytes[3], last);
}

static void an_answer_holds_as_long_as_it_says(void **state)
{
	struct kg_names *names = kg_names_create();
	struct asker a = { 0 }, b = { 0 }, c = { 0 };

	assert_non_null(ask(names, &a, "box.test", SEC(1)));
	kg_names_input(names, SEC(1));
	assert_int_equal(a.told, 0);
	answer(KG_RESOLVER_OK, 2, 60);
	kg_names_input(names, SEC(2));
	assert_told(&a, 1, 2);

	assert_non_null(ask(names, &b, "BOX.test", SEC(61)));
	assert_int_equal(b.told, 0); /* not before it knows that it has asked */
	assert_int_equal(kg_names_due_us(names, SEC(61)), SEC(61));
	kg_names_input(names, SEC(61));
	assert_told(&b, 1, 2);
	assert_int_equal(asked, 1);

	assert_non_null(ask(names, &c, "box.test", SEC(62)));
	assert_int_equal(asked, 2);
	answer(KG_RESOLVER_OK, 3, 60);
	kg_names_input(names, SEC(62));
	assert_told(&c, 1, 3);
	assert_int_equal(a.told + b.told, 2);
	kg_names_destroy(names);
}

static void all_wait_for_one_question(void **state)
{
	struct kg_names *names = kg_names_create();
	struct asker a = { 0 }, b = { 0 }, c = { 0 };
	struct kg_name_wait *gone;

	ask(names, &a, "box.test", 0);
	gone = ask(names, &b, "box.test", 0);
	kg_names_ask(names, "box.test", KG_ASK_TXT, told, &c, 0); /* another question */
	assert_int_equal(asked, 2);
	kg_names_forget(names, gone);
	answer(KG_RESOLVER_OK, 2, 0);
	kg_names_input(names, 0);
	assert_told(&a, 1, 2);
	assert_int_equal(b.told + c.told, 0);
	kg_names_destroy(names);
	assert_int_equal(c.told, 1); /* what waits is told in the end */
	assert_int_equal(c.answer.error, KG_RESOLVER_NO_ANSWER);
}

static void errors_are_soon_asked_for_again(void **state)
{
	struct kg_names *names = kg_names_create();
	struct asker a = { 0 };

	ask(names, &a, "nobody.test", 0);
	answer(KG_RESOLVER_NO_NAME, 0, 0);
	kg_names_input(names, 0);
	assert_int_equal(a.answer.error, KG_RESOLVER_NO_NAME);
	ask(names, &a, "nobody.test", SEC(1));
	kg_names_input(names, SEC(1));
	assert_int_equal(a.told, 2);
	assert_int_equal(asked, 1);
	ask(names, &a, "nobody.test", SEC(2));
	assert_int_equal(asked, 2);
	refuses = true;
	ask(names, &a, "other.test", SEC(2)); /* the resolver has too many questions */
	kg_names_input(names, SEC(2));
	assert_int_equal(a.answer.error, KG_RESOLVER_NO_ANSWER);
	kg_names_destroy(names);
}

static void servers_that_are_away_take_nothing_away(void **state)
{
	struct kg_names *names = kg_names_create();
	struct asker a = { 0 };

	ask(names, &a, "box.test", SEC(1));
	answer(KG_RESOLVER_OK, 2, 1);
	kg_names_input(names, SEC(1));
	ask(names, &a, "box.test", SEC(10));
	answer(KG_RESOLVER_NO_ANSWER, 0, 0);
	kg_names_input(names, SEC(10));
	assert_told(&a, 2, 2);
	ask(names, &a, "box.test", SEC(20)); /* but what does not exist is gone */
	answer(KG_RESOLVER_NO_NAME, 0, 0);
	kg_names_input(names, SEC(20));
	assert_int_equal(a.answer.error, KG_RESOLVER_NO_NAME);
	kg_names_destroy(names);
}

/* ---- who watches ---- */

static void a_watched_name_is_asked_for_when_its_time_is_over(void **state)
{
	struct kg_names *names = kg_names_create();
	struct asker a = { 0 };
	struct kg_name_wait *watch =
		kg_names_watch(names, "box.test", KG_ASK_IPV4, told, &a, SEC(1));

	answer(KG_RESOLVER_OK, 2, 2);
	kg_names_input(names, SEC(1));
	assert_told(&a, 1, 2);
	assert_int_equal(kg_names_due_us(names, SEC(1)), SEC(3));
	kg_names_input(names, SEC(2));
	assert_int_equal(asked, 1);
	kg_names_input(names, SEC(3));
	assert_int_equal(asked, 2);
	assert_int_equal(kg_names_due_us(names, SEC(3)), KG_NEVER_US); /* the answer is awaited */
	answer(KG_RESOLVER_OK, 3, 2);
	kg_names_input(names, SEC(4));
	assert_told(&a, 2, 3);
	kg_names_forget(names, watch);
	assert_int_equal(kg_names_due_us(names, SEC(4)), KG_NEVER_US);
	kg_names_input(names, SEC(100));
	assert_int_equal(asked, 2);
	kg_names_destroy(names);
}

/* The pauses grow, and have an end. */
static void a_watched_name_without_answer_is_asked_for_again(void **state)
{
	struct kg_names *names = kg_names_create();
	struct asker a = { 0 };
	uint64_t now_us = SEC(1), before_us;

	kg_names_watch(names, "box.test", KG_ASK_IPV4, told, &a, now_us);
	for (unsigned int i = 1; i <= 12; i++) {
		assert_int_equal(asked, i);
		answer(KG_RESOLVER_NO_NAME, 0, 0);
		kg_names_input(names, now_us);
		assert_int_equal(a.told, i);
		before_us = now_us;
		now_us = kg_names_due_us(names, now_us);
		assert_true(now_us - before_us >= SEC(1));
		assert_true(now_us - before_us <= SEC(30));
		kg_names_input(names, now_us);
	}
	answer(KG_RESOLVER_OK, 2, 60);
	kg_names_input(names, now_us);
	assert_told(&a, 13, 2);
	kg_names_destroy(names);
}

static void doubts_bring_a_new_question(void **state)
{
	struct kg_names *names = kg_names_create();
	struct asker a = { 0 }, w = { 0 };

	kg_names_doubt(names, "box.test", KG_ASK_IPV4, SEC(1)); /* nothing is known */
	assert_int_equal(asked, 0);
	ask(names, &a, "box.test", SEC(1));
	answer(KG_RESOLVER_OK, 2, 3600);
	kg_names_input(names, SEC(1));
	kg_names_doubt(names, "Box.test", KG_ASK_IPV4, SEC(1)); /* it cannot be newer */
	ask(names, &a, "box.test", SEC(1));
	assert_int_equal(asked, 1);
	kg_names_doubt(names, "Box.test", KG_ASK_IPV4, SEC(5));
	assert_int_equal(asked, 1); /* nobody wants to know */
	ask(names, &a, "box.test", SEC(5));
	assert_int_equal(asked, 2);
	answer(KG_RESOLVER_OK, 3, 3600);
	kg_names_watch(names, "box.test", KG_ASK_IPV4, told, &w, SEC(5));
	kg_names_input(names, SEC(5));
	assert_told(&w, 1, 3);
	kg_names_doubt(names, "box.test", KG_ASK_IPV4, SEC(9));
	assert_int_equal(asked, 3);
	answer(KG_RESOLVER_OK, 4, 3600);
	kg_names_input(names, SEC(9));
	assert_told(&w, 2, 4);
	kg_names_destroy(names);
}

/* ---- many ---- */

static void no_more_are_remembered_than_there_is_room_for(void **state)
{
	struct kg_names *names = kg_names_create();
	struct asker a = { 0 }, w = { 0 };
	char name[32];

	kg_names_watch(names, "watched.test", KG_ASK_IPV4, told, &w, 0);
	for (unsigned int i = 1; i < KG_NAMES_MAX; i++) {
		snprintf(name, sizeof(name), "n%u.test", i);
		assert_non_null(ask(names, &a, name, 0));
	}
	assert_null(ask(names, &a, "more.test", 0)); /* somebody waits for each */
	for (unsigned int i = 0; i < KG_NAMES_MAX; i++) {
		answer(KG_RESOLVER_OK, 2, 3600);
		kg_names_input(names, 0);
	}
	assert_int_equal(a.told, KG_NAMES_MAX - 1);
	ask(names, &a, "more.test", 0); /* n1 gives way, the oldest that nobody watches */
	answer(KG_RESOLVER_OK, 2, 3600);
	kg_names_input(names, 0);
	ask(names, &a, "n2.test", 0);
	assert_int_equal(asked, KG_NAMES_MAX + 1);
	ask(names, &a, "n1.test", 0);
	assert_int_equal(asked, KG_NAMES_MAX + 2);
	kg_names_destroy(names);
}

static void what_is_watched_is_shown(void **state)
{
	struct kg_names *names = kg_names_create();
	struct asker a = { 0 }, b = { 0 };
	struct kg_name_state states[2];

	ask(names, &b, "once.test", SEC(1));
	answer(KG_RESOLVER_OK, 9, 60);
	kg_names_watch(names, "Box.test", KG_ASK_IPV4, told, &a, SEC(1));
	kg_names_input(names, SEC(1));
	assert_int_equal(kg_names_get_watched(names, states, 2), 1);
	assert_string_equal(states[0].name, "box.test");
	assert_int_equal(states[0].count + states[0].good_us, 0);
	answer(KG_RESOLVER_OK, 2, 5);
	kg_names_input(names, SEC(2));
	kg_names_input(names, SEC(7));
	answer(KG_RESOLVER_NO_ANSWER, 0, 0);
	kg_names_input(names, SEC(8));
	assert_int_equal(kg_names_get_watched(names, states, 2), 1);
	assert_int_equal(states[0].count, 1);
	assert_int_equal(states[0].ips[0].bytes[3], 2);
	assert_int_equal(states[0].good_us, SEC(2));
	assert_int_equal(states[0].failure, KG_RESOLVER_NO_ANSWER);
	assert_int_equal(states[0].failed_us, SEC(8));
	assert_int_equal(kg_names_get_watched(names, states, 0), 0);
	kg_names_destroy(names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_holds_as_long_as_it_says),
		cmocka_unit_test(all_wait_for_one_question),
		cmocka_unit_test(errors_are_soon_asked_for_again),
		cmocka_unit_test(servers_that_are_away_take_nothing_away),
		cmocka_unit_test(a_watched_name_is_asked_for_when_its_time_is_over),
		cmocka_unit_test(a_watched_name_without_answer_is_asked_for_again),
		cmocka_unit_test(doubts_bring_a_new_question),
		cmocka_unit_test(no_more_are_remembered_than_there_is_room_for),
		cmocka_unit_test(what_is_watched_is_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
