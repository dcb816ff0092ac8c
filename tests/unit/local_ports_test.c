/* SPDX-License-Identifier: BSD-3-Clause */
/* The share of local ports that each worker gives to its clients' handshakes and channels. */
#include "kcpgate/udp_ports/local_ports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define WORKERS 3
#define TUNNELS 32 /* each holds too little to be refused the last ports */
#define SEED    7u

static struct kg_port_set linux_ports;
static struct kg_local_ports ports[WORKERS];
static const struct kg_port_range range = { 16384, 32767 };
static const struct kg_port_range listened = { 20000, 20010 };

static int fill(void **state)
{
	struct kg_rng rng;

	(void)state;
	print_message("seed %u\n", SEED);
	kg_rng_init(&rng, SEED);
	memset(&linux_ports, 0, sizeof(linux_ports));
	for (unsigned int w = 0; w < WORKERS; w++) {
		kg_local_ports_init(&ports[w], &range, &linux_ports, w, WORKERS, &rng);
		kg_local_ports_withdraw(&ports[w], &listened, 1);
	}
	return 0;
}

/* Every port once, at its owner, but for those that tunnels listen on. */
static void test_every_port_has_one_owner(void **state)
{
	static bool seen[65536];
	unsigned int total = 0;
	uint16_t port;

	for (unsigned int w = 0; w < WORKERS; w++) {
		for (uint32_t n = 0; n < ports[w].total; n++) {
			port = kg_local_ports_acquire(&ports[w], (uint16_t)(n % TUNNELS), true,
						      NULL);
			assert_int_equal(port % WORKERS, w);
			assert_in_range(port, range.first, range.last);
			assert_false(port >= 20000 && port <= 20010);
			assert_false(seen[port]);
			seen[port] = true;
			total++;
		}
		assert_int_equal(kg_local_ports_acquire(&ports[w], 0, true, NULL), 0);
	}
	assert_int_equal(total, range.last - range.first + 1 - 11);
}

/* The port that was given back last is used last. */
static void test_ports_rest(void **state)
{
	uint32_t count = ports[0].free_count;
	uint16_t first = kg_local_ports_acquire(&ports[0], 0, true, NULL);

	assert_true(kg_local_ports_release(&ports[0], first));
	for (uint32_t i = 1; i < count; i++)
		assert_int_not_equal(
			kg_local_ports_acquire(&ports[0], (uint16_t)(i % TUNNELS), true, NULL),
			first);
	assert_int_equal(kg_local_ports_acquire(&ports[0], 0, true, NULL), first);
	assert_int_equal(kg_local_ports_acquire(&ports[0], 0, true, NULL), 0);
}

/* A tunnel comes to listen on it, and goes. */
static void test_a_withdrawn_port_waits_until_it_is_restored(void **state)
{
	struct kg_local_ports *lp = &ports[0];
	uint32_t total = lp->total;
	uint16_t port = kg_local_ports_acquire(lp, 0, true, NULL);
	const struct kg_port_range range_of_it = { port, port };

	kg_local_ports_withdraw(lp, &range_of_it, 1);
	assert_int_equal(lp->total, total - 1);
	assert_true(kg_local_ports_is_withdrawn(lp, port));
	assert_true(kg_local_ports_release(lp, port));
	assert_int_equal(lp->free_count, total - 1);
	for (uint32_t i = 0; i < total - 1; i++)
		assert_int_not_equal(
			kg_local_ports_acquire(lp, (uint16_t)(i % TUNNELS), true, NULL), port);
	assert_int_equal(kg_local_ports_acquire(lp, 0, true, NULL), 0);
	kg_local_ports_restore(lp, port);
	assert_int_equal(lp->total, total);
	assert_int_equal(kg_local_ports_acquire(lp, 0, true, NULL), port);
	kg_local_ports_restore(lp, 1); /* none of ours */
}

/* An eighth of the share is given to one channel each; after that they are shared in turn. */
static void test_channels_share_when_ports_run_low(void **state)
{
	struct kg_local_ports *lp = &ports[1];
	uint32_t own = lp->total / 8;
	static unsigned int users[65536];
	uint16_t alone;

	for (uint32_t i = 0; i < 3 * own; i++)
		users[kg_local_ports_acquire(lp, 0, false, NULL)]++;
	assert_int_equal(lp->free_count, lp->total - own);
	alone = kg_local_ports_acquire(lp, 0, true, NULL);
	assert_int_equal(users[alone], 0);
	for (uint32_t port = 0; port < KG_ARRAY_SIZE(users); port++) {
		assert_true(users[port] == 0 || users[port] == 3);
		for (; users[port] > 0; users[port]--)
			assert_int_equal(kg_local_ports_release(lp, (uint16_t)port),
					 users[port] == 1);
	}
	assert_true(kg_local_ports_release(lp, alone));
	assert_int_equal(lp->free_count, lp->total);
}

static void test_tunnels_do_not_share_with_each_other(void **state)
{
	struct kg_local_ports *lp = &ports[1];
	uint32_t own = lp->total / 8;
	uint16_t other;

	for (uint32_t i = 0; i < own; i++)
		kg_local_ports_acquire(lp, 0, false, NULL);
	other = kg_local_ports_acquire(lp, 1, false, NULL);
	assert_int_equal(lp->free_count, lp->total - own - 1);
	assert_int_equal(kg_local_ports_acquire(lp, 1, false, NULL), other);
	for (uint32_t i = 0; i < 2 * own; i++)
		assert_int_not_equal(kg_local_ports_acquire(lp, 0, false, NULL), other);
}

