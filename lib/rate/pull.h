/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How much a peer may send us that knows no rate of its own: it sends at once whatever the window
 * that we tell it lets it. So the window is told in grants: as many segments as the path holds, and
 * no faster than it takes them. Both are found out as by a sender (rate.h), from what arrives.
 *
 * A segment says by the peer's clock when it left. The shortest way of all is one without a queue,
 * so what is longer is a queue; and what a grant was answered with tells how long the rest takes.
 * The time at which a segment was granted, and its round trip, follow from these two.
 *
 * Of several conversations with the peer those that are busy have equal parts.
 *
 * No I/O, no clock, one thread. Counts are of segments.
 */
#pragma once

#include "rate/rate.h"

#define KG_PULL_FLOWS 64u /* a power of two: conversations whose gaps are known */

struct kg_pull_flow {
	uint32_t conv;
	uint32_t top;         /* behind the greatest sn that came */
	uint32_t ts;          /* the latest, by the peer's clock */
	uint32_t edge;        /* behind the greatest sn that was ever granted */
	uint16_t came, round; /* in the latest round trip in which something did */
	bool was_busy;        /* in the one before */
};

/* The least of ten seconds or two of them; UINT64_MAX: there is none. */
struct kg_pull_least {
	uint64_t now_us, before_us;
};

struct kg_pull {
	struct kg_rate rate;
	struct kg_pull_flow flows[KG_PULL_FLOWS];
	uint64_t last_us;    /* something came; 0: nothing has */
	uint64_t round_us;   /* the round trip began */
	uint64_t renewed_us; /* the ten seconds began */
	uint64_t free_us;    /* all that was granted has been, at the rate, by then */
	uint64_t asked_us;   /* a grant whose answer is waited for; 0: none is */
	uint32_t asked_conv, asked_sn;
	uint32_t asked_queue_us; /* the shortest queue that was met since */
	uint32_t first_ts;       /* and it came at first_us */
	uint64_t first_us;
	struct kg_pull_least way; /* from there on, longer than the first one took, and an hour */
	struct kg_pull_least rest;
	uint32_t delivered, lost;
	uint16_t round, busy;
	bool used;  /* what is granted is sent at once */
	bool begun; /* so the rate is measured */
};

/* Something new has come, in one datagram. */
struct kg_pull_news {
	uint64_t now_us;
	uint32_t conv, sn; /* the greatest that is new */
	uint32_t ts;       /* in ms, by the peer's clock */
	uint32_t came;     /* so many are new */
	uint32_t open;     /* granted there, and not come */
	uint32_t rtt_us;   /* as measured otherwise; 0: not known */
};

void kg_pull_init(struct kg_pull *pull, uint32_t seed, uint64_t now_us);
void kg_pull_hear(struct kg_pull *pull, const struct kg_pull_news *news);

/* A round trip without a queue; until one is known, `rtt_us`, or a guess where that is 0. */
uint32_t kg_pull_rest_us(const struct kg_pull *pull, uint32_t rtt_us);

/* Much has come of it in this round trip, or in the one before. */
bool kg_pull_is_busy(const struct kg_pull *pull, uint32_t conv);

/* Where `open` are granted and have not come: how many may be, now. */
uint32_t kg_pull_window(const struct kg_pull *pull, uint32_t open, uint64_t now_us);
/* Of `conv` those from `sn` on, `more` of them, were granted now. */
void kg_pull_granted(struct kg_pull *pull, uint32_t conv, uint32_t sn, uint32_t more,
		     uint64_t now_us);
/* One was due, and something else was in its way. */
void kg_pull_put_off(struct kg_pull *pull, uint64_t now_us);
/* When it is worth while to grant more to `conv`, though nothing comes; KG_NEVER_US: it is not. */
uint64_t kg_pull_due_us(const struct kg_pull *pull, uint32_t conv, uint32_t open);
