/* SPDX-License-Identifier: BSD-3-Clause */
/* What follows for the ends of a connection: each set of ends, way and event. */
#include "session/ends.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define OURS  KG_ENDS_OURS
#define PEERS KG_ENDS_PEERS
#define TOLD  KG_ENDS_TOLD
#define CUT   KG_ENDS_CUT

#define EACH     (1u << KG_ENDS_EACH)
#define AT_ONCE  (1u << KG_ENDS_AT_ONCE)
#define ANSWERED (1u << KG_ENDS_ANSWERED)
#define BOTH     (AT_ONCE | ANSWERED)
#define ALL      (EACH | BOTH)

/* All that ever happens; whatever is not here changes nothing. */
static const struct row {
	enum kg_ends_event event;
	unsigned int ways;
	uint8_t before, after;
	enum kg_ends_deed deed;
} rows[] = {
	{ KG_ENDS_FINISHES, ALL, 0, OURS, KG_ENDS_NOTHING },
	{ KG_ENDS_FINISHES, ALL, PEERS, OURS | PEERS, KG_ENDS_NOTHING },
	{ KG_ENDS_FINISHES, ALL, PEERS | TOLD, OURS | PEERS | TOLD, KG_ENDS_NOTHING },
	{ KG_ENDS_FINISHES, ALL, CUT, OURS | CUT, KG_ENDS_NOTHING },
	{ KG_ENDS_FINISHES, ALL, PEERS | CUT, OURS | PEERS | CUT, KG_ENDS_NOTHING },
	{ KG_ENDS_FINISHES, ALL, PEERS | TOLD | CUT, OURS | PEERS | TOLD | CUT, KG_ENDS_NOTHING },

	{ KG_ENDS_MAY_SPEAK, EACH, OURS, OURS, KG_ENDS_SAY_FINISH },
	{ KG_ENDS_MAY_SPEAK, EACH, OURS | PEERS, OURS | PEERS, KG_ENDS_SAY_FINISH },
	{ KG_ENDS_MAY_SPEAK, EACH, OURS | PEERS | TOLD, OURS | PEERS | TOLD, KG_ENDS_SAY_FINISH },
	{ KG_ENDS_MAY_SPEAK, AT_ONCE, OURS, OURS, KG_ENDS_SAY_CUT },
	{ KG_ENDS_MAY_SPEAK, ANSWERED, OURS, OURS, KG_ENDS_AWAIT },
	{ KG_ENDS_HAS_WAITED, ANSWERED, OURS, OURS, KG_ENDS_SAY_CUT },

	{ KG_ENDS_ABORTS, ALL, 0, OURS | CUT, KG_ENDS_DROP_AND_CUT },
	{ KG_ENDS_ABORTS, ALL, PEERS, OURS | PEERS | CUT, KG_ENDS_DROP_AND_CUT },
	{ KG_ENDS_ABORTS, ALL, PEERS | TOLD, OURS | PEERS | TOLD | CUT, KG_ENDS_DROP_AND_CUT },
	{ KG_ENDS_ABORTS, ALL, OURS, OURS | CUT, KG_ENDS_SAY_CUT },
	{ KG_ENDS_ABORTS, ALL, OURS | PEERS, OURS | PEERS | CUT, KG_ENDS_SAY_CUT },
	{ KG_ENDS_ABORTS, ALL, OURS | PEERS | TOLD, OURS | PEERS | TOLD | CUT, KG_ENDS_SAY_CUT },

	{ KG_ENDS_PEER_FINISHES, EACH, 0, PEERS, KG_ENDS_NOTHING },
	{ KG_ENDS_PEER_FINISHES, EACH, OURS, OURS | PEERS, KG_ENDS_NOTHING },

	{ KG_ENDS_PEER_CUTS, ALL, 0, CUT, KG_ENDS_NOTHING },
	{ KG_ENDS_PEER_CUTS, ALL, OURS, OURS | CUT, KG_ENDS_NOTHING },
	{ KG_ENDS_PEER_CUTS, ALL, PEERS, PEERS | CUT, KG_ENDS_NOTHING },
	{ KG_ENDS_PEER_CUTS, ALL, OURS | PEERS, OURS | PEERS | CUT, KG_ENDS_NOTHING },
	{ KG_ENDS_PEER_CUTS, ALL, PEERS | TOLD, PEERS | TOLD | CUT, KG_ENDS_NOTHING },
	{ KG_ENDS_PEER_CUTS, ALL, OURS | PEERS | TOLD, OURS | PEERS | TOLD | CUT, KG_ENDS_NOTHING },

	{ KG_ENDS_ALL_READ, ALL, PEERS, PEERS | TOLD, KG_ENDS_TELL },
	{ KG_ENDS_ALL_READ, ALL, OURS | PEERS, OURS | PEERS | TOLD, KG_ENDS_TELL },
	{ KG_ENDS_ALL_READ, ALL, PEERS | CUT, PEERS | TOLD | CUT, KG_ENDS_TELL },
	{ KG_ENDS_ALL_READ, ALL, OURS | PEERS | CUT, OURS | PEERS | TOLD | CUT, KG_ENDS_TELL },
	{ KG_ENDS_ALL_READ, EACH, CUT, CUT, KG_ENDS_CLOSE_RESET },
	{ KG_ENDS_ALL_READ, EACH, OURS | CUT, OURS | CUT, KG_ENDS_CLOSE_RESET },
	{ KG_ENDS_ALL_READ, EACH, PEERS | TOLD | CUT, PEERS | TOLD | CUT, KG_ENDS_CLOSE_RESET },
	{ KG_ENDS_ALL_READ, EACH, OURS | PEERS | TOLD | CUT, OURS | PEERS | TOLD | CUT,
	  KG_ENDS_CLOSE_RESET },
	{ KG_ENDS_ALL_READ, BOTH, CUT, CUT, KG_ENDS_CLOSE },
	{ KG_ENDS_ALL_READ, BOTH, OURS | CUT, OURS | CUT, KG_ENDS_CLOSE },
};

