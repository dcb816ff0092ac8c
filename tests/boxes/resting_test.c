/* SPDX-License-Identifier: BSD-3-Clause */
/* How long tunnels rest at most, and how many: the control thread's clock is the test's. */
#include "resting.h"

#include "box.h"
#include "control/internal.h"
#include "side.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define START_US   (1000 * KG_US_PER_S)
#define LONGEST_US (600 * KG_US_PER_S) /* docs/decisions/0083 */
#define MOST       16

static struct kg_box box;
static struct kg_box_tunnel tunnels[MOST + 2];
static const struct kg_tunnel_config config; /* listens nowhere */

static int set_up(void **state)
{
	memset(&box, 0, sizeof(box));
	memset(tunnels, 0, sizeof(tunnels));
	pthread_mutex_init(&box.tunnels_lock, NULL);
	for (unsigned int i = 0; i < KG_ARRAY_SIZE(tunnels); i++) {
		tunnels[i].id = (uint16_t)i;
		tunnels[i].config = &config;
		kg_slots_put(&box.tunnels, tunnels[i].id, &tunnels[i]);
	}
	return 0;
}

/* One with a connection, which does not end by itself. */
static bool is_over(const struct kg_box_tunnel *tunnel)
{
	struct kg_streams *some = (struct kg_streams *)&box;
	const struct kg_side side = { .tunnel = tunnel, .streams = some, .conns = 1 };

	return kg_resting_is_over(&side);
}

static void ten_minutes_are_the_most(void **state)
{
	struct kg_box_tunnel *tunnel = &tunnels[0];

	kg_control_rest_begin(&box, tunnel, NULL, START_US);
	assert_true(tunnel->resting);
	assert_int_equal(kg_control_rest_watch(tunnel, START_US), START_US + LONGEST_US);
	assert_int_equal(kg_control_rest_watch(tunnel, START_US + LONGEST_US - 1),
			 START_US + LONGEST_US);
	assert_false(is_over(tunnel));
	assert_true(kg_control_rest_watch(tunnel, START_US + LONGEST_US) == KG_NEVER_US);
	assert_true(is_over(tunnel));
}

/* Whatever place it has among the tunnels. */
static void of_too_many_the_longest_ends(void **state)
{
	for (unsigned int i = 0; i < MOST; i++)
		kg_control_rest_begin(&box, &tunnels[(i + 5) % MOST], NULL, START_US + i);
	for (unsigned int i = 0; i < MOST; i++)
		assert_false(is_over(&tunnels[i]));
	for (unsigned int i = 0; i < 2; i++) {
		kg_control_rest_begin(&box, &tunnels[MOST + i], NULL, START_US + MOST + i);
		for (unsigned int j = 0; j < MOST; j++)
			assert_int_equal(is_over(&tunnels[(j + 5) % MOST]), j <= i);
	}
}

static void what_has_nothing_open_is_over_at_once(void **state)
{
	struct kg_streams *some = (struct kg_streams *)&box;
	const struct kg_side side = { .tunnel = &tunnels[0], .streams = some };

	kg_control_rest_begin(&box, &tunnels[0], NULL, START_US);
	assert_true(kg_resting_is_over(&side));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(ten_minutes_are_the_most, set_up),
		cmocka_unit_test_setup(of_too_many_the_longest_ends, set_up),
		cmocka_unit_test_setup(what_has_nothing_open_is_over_at_once, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
