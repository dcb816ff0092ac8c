/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What size of IP packet passes to a peer (RFC 8899, without a datagram of its own): a state
 * machine over sizes and times. Who has it sends packets of the sizes it names and tells which were
 * answered, what routers say (RFC 1191, RFC 8201), and when large packets seem to be lost.
 *
 *   search   sizes between one that passed and one that was lost, eight at a time; at last all
 *            above once more, since what was lost may have been so by chance
 *
 *   rest     done; if the path is narrower than the port, all above is tried again, after
 *            seconds at first, every few minutes at last
 *
 *   check    a suspicion: large packets do not pass any more, small ones do. Rounds in which
 *            only smaller ones were answered confirm it, when chance cannot have lost all the
 *            larger ones. What passes besides, and is as long, refutes it: a policer that drops
 *            much lets small packets through more often, and yet some of each size
 *
 * A router is believed at once, for that costs nothing lasting: what it denies is tried, and who
 * was wrong is not heard for a while. Nothing is believed to be narrower than the floor.
 */
#pragma once

#include "base/base.h"

#define KG_PMTU_PROBES 8

enum kg_pmtu_how {
	KG_PMTU_UNKNOWN, /* nothing has been answered yet: as narrow as paths may be */
	KG_PMTU_PROBED,
	KG_PMTU_TOLD, /* by a router */
	KG_PMTU_LOST, /* large packets were */
	KG_PMTU_SET,  /* by the configuration */
};

enum kg_pmtu_state {
	KG_PMTU_SEARCH,
	KG_PMTU_REST,
	KG_PMTU_CHECK,
};

struct kg_pmtu {
	uint16_t floor, ceiling;
	uint16_t mtu;                   /* passes, as far as is known */
	uint16_t bound;                 /* does not; ceiling + 1: nothing is known not to */
	uint16_t sizes[KG_PMTU_PROBES]; /* of the round under way, ascending */
	uint8_t count;                  /* of these; 0: none is under way */
	uint8_t heard;                  /* bits: which of these were answered */
	uint8_t hits[KG_PMTU_PROBES];   /* check: answers to each size, of all rounds */
	uint8_t lost[KG_PMTU_PROBES];   /* check: no answer to it, nor to any that is longer */
	uint16_t passed;                /* check: the longest of other packets that did */
	uint8_t how;                    /* enum kg_pmtu_how */
	uint8_t state;                  /* enum kg_pmtu_state */
	uint8_t tries;                  /* search: rounds that brought nothing new; check: rounds */
	uint8_t alarms;                 /* suspicions that were wrong, one after the other */
	uint8_t raises;                 /* of a path that was not wider after all */
	bool again;                     /* search: all above was tried once more */
	uint64_t due_us;                /* the round ends, or the next one may begin */
	uint64_t calm_us;               /* no suspicion before */
	uint64_t deaf_us;               /* no router is heard before */
};

/* A new peer: search begins at once. */
void kg_pmtu_init(struct kg_pmtu *p, uint16_t floor, uint16_t ceiling);
/* A size that stands. */
void kg_pmtu_init_set(struct kg_pmtu *p, uint16_t mtu);

/*
 * The round that is under way ends when its time has come, and the next begins. How many packets of
 * which sizes, in this order, are to be sent now; 0: none. `rtt_us` 0: not known.
 */
unsigned int kg_pmtu_poll(struct kg_pmtu *p, uint64_t now_us, uint32_t rtt_us);
/* When to poll next. While no round is under way it need not be in time. */
static inline uint64_t kg_pmtu_due_us(const struct kg_pmtu *p)
{
	return p->due_us;
}

/* sizes[index] of the round was answered. */
void kg_pmtu_on_answer(struct kg_pmtu *p, unsigned int index, uint64_t now_us);
/* A router says that packets of more than `mtu` do not pass. False: it is not believed, or says
 * nothing new. */
bool kg_pmtu_on_too_big(struct kg_pmtu *p, uint16_t mtu, uint64_t now_us);
/* Packets seem to be lost for their size. True: it is checked from now on. */
bool kg_pmtu_on_suspicion(struct kg_pmtu *p, uint64_t now_us);
/* A packet of this size that is no probe, and left since the check began, has passed. */
void kg_pmtu_on_passed(struct kg_pmtu *p, uint16_t size, uint64_t now_us);

const char *kg_pmtu_how_text(enum kg_pmtu_how how);
