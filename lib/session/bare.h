/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Channels of a wire without KCP, UDP Hop's (docs/udphop.md). Such a channel is bare: what an
 * application says leaves once, as it is, and nobody says that it has arrived.
 *
 *   client  has one as soon as an application speaks, and chooses its iden, in conv's place
 *
 *   server  has one since the first datagram with an iden that it does not know
 *
 * Neither tells the other an end: both forget a channel when its application is silent. Paths,
 * hops, roaming, doubts and homes are those of all channels (struct kg_talk).
 */
#pragma once

#include "base/buf_queue.h"
#include "session/internal.h"
#include "wire/udphop.h"

struct kg_bare {
	struct kg_channel ch;
	struct kg_buf_queue out, in; /* datagrams of applications */
	uint64_t unanswered_us; /* client: since when nothing has come for what was said; 0: it has
				 * been answered, or nothing was said */
	uint64_t asked_us;      /* when a sign of life was last said */
	uint64_t introduced_us; /* with FEC: when a sign of life last asked whether it is a box */
	int64_t newest_s;       /* the latest stamp heard, by our clock of now_us */
	uint64_t ages_us;       /* since when the first of these is that of what is heard: */
	int16_t ages_s[2];      /* the least age of a stamp, of that time and of the one before */
	uint32_t received;      /* datagrams of the application */
	uint32_t number;        /* of the latest sign of life that was said */
	uint8_t introductions;  /* and how often */
	bool heard;
	bool asked;     /* since unanswered_us */
	bool alive_due; /* a sign of life is to be said */
};

static inline struct kg_bare *kg_bare_of(struct kg_channel *ch)
{
	return KG_CONTAINER_OF(ch, struct kg_bare, ch);
}

/* Signs of life and tests that are to be answered where they came from: so many wait. */
#define KG_BARE_ANSWERS_MAX 64
/* Of one; what is longer is no test of anybody's. */
#define KG_BARE_ANSWER_BYTES 32

struct kg_bare_answers {
	struct kg_bare_answer {
		struct kg_tuple ends;
		uint8_t bytes[KG_BARE_ANSWER_BYTES];
		uint16_t len;
	} waiting[KG_BARE_ANSWERS_MAX];
	uint32_t count;
};

extern const struct kg_talk kg_bare_talk;

/* ---- what the session's other files ask: bare.c, bare_input.c ---- */

enum kg_drop kg_bare_input(struct kg_session *s, const struct kg_datagram *in, uint64_t now_us);
/* The next of what is answered without a channel. */
void kg_bare_answer_output(struct kg_session *s, struct kg_datagram *out);
/* Each as kg_channel_… or kg_session_… of that name. */
struct kg_channel *kg_bare_open(struct kg_session *s, uint32_t iden, void *user, uint64_t now_us);
void kg_bare_connected(struct kg_channel *ch, uint64_t now_us);
bool kg_bare_send(struct kg_channel *ch, struct kg_buf *chain, uint64_t now_us);
uint32_t kg_bare_room(const struct kg_channel *ch);
bool kg_bare_peek(struct kg_channel *ch, size_t *bytes);
struct kg_buf *kg_bare_recv(struct kg_channel *ch);
void kg_bare_discard_input(struct kg_channel *ch);
bool kg_bare_asks(const struct kg_session *s, struct kg_endpoint *remote, uint64_t *since_us);
uint32_t kg_bare_queued(const struct kg_channel *ch);
uint32_t kg_bare_received(const struct kg_channel *ch);
/* The longest datagram of an application. */
size_t kg_bare_datagram_max(const struct kg_session *s);
/* It ends for its host; what waits to be sent still goes. */
void kg_bare_end(struct kg_channel *ch, enum kg_close why, const char *text, uint64_t now_us);
/* Says a sign of life, to be answered. */
void kg_bare_say_alive(struct kg_channel *ch, uint64_t now_us);

/* ---- bare.c ---- */

extern const struct kg_line_ops kg_bare_line_ops;

/* With its doubts, in a home; without a path. NULL without memory. */
struct kg_channel *kg_bare_create(struct kg_session *s, uint32_t iden, uint64_t now_us);
/* What signs of life say with FEC that they are of: no group that is under way. An original's
 * server of v1.1.7 takes them for its shards, and its client's first group is 0. */
uint32_t kg_bare_no_group(const struct kg_channel *ch);
/* For the host to read. `in`: whose bytes these are, and may stay; NULL: they are copied. */
enum kg_drop kg_bare_take(struct kg_channel *ch, const struct kg_datagram *in, const uint8_t *bytes,
			  uint16_t len, uint64_t now_us);
/* Something valid came from its peer. */
void kg_bare_heard(struct kg_channel *ch, uint64_t now_us);

/* ---- bare_timers.c ---- */

uint64_t kg_bare_timeout_us(struct kg_line *line, uint64_t now_us);
void kg_bare_on_timer(struct kg_line *line, uint64_t now_us);

/* ---- bare_test.c ---- */

extern const struct kg_line_ops kg_bare_test_line_ops;

struct kg_handshake *kg_bare_test_create(struct kg_session *s, const struct kg_channel *ch,
					 uint64_t now_us);
bool kg_bare_test_has_asked_once(const struct kg_handshake *test);
/* An answer to a test of that local port. */
enum kg_drop kg_bare_test_input(struct kg_session *s, const struct kg_datagram *in,
				const struct kg_udphop_body *body, uint64_t now_us);
