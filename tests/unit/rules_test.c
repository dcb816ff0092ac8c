/* SPDX-License-Identifier: BSD-3-Clause */
/* Shares of a range of ports, and the blocks that rules in a NIC are made of. */
#include "nic/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <rte_eal.h>

#include "base/rng.h"
#include "config/config.h"

#define SEED   20261122u
#define ROUNDS 2000

static struct kg_rng rng;

static struct kg_port_range random_range(uint32_t ports_min)
{
	uint16_t first = (uint16_t)kg_rng_below(&rng, 65536 - ports_min);

	return (struct kg_port_range){
		.first = first,
		.last = (uint16_t)(first + ports_min - 1 +
				   kg_rng_below(&rng, 65536 - ports_min - first + 1)),
	};
}

/* One after the other they are the range, and their sizes differ by one at most. */
static void test_shares(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		unsigned int workers = 1 + kg_rng_below(&rng, KG_CONFIG_WORKERS_MAX);
		struct kg_port_range range = random_range(workers);
		uint32_t fair = (range.last - range.first + 1u) / workers, next = range.first;

		for (unsigned int w = 0; w < workers; w++) {
			struct kg_port_range share = kg_port_range_share(&range, w, workers);

			assert_int_equal(share.first, next);
			assert_in_range(share.last - share.first + 1u, fair, fair + 1);
			next = share.last + 1u;
		}
		assert_int_equal(next, range.last + 1u);
	}
}

static void test_blocks(void **state)
{
	(void)state;
	assert_int_equal(kg_nic_rule_block(0, 65535), 65536);
	assert_int_equal(kg_nic_rule_block(3000, 3000), 1);
	assert_int_equal(kg_nic_rule_block(3000, 3010), 8);
	assert_int_equal(kg_nic_rule_block(65535, 65535), 1);
	for (int round = 0; round < ROUNDS; round++) {
		struct kg_port_range range = random_range(1);
		unsigned int blocks = 0;
		uint32_t port = range.first;

		for (; port <= range.last; blocks++) {
			uint32_t block = kg_nic_rule_block((uint16_t)port, range.last);

			assert_int_equal(block & (block - 1), 0);
			assert_int_equal(port % block, 0);
			port += block;
		}
		assert_int_equal(port, range.last + 1u);
		assert_in_range(blocks, 1, 30);
	}
}

/* DPDK's null device knows no rules. */
static void test_a_refusal(void **state)
{
	struct kg_nic_rule rule = { .version = 4, .first = 3000, .last = 3010 };
	struct kg_nic nic = { .port_id = 0 };
	char error[128] = "";

	(void)state;
	assert_false(kg_nic_set_rules(&nic, 0, &rule, 1, error, sizeof(error)));
	assert_string_not_equal(error, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_a_refusal),
	};
	static char *eal[] = { "rules_test", "--no-huge",        "--no-shconf",
			       "--no-pci",   "--no-telemetry",   "-m64",
			       "-l0",        "--vdev=net_null0", "--log-level=error" };

	print_message("seed %u\n", SEED);
	kg_rng_init(&rng, SEED);
	if (rte_eal_init(KG_ARRAY_SIZE(eal), eal) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
