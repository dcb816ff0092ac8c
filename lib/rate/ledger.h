/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What left on each of several 5-tuples to one peer, and what came of it: a row each. By that it
 * is judged, every so often, which of them are punished for how they were used, and how what leaves
 * next is dealt out.
 *
 * Carriers do two things to a 5-tuple alone: a policer lets so much pass and no more, and a penalty
 * box, once too much has passed for too long, next to nothing. What befalls one row and not the
 * others is such a thing; what befalls all is the path's, and rate.h's affair.
 *
 * Each slice of time is one row's: what leaves in it leaves on that one. So the time at which
 * something left says on which, and nothing else need be kept of a datagram.
 *
 * No I/O, no clock, one thread. Bytes are payload of KCP in one direction, of datagrams in the
 * other.
 */
#pragma once

#include "base/base.h"

#define KG_LEDGER_ROWS   8u
#define KG_LEDGER_SLICES 4096u /* a power of two */

#define KG_LEDGER_VERDICT_LIST(X)                                                          \
	X(YOUNG, "young", "too little has passed to judge it")                             \
	X(FINE, "fine", "what is sent arrives as it does on the others")                   \
	X(POLICER, "policer", "so much arrives and no more, which the others do not know") \
	X(PENALTY, "penalty", "it crawls, and did not; the others do not")                 \
	X(BLOCKED, "blocked", "nothing has ever arrived, and on the others it does")

enum kg_ledger_verdict {
#define KG_LEDGER_ENUM(id, name, help) KG_LEDGER_##id,
	KG_LEDGER_VERDICT_LIST(KG_LEDGER_ENUM)
#undef KG_LEDGER_ENUM
	KG_LEDGER_VERDICTS
};
const char *kg_ledger_verdict_name(enum kg_ledger_verdict verdict);
/* It is to be left. */
static inline bool kg_ledger_is_bad(enum kg_ledger_verdict verdict)
{
	return verdict >= KG_LEDGER_PENALTY;
}

#define KG_LEDGER_MEDIAN 7u

/* One direction of a row. */
struct kg_ledger_way {
	uint64_t bytes;                 /* that arrived, ever */
	uint64_t then;                  /* of these, when the window began */
	float Bps, was_Bps;             /* of the latest window, and of the one before */
	float before[KG_LEDGER_MEDIAN]; /* of those before */
	uint8_t count, at;              /* of `before` */
	uint8_t bad;                    /* windows on end that say so */
};

struct kg_ledger_row {
	uint64_t begun_us; /* 0: no such row */
	uint64_t heard_us; /* something came in; 0: nothing has */
	uint64_t sent_bytes, lost_bytes;
	struct kg_ledger_way up, down; /* what we sent, and what came in */
	/* Of the window, which closes when enough has been heard of: segments. */
	uint64_t window_us;
	uint32_t arrived, missed;
	/* Of the latest that has closed. */
	uint64_t judged_us; /* when; 0: none has */
	uint32_t judged;    /* segments */
	float loss;         /* the part that was lost, where they were enough */
	float limit_Bps;    /* no more is to be sent; 0: none is known */
	double dealt;       /* bytes by its part, both ways: the least is next */
	uint8_t verdict;    /* enum kg_ledger_verdict */
	bool lossy;         /* in the latest window, more than the others */
	bool suspect;       /* it fares as one that is punished does, and there is no good one */
};

struct kg_ledger {
	struct kg_ledger_row rows[KG_LEDGER_ROWS];
	uint64_t slice_us;              /* when the latest began */
	unsigned int on;                /* the row that has it */
	uint64_t slices;                /* ever */
	uint64_t passed;                /* bytes, both ways, since they were levelled last */
	bool holes;                     /* since they were judged last, in what comes in */
	bool long_slices;               /* the peer answers once a millisecond */
	uint64_t log[KG_LEDGER_SLICES]; /* when each began, and in the low bits its row */
};

static inline bool kg_ledger_is_open(const struct kg_ledger_row *row)
{
	return row->begun_us != 0;
}

void kg_ledger_init(struct kg_ledger *ledger);
/* Which row it is; KG_LEDGER_ROWS: there are so many already. */
unsigned int kg_ledger_open(struct kg_ledger *ledger, uint64_t now_us);
void kg_ledger_close(struct kg_ledger *ledger, unsigned int row);
unsigned int kg_ledger_count(const struct kg_ledger *ledger);

/* The row on which all that leaves now leaves. There is one. What comes in meanwhile is, a round
 * trip later, what the peer sends to where it has heard us last: it counts as much in the row's
 * part. */
unsigned int kg_ledger_slice(struct kg_ledger *ledger, uint64_t now_us);
/* Slices last longer than a millisecond: a peer that speaks as often answers where it was heard
 * last by then, so of those that are shorter only some would be answered. */
void kg_ledger_slice_long(struct kg_ledger *ledger, bool on);
/* All that leaves now leaves on this one. */
void kg_ledger_stay(struct kg_ledger *ledger, unsigned int row, uint64_t now_us);
/* So much has left on it. */
void kg_ledger_sent(struct kg_ledger *ledger, unsigned int row, uint32_t bytes);
/* What left at sent_us has arrived, or was lost. */
void kg_ledger_acked(struct kg_ledger *ledger, uint64_t sent_us, uint32_t bytes);
void kg_ledger_lost(struct kg_ledger *ledger, uint64_t sent_us, uint32_t bytes);
/* That much has come in on a row. */
void kg_ledger_received(struct kg_ledger *ledger, unsigned int row, uint32_t bytes,
			uint64_t now_us);

/* What comes in has a hole: the peer has more to say. */
void kg_ledger_hole(struct kg_ledger *ledger);

/* One of them seems to be punished. The first: so do all others, or there are none, and only
 * another one can tell whether it is the path. */
bool kg_ledger_lacks_a_good_one(const struct kg_ledger *ledger);
bool kg_ledger_suspects(const struct kg_ledger *ledger);
/* What rows used to have says nothing any more. */
void kg_ledger_forget(struct kg_ledger *ledger);

/* Nobody waits for longer than for what has passed since the last call. */
void kg_ledger_level(struct kg_ledger *ledger);

/* How often rows are judged. */
#define KG_LEDGER_LOOK_US (250u * KG_US_PER_MS)
/* Judges all rows; of those whose verdict has become another, a bit each. */
unsigned int kg_ledger_judge(struct kg_ledger *ledger, uint64_t now_us);
