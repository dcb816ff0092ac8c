/* SPDX-License-Identifier: BSD-3-Clause */
/* The service manager hears nothing while a worker does not turn. */
#include "control/internal.h"
#include "worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define EVERY_US 1000000

static uint64_t now_us;

static uint64_t clock_us(void)
{
	return now_us;
}

/* Serves what is due, and ends the loop. */
static void end(struct kg_loop_source *source, uint64_t at_us)
{
	kg_loop_end(source->loop, true);
}

static void turn(struct kg_loop *loop)
{
	struct kg_loop_source last = { .fd = -1, .due_us = 0, .serve = end };

	now_us += EVERY_US / 2;
	loop->ended = false;
	kg_loop_add(loop, &last);
	kg_loop_run(loop);
	kg_loop_remove(&last);
}

static bool is_told(int manager)
{
	char text[32];
	ssize_t len = recv(manager, text, sizeof(text), MSG_DONTWAIT);

	return len == (ssize_t)strlen("WATCHDOG=1") && memcmp(text, "WATCHDOG=1", (size_t)len) == 0;
}

static void a_worker_that_hangs_is_not_covered_up(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int manager = socket(AF_UNIX, SOCK_DGRAM, 0);
	static struct kg_worker workers[2];
	static struct kg_box box = { .worker_count = 2, .workers = { &workers[0], &workers[1] } };
	struct kg_control_watchdog *watchdog;
	struct kg_loop loop;

	snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/kcpgate-test-%d", (int)getpid());
	assert_int_equal(bind(manager, (struct sockaddr *)&address, sizeof(address)), 0);
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
	setenv("WATCHDOG_USEC", "1000000", 1);
	assert_true(kg_loop_init(&loop, clock_us));
	watchdog = kg_control_watchdog_create(&loop, &box);

	for (unsigned int i = 0; i < 5; i++) {
		workers[0].stats.counters[KG_COUNTER_TURNS]++;
		workers[1].stats.counters[KG_COUNTER_TURNS] += i != 3;
		turn(&loop);
		assert_int_equal(is_told(manager), i != 3);
	}

	kg_control_watchdog_destroy(watchdog);
	kg_loop_fini(&loop);
	unlink(address.sun_path);
	close(manager);
}

static void another_process_is_watched(void **state)
{
	static struct kg_box box;
	struct kg_control_watchdog *watchdog;
	struct kg_loop loop;

	setenv("WATCHDOG_PID", "1", 1);
	assert_true(kg_loop_init(&loop, clock_us));
	watchdog = kg_control_watchdog_create(&loop, &box);
	assert_true(TAILQ_FIRST(&loop.sources)->due_us == KG_NEVER_US);
	kg_control_watchdog_destroy(watchdog);
	kg_loop_fini(&loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worker_that_hangs_is_not_covered_up),
		cmocka_unit_test(another_process_is_watched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
