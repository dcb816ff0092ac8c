/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a channel's peer is. A server talks to the address at which its client was last proved to
 * hear, for a source can be made up, and a datagram copied. (A client chooses its server's address
 * itself and is not concerned.)
 *
 *   none     no datagram has come yet; only the IP address is known, from the handshake
 *
 *   first    it came from another IP address than the handshake: that hears a few datagrams
 *            and no more, until an ACK brings back the time stamp of what was sent there
 *
 *   proved   the address in use
 *
 *   asked    beside it: another one from which datagrams come. A question goes there alone
 *            (kg_kcp_question), no longer than what came; the ACK that answers it, from
 *            there, makes it the address in use
 *
 * While a first address is not proved another one takes its place by any news. One without, which
 * is all that who waits for a window says, is asked: the first may have been a copy's.
 *
 * From the handshake's IP address the first datagram is believed: its conv was told there and
 * nowhere else.
 *
 * A client that announces KG_CAPABILITY_PLACES is in several places at once, and speaks from one
 * of them in each slice of time (spread.h). Each is asked likewise, but the answer may come from
 * any of them: whoever has it has heard what went to that one. Then it is known, KG_ROAM_KNOWN
 * places beside the one in use for as long as they are used, and news from there makes it the
 * address in use without a question. Such a client has not moved, and nothing that went elsewhere
 * is lost.
 *
 * One other address is asked at a time, and no other for KG_ROAM_ASK_US, so that copies from a
 * third place cannot talk over an honest one. What is no news may be a replay: it is asked back
 * seldom, and gives way to news.
 */
#pragma once

#include "session/path.h"

struct kg_channel;
struct kg_datagram;

#define KG_ROAM_ASK_US (300ull * KG_US_PER_MS)
#define KG_ROAM_KNOWN  7u

struct kg_roam_place {
	struct kg_path *path; /* held; NULL: none */
	uint64_t left_us;     /* when it was in use last, or came to be known */
};

struct kg_roam {
	struct kg_path *path; /* held; NULL: nobody is asked, and what follows says nothing */
	uint64_t begun_us, asked_us;
	uint32_t ts;          /* of the questions: drawn by chance */
	uint32_t order;       /* kg_kcp_next_order when they began */
	int32_t credit_bytes; /* first: what may still go there */
	uint16_t heard_bytes; /* of the latest datagram from there */
	bool asked;           /* a question has gone there; before, nothing answers it */
	bool news;            /* not all from there were replays */
	struct kg_roam_place known[KG_ROAM_KNOWN];
};

/* A server's channel has taken a datagram. */
void kg_roam_heard(struct kg_channel *ch, const struct kg_datagram *in, unsigned int events,
		   uint64_t now_us);
/* The question that is due; false while something must go before. */
bool kg_roam_output(struct kg_channel *ch, struct kg_datagram *out, uint64_t now_us);
/* So much went to a first address. */
void kg_roam_spend(struct kg_channel *ch, uint16_t bytes);
/* An address is asked, or a first one is to be proved. */
bool kg_roam_asks(const struct kg_channel *ch);
/* When to give that up, or to forget a known place. */
uint64_t kg_roam_timeout_us(const struct kg_channel *ch);
void kg_roam_on_timer(struct kg_channel *ch, uint64_t now_us);
/* All of it. */
void kg_roam_forget(struct kg_channel *ch);
