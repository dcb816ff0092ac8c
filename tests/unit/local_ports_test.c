/* SPDX-License-Identifier: BSD-3-Clause */
/* The share of local ports that each worker gives to its client channels. */
#include "kcpgate/local_ports.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define WORKERS 3
#define SEED    7u

static struct kg_port_table table;
static struct kg_local_ports ports[WORKERS];

static int fill(void **state)
{
	struct kg_rng rng;

	(void)state;
	print_message("seed %u\n", SEED);
	kg_rng_init(&rng, SEED);
	kg_port_table_init(&table);
	for (uint16_t port = 20000; port <= 20010; port++)
		kg_port_table_set(&table, port, 0);
	for (unsigned int w = 0; w < WORKERS; w++)
		kg_local_ports_init(&ports[w], &table, w, WORKERS, &rng);
	return 0;
}

/* Every port once, at its owner, but for those that tunnels listen on. */
static void test_every_port_has_one_owner(void **state)
{
	static bool seen[65536];
	unsigned int total = 0;
	uint16_t port;

	for (unsigned int w = 0; w < WORKERS; w++) {
		while ((port = kg_local_ports_acquire(&ports[w])) != 0) {
			assert_int_equal(port % WORKERS, w);
			assert_in_range(port, KG_LOCAL_PORT_FIRST, KG_LOCAL_PORT_LAST);
			assert_false(port >= 20000 && port <= 20010);
			assert_false(seen[port]);
			seen[port] = true;
			total++;
		}
	}
	assert_int_equal(total, KG_LOCAL_PORT_LAST - KG_LOCAL_PORT_FIRST + 1 - 11);
}

/* The port that was given back last is used last. */
static void test_ports_rest(void **state)
{
	uint32_t count = ports[0].count;
	uint16_t first = kg_local_ports_acquire(&ports[0]);

	kg_local_ports_release(&ports[0], first);
	for (uint32_t i = 1; i < count; i++)
		assert_int_not_equal(kg_local_ports_acquire(&ports[0]), first);
	assert_int_equal(kg_local_ports_acquire(&ports[0]), first);
	assert_int_equal(kg_local_ports_acquire(&ports[0]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_every_port_has_one_owner, fill),
		cmocka_unit_test_setup(test_ports_rest, fill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
