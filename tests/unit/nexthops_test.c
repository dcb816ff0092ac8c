/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker's table of next hops, which strangers fill. A peer that is not known is asked for until
 * there is an answer.
 */
#include "bare_eal.h"
#include "kcpgate/nexthops.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct kg_nexthop hop_of(uint32_t n)
{
	return (struct kg_nexthop){
		.peer = { 4, { 10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n } },
		.state = KG_NEXTHOP_READY,
	};
}

static bool learn(struct kg_nexthops *nexthops, uint32_t n)
{
	const struct kg_nexthop hop = hop_of(n);

	kg_nexthops_update(nexthops, &hop);
	return kg_nexthops_take_gave_way(nexthops) > 0;
}

static bool knows(struct kg_nexthops *nexthops, uint32_t n)
{
	const struct kg_nexthop hop = hop_of(n), *found = kg_nexthops_lookup(nexthops, &hop.peer);

	return found != NULL && kg_ip_equal(&found->peer, &hop.peer);
}

static void who_is_in_use_stays(void **state)
{
	struct kg_nexthops *nexthops = kg_nexthops_create("nexthops");

	assert_non_null(nexthops);
	for (uint32_t n = 0; n < KG_NEXTHOPS_MAX; n++)
		assert_false(learn(nexthops, n));
	for (uint32_t n = KG_NEXTHOPS_MAX; n < 4 * KG_NEXTHOPS_MAX; n++) {
		assert_true(knows(nexthops, 7));
		assert_true(knows(nexthops, 5000));
		assert_true(learn(nexthops, n));
		assert_true(knows(nexthops, n)); /* as the first datagram does */
	}
	assert_false(knows(nexthops, 8));
	kg_nexthops_destroy(nexthops);
}

static void one_can_be_forgotten(void **state)
{
	struct kg_nexthops *nexthops = kg_nexthops_create("nexthops");

	learn(nexthops, 1);
	learn(nexthops, 2);
	assert_true(knows(nexthops, 1));
	kg_nexthops_forget(nexthops, &(struct kg_ip){ 4, { 10, 0, 0, 1 } });
	kg_nexthops_forget(nexthops, &(struct kg_ip){ 4, { 10, 0, 0, 1 } });
	assert_false(knows(nexthops, 1));
	assert_true(knows(nexthops, 2));
	kg_nexthops_destroy(nexthops);
}

static bool asks(struct kg_nexthops *nexthops, uint64_t now_us)
{
	const struct kg_nexthop wanted = hop_of(1);
	bool ask;
	const struct kg_nexthop *hop = kg_nexthops_want(nexthops, &wanted.peer, now_us, &ask);

	assert_true(kg_ip_equal(&hop->peer, &wanted.peer));
	return ask;
}

static void a_lost_question_is_repeated(void **state)
{
	struct kg_nexthops *nexthops = kg_nexthops_create("nexthops");
	uint64_t now_us = 5 * KG_US_PER_S;

	assert_false(knows(nexthops, 1));
	assert_true(asks(nexthops, now_us));
	assert_true(knows(nexthops, 1));
	assert_false(asks(nexthops, now_us + KG_US_PER_MS));
	for (int second = 1; second < 10; second++) {
		assert_true(asks(nexthops, now_us + second * KG_US_PER_S));
		assert_false(asks(nexthops, now_us + second * KG_US_PER_S + KG_US_PER_MS));
	}
	kg_nexthops_destroy(nexthops);
}

/* Also when it says that the kernel does not know more yet: the control thread goes on watching. */
static void an_answer_ends_the_asking(void **state)
{
	struct kg_nexthops *nexthops = kg_nexthops_create("nexthops");
	struct kg_nexthop hop = hop_of(1);

	assert_true(asks(nexthops, KG_US_PER_S));
	hop.state = KG_NEXTHOP_RESOLVING;
	kg_nexthops_update(nexthops, &hop);
	assert_false(asks(nexthops, 100 * KG_US_PER_S));
	hop.state = KG_NEXTHOP_READY;
	kg_nexthops_update(nexthops, &hop);
	assert_int_equal(kg_nexthops_lookup(nexthops, &hop.peer)->state, KG_NEXTHOP_READY);
	assert_false(asks(nexthops, 200 * KG_US_PER_S));
	kg_nexthops_forget(nexthops, &hop.peer);
	assert_true(asks(nexthops, 200 * KG_US_PER_S));
	kg_nexthops_destroy(nexthops);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_in_use_stays),
		cmocka_unit_test(one_can_be_forgotten),
		cmocka_unit_test(a_lost_question_is_repeated),
		cmocka_unit_test(an_answer_ends_the_asking),
	};

	return cmocka_run_group_tests_name("nexthops", tests, bare_eal_init, bare_eal_fini);
}