/* One tunnel's handshakes cannot take every port. */
static void test_something_is_left_for_others(void **state)
{
	struct kg_local_ports *lp = &ports[2];

	while (kg_local_ports_acquire(lp, 0, true, NULL) != 0)
		;
	assert_int_equal(lp->free_count, lp->total / 16);
	while (kg_local_ports_acquire(lp, 1, true, NULL) != 0)
		;
	assert_int_equal(lp->free_count, 0);
}

static bool ends_in_seven(void *calls, uint16_t port)
{
	++*(unsigned int *)calls;
	return port % 10 == 7;
}

static bool never(void *calls, uint16_t port)
{
	++*(unsigned int *)calls;
	return false;
}

static void test_a_wish_is_met_if_it_can_be(void **state)
{
	struct kg_local_ports *lp = &ports[1];
	unsigned int calls = 0;
	struct kg_port_wish wish = { ends_in_seven, &calls };

	for (uint32_t i = 0; i < lp->total / 2; i++)
		assert_true(kg_local_ports_acquire(lp, 0, true, NULL) != 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(kg_local_ports_acquire(lp, 1, true, &wish) % 10, 7);
	assert_in_range(calls, 500, 2000);
}

static void test_shared_ports_are_chosen_too(void **state)
{
	struct kg_local_ports *lp = &ports[1];
	uint32_t own = lp->total / 8;
	unsigned int calls = 0;
	struct kg_port_wish wish = { ends_in_seven, &calls };

	for (uint32_t i = 0; i < own; i++)
		kg_local_ports_acquire(lp, 0, false, NULL);
	for (int i = 0; i < 10; i++) {
		uint16_t port = kg_local_ports_acquire(lp, 0, false, &wish);

		assert_int_equal(port % 10, 7);
		assert_false(kg_local_ports_release(lp, port));
	}
	assert_int_equal(lp->free_count, lp->total - own);
}

/* A test of a path has its port alone; when channels have come there others may come, too. */
static void test_a_port_is_shared_later(void **state)
{
	struct kg_local_ports *lp = &ports[1];
	uint32_t own = lp->total / 8;
	static bool shared[65536];
	uint16_t port = 0;

	for (uint32_t i = 0; i < own; i++) {
		port = kg_local_ports_acquire(lp, 0, true, NULL);
		kg_local_ports_share(lp, port);
		shared[port] = true;
	}
	for (uint32_t i = 0; i < 2 * own; i++) {
		port = kg_local_ports_acquire(lp, 0, false, NULL);
		assert_true(shared[port]);
		assert_false(kg_local_ports_release(lp, port));
	}
	assert_true(kg_local_ports_release(lp, port));
}

/* A wish that nothing meets costs a bounded number of questions, and no port. */
static void test_a_wish_is_no_condition(void **state)
{
	struct kg_local_ports *lp = &ports[1];
	unsigned int calls = 0;
	struct kg_port_wish wish = { never, &calls };

	assert_int_not_equal(kg_local_ports_acquire(lp, 0, true, &wish), 0);
	assert_int_equal(calls, KG_LOCAL_PORT_TRIES);
	while (kg_local_ports_acquire(lp, 0, false, &wish) != 0 &&
	       lp->total - lp->free_count < lp->total / 8)
		;
	calls = 0;
	assert_int_not_equal(kg_local_ports_acquire(lp, 0, false, &wish), 0);
	assert_int_equal(calls, KG_LOCAL_PORT_TRIES);
}

static void give_to_linux(uint16_t port)
{
	uint64_t word = atomic_load(&linux_ports.words[port / 64]);

	kg_port_set_assign(&linux_ports, port / 64, word | UINT64_C(1) << port % 64);
}

/* What Linux has, from the start or since, is given to nobody, alone or shared. */
static void test_ports_of_linux_are_left_alone(void **state)
{
	struct kg_local_ports *lp = &ports[1];
	uint32_t own = lp->total / 8, given = 0;
	uint16_t port, shared = kg_local_ports_acquire(lp, 0, false, NULL);

	for (uint32_t n = range.first; n <= range.last; n += 7)
		give_to_linux((uint16_t)n);
	give_to_linux(shared);
	for (uint32_t i = 0; i < 3 * own; i++) {
		port = kg_local_ports_acquire(lp, 0, false, NULL);
		assert_int_not_equal(port, 0);
		assert_int_not_equal(port, shared);
		assert_false(kg_port_set_has(&linux_ports, port));
	}
	while ((port = kg_local_ports_acquire(lp, (uint16_t)(1 + given % TUNNELS), true, NULL)) !=
	       0) {
		assert_false(kg_port_set_has(&linux_ports, port));
		given++;
	}
	assert_true(given > 0 && lp->free_count > 0);
	memset(&linux_ports, 0, sizeof(linux_ports));
	assert_int_not_equal(kg_local_ports_acquire(lp, 50, true, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_every_port_has_one_owner, fill),
		cmocka_unit_test_setup(test_ports_rest, fill),
		cmocka_unit_test_setup(test_a_withdrawn_port_waits_until_it_is_restored, fill),
		cmocka_unit_test_setup(test_channels_share_when_ports_run_low, fill),
		cmocka_unit_test_setup(test_tunnels_do_not_share_with_each_other, fill),
		cmocka_unit_test_setup(test_something_is_left_for_others, fill),
		cmocka_unit_test_setup(test_a_wish_is_met_if_it_can_be, fill),
		cmocka_unit_test_setup(test_shared_ports_are_chosen_too, fill),
		cmocka_unit_test_setup(test_a_port_is_shared_later, fill),
		cmocka_unit_test_setup(test_a_wish_is_no_condition, fill),
		cmocka_unit_test_setup(test_ports_of_linux_are_left_alone, fill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
