/* SPDX-License-Identifier: BSD-3-Clause */
/* Decides what follows when one end of a connection says something, from a table. */
#include "session/ends.h"

#define EACH     (1u << KG_ENDS_EACH)
#define AT_ONCE  (1u << KG_ENDS_AT_ONCE)
#define ANSWERED (1u << KG_ENDS_ANSWERED)
#define FOR_BOTH (AT_ONCE | ANSWERED)
#define ANY      (EACH | FOR_BOTH)

#define OURS  KG_ENDS_OURS
#define PEERS KG_ENDS_PEERS
#define TOLD  KG_ENDS_TOLD
#define CUT   KG_ENDS_CUT

/* The first that fits counts; where none does nothing changes. */
static const struct rule {
	uint8_t event, ways;
	uint8_t has, lacks; /* of what has ended */
	uint8_t ends;       /* now, too */
	uint8_t deed;
} rules[] = {
	{ KG_ENDS_FINISHES, ANY, 0, OURS, OURS, KG_ENDS_NOTHING },

	{ KG_ENDS_MAY_SPEAK, EACH, OURS, CUT, 0, KG_ENDS_SAY_FINISH },
	{ KG_ENDS_MAY_SPEAK, AT_ONCE, OURS, CUT, 0, KG_ENDS_SAY_CUT },
	{ KG_ENDS_MAY_SPEAK, ANSWERED, OURS, CUT, 0, KG_ENDS_AWAIT },
	{ KG_ENDS_HAS_WAITED, ANSWERED, OURS, CUT, 0, KG_ENDS_SAY_CUT },

	/* What was sent before an orderly end still goes. */
	{ KG_ENDS_ABORTS, ANY, OURS, CUT, CUT, KG_ENDS_SAY_CUT },
	{ KG_ENDS_ABORTS, ANY, 0, CUT, OURS | CUT, KG_ENDS_DROP_AND_CUT },

	{ KG_ENDS_PEER_FINISHES, EACH, 0, CUT, PEERS, KG_ENDS_NOTHING },
	{ KG_ENDS_PEER_CUTS, ANY, 0, 0, CUT, KG_ENDS_NOTHING },

	{ KG_ENDS_ALL_READ, ANY, PEERS, TOLD, TOLD, KG_ENDS_TELL },
	{ KG_ENDS_ALL_READ, EACH, CUT, 0, 0, KG_ENDS_CLOSE_RESET },
	{ KG_ENDS_ALL_READ, FOR_BOTH, CUT, 0, 0, KG_ENDS_CLOSE },
};

static bool fits(const struct rule *rule, uint8_t ends, enum kg_ends_way way,
		 enum kg_ends_event event)
{
	return rule->event == event && (rule->ways & 1u << way) != 0 &&
	       (ends & rule->has) == rule->has && (ends & rule->lacks) == 0;
}

struct kg_ends_step kg_ends_next(uint8_t ends, enum kg_ends_way way, enum kg_ends_event event)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(rules); i++) {
		if (fits(&rules[i], ends, way, event))
			return (struct kg_ends_step){ ends | rules[i].ends, rules[i].deed };
	}
	return (struct kg_ends_step){ ends, KG_ENDS_NOTHING };
}
