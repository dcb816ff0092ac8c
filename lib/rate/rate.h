/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How fast to send on a path, and how much may be under way: found out from what arrives.
 *
 * Rates are measured over rounds: from a moment until something that left after it is acknowledged,
 * and enough has been. Acknowledgements that come together after a silence, for a machine was
 * busy, say no more than how fast what they name had left. The best of the last rounds is what the
 * path has; the least round trip, what it takes without a queue. So much is sent, in a window that
 * lets a queue be a quarter of a round trip. Now and then a round goes faster, and the next slower,
 * to see whether the path has more.
 *
 * Loss alone says nothing. When more is lost than is tolerated, less is sent for two rounds: if
 * less is lost then, it was our doing and stays so; if not, that is how the path is, and the loss
 * is tolerated. Whatever its level, random loss costs what it loses and no more.
 *
 * That is one kind. Another has been told its rate, and makes good what is lost (told.c); two more
 * keep a window (window.c): fair, which takes as much as a TCP beside it would, and a scavenger,
 * which takes what others leave.
 *
 * No I/O, no clock: what is heard comes in, and what may leave is read.
 */
#pragma once

#include "base/base.h"

#define KG_RATE_ROUNDS 10u /* whose best counts */

enum kg_rate_kind {
	KG_RATE_FOUND_OUT,
	KG_RATE_TOLD,
	KG_RATE_FAIR,
	KG_RATE_SCAVENGER,
};

enum kg_rate_stage {
	KG_RATE_STARTING, /* faster each round, until that brings no more */
	KG_RATE_BRAKING,  /* a queue has shown in the midst of a round: no faster until it ends */
	KG_RATE_DRAINING, /* slower, until the queue that it made is gone */
	KG_RATE_CRUISING,
	KG_RATE_PROBING,  /* a round faster */
	KG_RATE_YIELDING, /* and slower, while what it brought is counted */
	KG_RATE_SETTLING, /* cut, to see whether losses are our doing: what left before arrives */
	KG_RATE_JUDGING,
	KG_RATE_DIPPING, /* with little under way, to see the least round trip */
};

/* Of those that keep one. */
struct kg_rate_window {
	uint64_t cut_us;     /* when a queue has cut it; 0: none has */
	uint64_t epoch_us;   /* when it began to grow since a cut; 0: it does not yet */
	uint64_t stretch_us; /* when the stretch began whose least round trip is kept */
	uint32_t stretch_least_us;
	uint32_t rtt_us;               /* smoothed */
	uint32_t delivered, under_way; /* by what was heard last */
	float now, before;             /* datagrams; before the latest cut */
	float top, top_s; /* where it is to grow slowest, and how long after the epoch */
	float reno;       /* what a plain TCP would have */
	float step;       /* that it grows, for a datagram delivered */
	float full_us;    /* of a round trip, where it lost; 0: not known */
	float high_us;    /* likewise, before the queue became shorter */
	float fallen;     /* so much shorter, in parts of it, by cuts of others since its own */
	float part;       /* of all that is under way, its own; 0: not known */
	uint8_t stage;
	bool falls;  /* the queue, from where it was full */
	bool is_own; /* its own cut, of which nothing has been seen yet */
};

struct kg_rate {
	uint64_t began_us; /* the round */
	uint64_t sent_us;  /* when the latest of what was heard of by then had left */
	uint64_t last_us;  /* when something was heard */
	uint64_t quiet_us; /* when something was, after a silence */
	uint64_t least_at_us;
	uint32_t delivered, lost; /* when it began */
	uint32_t least_us;        /* round trip; 0: none yet */
	uint32_t round_least_us;  /* of this round */
	uint32_t round_most_us;   /* likewise */
	uint32_t round_rtts;      /* so many there were, of this sum: */
	uint64_t round_sum_us;
	uint64_t round_bytes; /* of so many: */
	uint32_t round_segments;
	uint32_t seed;
	float pps;                    /* what the path has, as far as is known; 0: nothing is */
	float bytes;                  /* of a datagram that is counted; 0: not known */
	float before_pps;             /* before the cut that is being tried */
	float rounds[KG_RATE_ROUNDS]; /* their rates */
	float tolerated, loss;        /* parts of 1; smoothed */
	float random;                 /* what was found to be no doing of ours */
	float part;                   /* of the window, that keeps the queue short on average */
	float room_us;                /* of the queue, before it loses; 0: not known */
	struct kg_rate_window window; /* fair, scavenger */
	uint8_t kind;                 /* enum kg_rate_kind */
	uint8_t stage;                /* enum kg_rate_stage */
	uint8_t at;                   /* of rounds: the next */
	uint8_t flat;                 /* rounds that brought no more */
	uint8_t grows;                /* probes in a row that brought more */
	uint8_t full;                 /* probes in a row that found a queue behind them */
	uint8_t waited;               /* starting: in a row, what came through a queue */
	uint8_t left;                 /* rounds until the next probe */
	uint8_t pause;                /* between probes, about */
	bool fresh;   /* the first round of a cruise: what it hears of left before */
	bool idle;    /* in this round less was sent than might have been */
	bool careful; /* what is lost is dear: it grows slowly, and looks for more with less */
};

/* What an acknowledgement has told. Counts are of datagrams, or of segments, modulo 2^32. */
struct kg_rate_news {
	uint64_t now_us;
	uint64_t sent_us; /* when the latest of what it names left */
	uint32_t rtt_us;
	uint32_t delivered, lost; /* ever */
	uint32_t under_way;
	uint32_t segments, bytes; /* that it names, and theirs; 0: nobody counts */
	bool backlogged;          /* more waits than may leave */
};

/* How it begins. */
struct kg_rate_params {
	enum kg_rate_kind kind;
	uint32_t told_pps; /* KG_RATE_TOLD: datagrams per second that are to arrive */
	uint32_t seed;
	uint32_t delivered, lost; /* ever, before it begins: of kg_rate_news */
	bool careful;             /* KG_RATE_FOUND_OUT: what is lost is dear */
};

void kg_rate_init(struct kg_rate *rate, const struct kg_rate_params *params, uint64_t now_us);
void kg_rate_hear(struct kg_rate *rate, const struct kg_rate_news *news);

/* Datagrams per second; 0: as fast as the window allows. */
float kg_rate_pps(const struct kg_rate *rate);
/* Of such a datagram, and in its time as many of others; 0: whatever it has. */
float kg_rate_bytes(const struct kg_rate *rate);
/* Datagrams that may be under way. */
float kg_rate_window(const struct kg_rate *rate);
