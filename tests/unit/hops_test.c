/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker's next hops: a peer that is not known is asked for until there is an answer. */
#include "hops.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <rte_eal.h>

static const struct kg_ip peer = { .version = 4, .bytes = { 198, 18, 0, 2 } };

static int set_up(void **state)
{
	*state = kg_hops_create("hops_test");
	assert_non_null(*state);
	return 0;
}

static int tear_down(void **state)
{
	kg_hops_destroy(*state);
	return 0;
}

static bool asks(struct kg_hops *hops, uint64_t now_us)
{
	bool ask;
	const struct kg_nexthop *hop = kg_hops_want(hops, &peer, now_us, &ask);

	assert_true(kg_ip_equal(&hop->peer, &peer));
	return ask;
}

static void a_lost_question_is_repeated(void **state)
{
	struct kg_hops *hops = *state;
	uint64_t now_us = 5 * KG_US_PER_S;

	assert_null(kg_hops_lookup(hops, &peer));
	assert_true(asks(hops, now_us));
	assert_int_equal(kg_hops_lookup(hops, &peer)->state, KG_NEXTHOP_RESOLVING);
	assert_false(asks(hops, now_us + KG_US_PER_MS));
	for (int second = 1; second < 10; second++) {
		assert_true(asks(hops, now_us + second * KG_US_PER_S));
		assert_false(asks(hops, now_us + second * KG_US_PER_S + KG_US_PER_MS));
	}
}

/* Also when it says that the kernel does not know more yet: the control thread goes on watching. */
static void an_answer_ends_the_asking(void **state)
{
	struct kg_hops *hops = *state;
	struct kg_nexthop hop = { .peer = peer, .state = KG_NEXTHOP_RESOLVING };

	assert_true(asks(hops, KG_US_PER_S));
	kg_hops_update(hops, &hop);
	assert_false(asks(hops, 100 * KG_US_PER_S));
	hop.state = KG_NEXTHOP_READY;
	kg_hops_update(hops, &hop);
	assert_int_equal(kg_hops_lookup(hops, &peer)->state, KG_NEXTHOP_READY);
	assert_false(asks(hops, 200 * KG_US_PER_S));
	kg_hops_forget(hops);
	assert_true(asks(hops, 200 * KG_US_PER_S));
}

int main(void)
{
	static char *eal[] = { "hops_test",      "--no-huge", "--no-shconf", "--no-pci",
			       "--no-telemetry", "-m64",      "-l0",         "--log-level=error" };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_lost_question_is_repeated, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_answer_ends_the_asking, set_up, tear_down),
	};

	if (rte_eal_init(KG_ARRAY_SIZE(eal), eal) < 0)
		return 1;
	return cmocka_run_group_tests_name("hops", tests, NULL, NULL);
}
