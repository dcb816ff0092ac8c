/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets of this process, found among its descriptors; those of real ports: tests/netns/woken.py.
 */
#include "nic/rx_wake.h"

#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define SOCKETS 3

static void test_of_one_family(void **state)
{
	struct kg_sockets before, now;
	int fds[SOCKETS], other = socket(AF_INET, SOCK_DGRAM, 0);

	(void)state;
	kg_sockets_list(&before, AF_UNIX);
	for (int i = 0; i < SOCKETS; i++)
		fds[i] = socket(AF_UNIX, SOCK_DGRAM, 0);
	kg_sockets_list(&now, AF_UNIX);
	assert_int_equal(now.count, before.count + SOCKETS);
	for (unsigned int i = 0; i < now.count; i++)
		assert_int_not_equal(now.fds[i], other);
	for (unsigned int i = 1; i < now.count; i++)
		assert_true(now.fds[i] > now.fds[i - 1]);
	for (int i = 0; i < SOCKETS; i++)
		close(fds[i]);
	close(other);
	kg_sockets_list(&now, AF_UNIX);
	assert_int_equal(now.count, before.count);
}

/* Interface 0 is all of them, and so none. */
static void test_nothing_to_be_found(void **state)
{
	struct kg_rx_wake wakes[2] = { 0 };
	struct kg_sockets none = { .count = 0 };

	(void)state;
	kg_rx_wake_find_xdp(&wakes[0], &none);
	kg_rx_wake_find_packet(wakes, 2, 0);
	kg_rx_wake_find_packet(wakes, 2, 1);
	assert_int_equal(wakes[0].by, KG_RX_WAKE_BY_NOTHING);
	assert_int_equal(wakes[1].by, KG_RX_WAKE_BY_NOTHING);
}

/* A worker that one port cannot wake has to look, whatever the others can. */
static void test_the_worst_is_said(void **state)
{
	struct kg_rx_wake wakes[2] = { { .by = KG_RX_WAKE_BY_XDP_SOCKET },
				       { .by = KG_RX_WAKE_BY_XDP_SOCKET } };

	(void)state;
	assert_string_equal(kg_rx_wake_text(wakes, 2), "its AF_XDP sockets");
	wakes[1].by = KG_RX_WAKE_BY_NOTHING;
	assert_string_equal(kg_rx_wake_text(wakes, 2), "timers only: a frame waits up to 5 ms");
	assert_string_equal(kg_rx_wake_text(wakes, 1), "its AF_XDP sockets");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of_one_family),
		cmocka_unit_test(test_nothing_to_be_found),
		cmocka_unit_test(test_the_worst_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
