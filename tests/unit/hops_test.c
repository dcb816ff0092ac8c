/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker's table of next hops, which strangers fill. A peer that is not known is asked for until
 * there is an answer.
 */
#include "bare_eal.h"
#include "kcpgate/hops.h"

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

static bool learn(struct kg_hops *hops, uint32_t n)
{
	const struct kg_nexthop hop = hop_of(n);

	kg_hops_update(hops, &hop);
	return kg_hops_take_gave_way(hops) > 0;
}

static bool knows(struct kg_hops *hops, uint32_t n)
{
	const struct kg_nexthop hop = hop_of(n), *found = kg_hops_lookup(hops, &hop.peer);

	return found != NULL && kg_ip_equal(&found->peer, &hop.peer);
}

static void who_is_in_use_stays(void **state)
{
	struct kg_hops *hops = kg_hops_create("hops");

	assert_non_null(hops);
	for (uint32_t n = 0; n < KG_HOPS_MAX; n++)
		assert_false(learn(hops, n));
	for (uint32_t n = KG_HOPS_MAX; n < 4 * KG_HOPS_MAX; n++) {
		assert_true(knows(hops, 7));
		assert_true(knows(hops, 5000));
		assert_true(learn(hops, n));
		assert_true(knows(hops, n)); /* as the first datagram does */
	}
	assert_false(knows(hops, 8));
	kg_hops_destroy(hops);
}

static void one_can_be_forgotten(void **state)
{
	struct kg_hops *hops = kg_hops_create("hops");

	learn(hops, 1);
	learn(hops, 2);
	assert_true(knows(hops, 1));
	kg_hops_forget(hops, &(struct kg_ip){ 4, { 10, 0, 0, 1 } });
	kg_hops_forget(hops, &(struct kg_ip){ 4, { 10, 0, 0, 1 } });
	assert_false(knows(hops, 1));
	assert_true(knows(hops, 2));
	kg_hops_destroy(hops);
}

static bool asks(struct kg_hops *hops, uint64_t now_us)
{
	const struct kg_nexthop wanted = hop_of(1);
	bool ask;
	const struct kg_nexthop *hop = kg_hops_want(hops, &wanted.peer, now_us, &ask);

	assert_true(kg_ip_equal(&hop->peer, &wanted.peer));
	return ask;
}

static void a_lost_question_is_repeated(void **state)
{
	struct kg_hops *hops = kg_hops_create("hops");
	uint64_t now_us = 5 * KG_US_PER_S;

	assert_false(knows(hops, 1));
	assert_true(asks(hops, now_us));
	assert_true(knows(hops, 1));
	assert_false(asks(hops, now_us + KG_US_PER_MS));
	for (int second = 1; second < 10; second++) {
		assert_true(asks(hops, now_us + second * KG_US_PER_S));
		assert_false(asks(hops, now_us + second * KG_US_PER_S + KG_US_PER_MS));
	}
	kg_hops_destroy(hops);
}

/* Also when it says that the kernel does not know more yet: the control thread goes on watching. */
static void an_answer_ends_the_asking(void **state)
{
	struct kg_hops *hops = kg_hops_create("hops");
	struct kg_nexthop hop = hop_of(1);

	assert_true(asks(hops, KG_US_PER_S));
	hop.state = KG_NEXTHOP_RESOLVING;
	kg_hops_update(hops, &hop);
	assert_false(asks(hops, 100 * KG_US_PER_S));
	hop.state = KG_NEXTHOP_READY;
	kg_hops_update(hops, &hop);
	assert_int_equal(kg_hops_lookup(hops, &hop.peer)->state, KG_NEXTHOP_READY);
	assert_false(asks(hops, 200 * KG_US_PER_S));
	kg_hops_forget(hops, &hop.peer);
	assert_true(asks(hops, 200 * KG_US_PER_S));
	kg_hops_destroy(hops);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_in_use_stays),
		cmocka_unit_test(one_can_be_forgotten),
		cmocka_unit_test(a_lost_question_is_repeated),
		cmocka_unit_test(an_answer_ends_the_asking),
	};

	return cmocka_run_group_tests_name("hops", tests, bare_eal_init, bare_eal_fini);
}