/* Sets that come about in this way: none is told of what has not ended, and where one word ends
 * both directions the peer's does not end alone. */
static bool comes_about(uint8_t ends, enum kg_ends_way way)
{
	if ((ends & TOLD) != 0 && (ends & PEERS) == 0)
		return false;
	return way == KG_ENDS_EACH || (ends & PEERS) == 0;
}

static struct kg_ends_step expected(uint8_t ends, enum kg_ends_way way, enum kg_ends_event event)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(rows); i++) {
		if (rows[i].event == event && (rows[i].ways & 1u << way) != 0 &&
		    rows[i].before == ends)
			return (struct kg_ends_step){ rows[i].after, rows[i].deed };
	}
	return (struct kg_ends_step){ ends, KG_ENDS_NOTHING };
}

static void expect_step(uint8_t ends, enum kg_ends_way way, enum kg_ends_event event)
{
	struct kg_ends_step is = kg_ends_next(ends, way, event);
	struct kg_ends_step wanted = expected(ends, way, event);

	if (is.ends != wanted.ends || is.deed != wanted.deed)
		fail_msg("ends %x, way %u, event %u: now %x, deed %u instead of %x, deed %u", ends,
			 way, event, is.ends, is.deed, wanted.ends, wanted.deed);
}

static void every_step_is_as_it_stands_here(void **state)
{
	for (enum kg_ends_way way = 0; way < KG_ENDS_WAYS; way++) {
		for (uint8_t ends = 0; ends < KG_ENDS_SETS; ends++) {
			if (!comes_about(ends, way))
				continue;
			for (enum kg_ends_event event = 0; event < KG_ENDS_EVENTS; event++)
				expect_step(ends, way, event);
		}
	}
}

/* Both end by themselves, whoever is first. */
static void two_ends_of_their_own_are_an_orderly_end(void **state)
{
	static const enum kg_ends_event orders[][3] = {
		{ KG_ENDS_FINISHES, KG_ENDS_PEER_FINISHES, KG_ENDS_ALL_READ },
		{ KG_ENDS_PEER_FINISHES, KG_ENDS_FINISHES, KG_ENDS_ALL_READ },
		{ KG_ENDS_PEER_FINISHES, KG_ENDS_ALL_READ, KG_ENDS_FINISHES },
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(orders); i++) {
		uint8_t ends = 0;

		for (size_t k = 0; k < KG_ARRAY_SIZE(orders[i]); k++) {
			assert_false(kg_ends_are_over(ends));
			ends = kg_ends_next(ends, KG_ENDS_EACH, orders[i][k]).ends;
		}
		assert_true(kg_ends_are_over(ends));
		ends = kg_ends_next(ends, KG_ENDS_EACH, KG_ENDS_PEER_CUTS).ends;
		assert_false(kg_ends_are_over(ends));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_step_is_as_it_stands_here),
		cmocka_unit_test(two_ends_of_their_own_are_an_orderly_end),
	};

	return cmocka_run_group_tests_name("ends", tests, NULL, NULL);
}
