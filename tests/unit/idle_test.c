/* SPDX-License-Identifier: BSD-3-Clause */
/* When an adaptive worker sleeps; how long is the timers' business, and a sleep's own. */
#include "kcpgate/idle.h"
#include "kcpgate/worker.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <rte_eal.h>
#include <rte_ring.h>

#define TURN_US   2
#define PATIENCE  100 /* turns: far more than the first spin takes */
#define FEW_WORK  4   /* a connection's question and answer */
#define MANY_WORK 31  /* nearly a burst */

static struct kg_mem mem;
static const struct kg_pump_link kernel;
static struct kg_worker w = { .kernel = &kernel };
static struct kg_idle idle;

static int start(void **state)
{
	static char *args[] = { "test",           "--no-huge", "--no-shconf", "--no-pci",
				"--no-telemetry", "-m16",      "-l0",         "--log-level=error" };

	(void)state;
	if (rte_eal_init(KG_ARRAY_SIZE(args), args) < 0 || kg_waker_init(&w.waker) != 0)
		return -1;
	kg_mem_malloc_init(&mem);
	w.wheel = kg_twheel_create(&mem, 0);
	w.mail = rte_ring_create("mail", 16, SOCKET_ID_ANY, RING_F_SC_DEQ);
	return w.mail == NULL ? -1 : 0;
}

static int end(void **state)
{
	(void)state;
	rte_ring_free(w.mail);
	kg_twheel_destroy(w.wheel);
	kg_waker_fini(&w.waker);
	return rte_eal_cleanup();
}

static int begin(void **state)
{
	(void)state;
	w.now_us += KG_US_PER_S;
	kg_idle_init(&idle, KG_POLL_ADAPTIVE, &w.waker);
	return 0;
}

static bool turn(unsigned int work)
{
	w.now_us += TURN_US;
	return kg_idle_turn(&idle, &w, work);
}

/* How many turns of this kind it takes until the worker sleeps; PATIENCE when it never does. */
static int turns_until_sleep(unsigned int work)
{
	int turns = 0;

	while (turns < PATIENCE && !turn(work))
		turns++;
	return turns;
}

static void test_sleeps_after_a_short_spin(void **state)
{
	(void)state;
	assert_in_range(turns_until_sleep(0), 1, 10);
	assert_int_equal(turns_until_sleep(0), 0);
	assert_false(turn(1));
	assert_in_range(turns_until_sleep(0), 1, 10);
}

static void test_busy_polling_never_sleeps(void **state)
{
	(void)state;
	kg_idle_init(&idle, KG_POLL_BUSY, &w.waker);
	assert_int_equal(turns_until_sleep(0), PATIENCE);
	assert_int_equal(turns_until_sleep(MANY_WORK), PATIENCE);
}

/* A turn with less than a burst has caught up: under load it is the time to let work gather. */
static void test_naps_under_load(void **state)
{
	(void)state;
	turns_until_sleep(0);
	assert_true(turn(MANY_WORK));
	assert_true(turn(MANY_WORK));
	assert_false(turn(KG_NIC_BURST));
	assert_true(turn(0));
}

/* The question that ends a sleep is not load, however soon it came. */
static void test_spins_after_a_little_work(void **state)
{
	(void)state;
	turns_until_sleep(0);
	assert_false(turn(FEW_WORK));
	assert_in_range(turns_until_sleep(0), 1, 10);
}

/* As much work as a load's, but over a time in which it is none. */
static void test_spins_after_scattered_work(void **state)
{
	(void)state;
	turns_until_sleep(0);
	for (int i = 0; i < PATIENCE; i++) {
		w.now_us += 100;
		assert_false(turn(FEW_WORK));
	}
}

static void test_never_sleeps_past_a_timer(void **state)
{
	struct kg_timer timer = { 0 };

	(void)state;
	turns_until_sleep(0);
	kg_twheel_advance(w.wheel, w.now_us);
	kg_twheel_arm(w.wheel, &timer, w.now_us);
	assert_int_equal(turns_until_sleep(0), PATIENCE);
	assert_int_equal(turns_until_sleep(MANY_WORK), PATIENCE);
	kg_twheel_arm(w.wheel, &timer, KG_NEVER_US);
	assert_true(turn(MANY_WORK));
}

/* What a waker has written too late for the sleep it was meant for. */
static void test_takes_a_late_token(void **state)
{
	struct pollfd fd = { .fd = w.waker.fd, .events = POLLIN };

	(void)state;
	kg_waker_post(&w.waker);
	turns_until_sleep(0);
	assert_int_equal(poll(&fd, 1, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_sleeps_after_a_short_spin, begin),
		cmocka_unit_test_setup(test_busy_polling_never_sleeps, begin),
		cmocka_unit_test_setup(test_naps_under_load, begin),
		cmocka_unit_test_setup(test_spins_after_a_little_work, begin),
		cmocka_unit_test_setup(test_spins_after_scattered_work, begin),
		cmocka_unit_test_setup(test_never_sleeps_past_a_timer, begin),
		cmocka_unit_test_setup(test_takes_a_late_token, begin),
	};

	return cmocka_run_group_tests(tests, start, end);
}
