/* SPDX-License-Identifier: BSD-3-Clause */
/* When an adaptive worker sleeps; how long is the timers' business, and a sleep's own. */
#include "kcpgate/box.h"
#include "kcpgate/idle.h"
#include "kcpgate/worker.h"
#include "nic/rx_interrupt.h"
#include "thread/monotonic.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include <rte_eal.h>
#include <rte_ring.h>

#define TURN_US   2
#define PATIENCE  100 /* turns: far more than the spin before the first step takes */
#define FEW_WORK  4   /* a connection's question and answer */
#define MANY_WORK 31  /* nearly a burst */

static struct kg_mem mem;
static struct kg_pump_link kernel;
static struct kg_box box = { .worker_count = 2 };
static struct kg_worker w = { .box = &box, .kernel = &kernel };
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
	box.from_control = rte_ring_create("control", 16, SOCKET_ID_ANY, RING_F_SC_DEQ);
	box.handoff[0][1] = rte_ring_create("handoff", 16, SOCKET_ID_ANY, RING_F_SC_DEQ);
	STAILQ_INIT(&w.conns);
	return w.mail == NULL || box.from_control == NULL || box.handoff[0][1] == NULL ? -1 : 0;
}

static int end(void **state)
{
	(void)state;
	rte_ring_free(box.handoff[0][1]);
	rte_ring_free(box.from_control);
	rte_ring_free(w.mail);
	kg_twheel_destroy(w.wheel);
	kg_waker_fini(&w.waker);
	return rte_eal_cleanup();
}

static int begin(void **state)
{
	(void)state;
	w.now_us += KG_US_PER_S;
	kg_idle_init(&idle, KG_POLL_ADAPTIVE, &w.waker, &w.borrowed);
	return 0;
}

static enum kg_idle_sleep turn(unsigned int work)
{
	w.now_us += TURN_US;
	return kg_idle_turn(&idle, &w, work);
}

/* How many turns of this kind it takes until the worker sleeps; PATIENCE when it never does. */
static int turns_until_sleep(unsigned int work)
{
	int turns = 0;

	while (turns < PATIENCE && turn(work) == KG_IDLE_NO_SLEEP)
		turns++;
	return turns;
}

/* Whatever comes ends the sleep. */
static void test_sleeps_as_soon_as_it_has_caught_up(void **state)
{
	(void)state;
	assert_int_equal(turns_until_sleep(0), 0);
	assert_int_equal(turn(1), KG_IDLE_SLEPT);
	assert_int_equal(turn(FEW_WORK), KG_IDLE_SLEPT);
	assert_int_equal(turn(KG_NIC_BURST), KG_IDLE_NO_SLEEP);
}

static void watch_a_blind_port(void)
{
	const struct kg_rx_wake nothing = { .by = KG_RX_WAKE_BY_NOTHING };

	kg_idle_watch(&idle, &nothing);
}

/* Where nothing ends it the worker looks once more. */
static void test_blind_it_sleeps_after_a_turn_without_work(void **state)
{
	(void)state;
	watch_a_blind_port();
	assert_int_equal(turns_until_sleep(0), 1);
	assert_int_equal(turns_until_sleep(0), 0);
	assert_false(turn(1));
	assert_int_equal(turns_until_sleep(0), 1);
}

static void test_busy_polling_never_sleeps(void **state)
{
	(void)state;
	kg_idle_init(&idle, KG_POLL_BUSY, &w.waker, &w.borrowed);
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
	watch_a_blind_port();
	turns_until_sleep(0);
	assert_false(turn(FEW_WORK));
	assert_in_range(turns_until_sleep(0), 1, 10);
}

/* As much work as a load's, but over a time in which it is none. */
static void test_spins_after_scattered_work(void **state)
{
	(void)state;
	watch_a_blind_port();
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

/* Whoever has put it there just before the sleep was announced has woken nobody. */
static void test_no_sleep_beside_a_full_ring(void **state)
{
	struct rte_ring *rings[] = { w.mail, box.from_control, box.handoff[0][1] };
	void *message;

	(void)state;
	for (size_t i = 0; i < KG_ARRAY_SIZE(rings); i++) {
		rte_ring_enqueue(rings[i], rings);
		assert_int_equal(turns_until_sleep(0), PATIENCE);
		rte_ring_dequeue(rings[i], &message);
		assert_int_equal(turn(0), KG_IDLE_SLEPT);
	}
}

/* Of eight sleeps; whatever else the machine does, one try of many is not held up. */
static uint64_t shortest_sleeps_us(void)
{
	uint64_t shortest_us = KG_NEVER_US;

	for (int try = 0; try < 20; try++) {
		uint64_t begin_us = kg_monotonic_us();

		turn(1);
		turns_until_sleep(0);
		for (int i = 1; i < 8; i++)
			turn(0);
		shortest_us = KG_MIN(shortest_us, kg_monotonic_us() - begin_us);
	}
	return shortest_us;
}

/* Then nobody wakes the worker, and it looks again soon. */
static void test_short_steps_while_a_ring_is_full(void **state)
{
	(void)state;
	assert_true(shortest_sleeps_us() >= 8 * 5000);
	w.refused_count = 1;
	assert_true(shortest_sleeps_us() < 8 * 5000);
	w.refused_count = 0;
}

/* Then what has been put off leaves. */
static void test_sleeps_no_longer_than_an_answer_is_awaited(void **state)
{
	(void)state;
	w.answer_us = w.now_us + KG_US_PER_S;
	assert_true(shortest_sleeps_us() >= 8 * 5000);
	w.answer_us = w.now_us + 1;
	assert_int_equal(turns_until_sleep(0), PATIENCE);
	w.answer_us = 0;
}

/* ---- frames ---- */

/* In place of a driver's socket: a frame is a byte that nobody has read yet. */
static int open_port_of(int pipe_fds[2], enum kg_rx_wake_by by)
{
	static struct kg_rx_wake wake;

	assert_int_equal(pipe(pipe_fds), 0);
	wake = (struct kg_rx_wake){ .by = by, .fd = pipe_fds[0] };
	kg_idle_watch(&idle, &wake);
	return pipe_fds[1];
}

static int open_port(int pipe_fds[2])
{
	return open_port_of(pipe_fds, KG_RX_WAKE_BY_XDP_SOCKET);
}

static void close_port(const int pipe_fds[2])
{
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

static void put_frame(int fd)
{
	assert_int_equal(write(fd, "", 1), 1);
}

static void take_frame(int fd)
{
	char frame;

	assert_int_equal(read(fd, &frame, 1), 1);
}

/* The one that came after the last look, too. */
static void test_a_frame_ends_the_sleep(void **state)
{
	int port[2], far = open_port(port);

	(void)state;
	turns_until_sleep(0);
	assert_int_equal(turn(0), KG_IDLE_SLEPT);
	for (int i = 0; i < PATIENCE; i++) {
		put_frame(far);
		assert_int_equal(turn(0), KG_IDLE_WOKEN_BY_FRAME);
		take_frame(port[0]);
		turn(1);
		turns_until_sleep(0);
	}
	close_port(port);
}

/* Every port is heard, and the waker beside them. */
static void test_frames_at_any_port(void **state)
{
	int ports[2][2], far[2] = { open_port(ports[0]), open_port(ports[1]) };

	(void)state;
	for (int i = 0; i < 2; i++) {
		turns_until_sleep(0);
		put_frame(far[i]);
		kg_waker_post(&w.waker);
		assert_int_equal(turn(0), KG_IDLE_WOKEN_BY_FRAME);
		take_frame(ports[i][0]);
		assert_int_equal(turn(1), KG_IDLE_SLEPT);
	}
	assert_int_equal(turn(0), KG_IDLE_SLEPT);
	close_port(ports[0]);
	close_port(ports[1]);
}

/* A descriptor that is ready though its driver has nothing does not keep a core busy. */
static void test_a_false_alarm_is_heard_once(void **state)
{
	int port[2], far = open_port(port);
	uint64_t begin_us;

	(void)state;
	turns_until_sleep(0);
	put_frame(far);
	assert_int_equal(turn(0), KG_IDLE_WOKEN_BY_FRAME);
	begin_us = kg_monotonic_us();
	for (int i = 0; i < PATIENCE; i++)
		assert_int_equal(turn(0), KG_IDLE_SLEPT);
	assert_true(kg_monotonic_us() - begin_us > PATIENCE * 16);
	turn(1);
	turns_until_sleep(0);
	assert_int_equal(turn(0), KG_IDLE_SLEPT); /* what the sleep before has heard */
	close_port(port);
}

/* Of a blind port nothing is known: it sleeps in the short steps of old. */
static void test_a_blind_port_is_looked_at(void **state)
{
	int port[2], far = open_port(port);

	(void)state;
	watch_a_blind_port();
	assert_true(shortest_sleeps_us() < 8 * 5000);
	turns_until_sleep(0);
	put_frame(far);
	assert_int_equal(turn(0), KG_IDLE_WOKEN_BY_FRAME);
	close_port(port);
}

/* ---- interrupts ---- */

static unsigned int arms, disarms;

void kg_rx_interrupt_arm(const struct kg_rx_wake *wake)
{
	(void)wake;
	arms++;
}

void kg_rx_interrupt_disarm(const struct kg_rx_wake *wake)
{
	(void)wake;
	disarms++;
}

/* They tell only of what comes after they were armed, so a look lies between that and each sleep.
 */
static void test_interrupts_are_armed_before_the_last_look(void **state)
{
	int port[2], far = open_port_of(port, KG_RX_WAKE_BY_INTERRUPT);

	(void)state;
	arms = disarms = 0;
	for (unsigned int sleeps = 1; sleeps <= 3; sleeps++) {
		assert_int_equal(turn(0), KG_IDLE_NO_SLEEP);
		assert_int_equal(arms, sleeps);
		assert_int_equal(turn(0), KG_IDLE_SLEPT);
		assert_int_equal(disarms, sleeps);
	}
	assert_int_equal(turn(0), KG_IDLE_NO_SLEEP);
	put_frame(far);
	assert_int_equal(turn(0), KG_IDLE_WOKEN_BY_FRAME);
	assert_int_equal(disarms, 4);
	close_port(port);
}

static void test_what_the_last_look_finds_is_looked_behind(void **state)
{
	int port[2];

	(void)state;
	open_port_of(port, KG_RX_WAKE_BY_INTERRUPT);
	assert_int_equal(turn(0), KG_IDLE_NO_SLEEP);
	assert_int_equal(turn(FEW_WORK), KG_IDLE_NO_SLEEP);
	assert_int_equal(turn(0), KG_IDLE_SLEPT);
	close_port(port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_sleeps_as_soon_as_it_has_caught_up, begin),
		cmocka_unit_test_setup(test_blind_it_sleeps_after_a_turn_without_work, begin),
		cmocka_unit_test_setup(test_busy_polling_never_sleeps, begin),
		cmocka_unit_test_setup(test_naps_under_load, begin),
		cmocka_unit_test_setup(test_spins_after_a_little_work, begin),
		cmocka_unit_test_setup(test_spins_after_scattered_work, begin),
		cmocka_unit_test_setup(test_never_sleeps_past_a_timer, begin),
		cmocka_unit_test_setup(test_takes_a_late_token, begin),
		cmocka_unit_test_setup(test_no_sleep_beside_a_full_ring, begin),
		cmocka_unit_test_setup(test_short_steps_while_a_ring_is_full, begin),
		cmocka_unit_test_setup(test_sleeps_no_longer_than_an_answer_is_awaited, begin),
		cmocka_unit_test_setup(test_a_frame_ends_the_sleep, begin),
		cmocka_unit_test_setup(test_frames_at_any_port, begin),
		cmocka_unit_test_setup(test_a_false_alarm_is_heard_once, begin),
		cmocka_unit_test_setup(test_a_blind_port_is_looked_at, begin),
		cmocka_unit_test_setup(test_interrupts_are_armed_before_the_last_look, begin),
		cmocka_unit_test_setup(test_what_the_last_look_finds_is_looked_behind, begin),
	};

	return cmocka_run_group_tests(tests, start, end);
}
