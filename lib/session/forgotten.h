/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A peer that has lost its state: it is there, and knows a channel no longer. Its host crashed, or
 * was started anew. (Who is not there at all is silent, which is another matter: hop.h, timers.c.)
 *
 *   waiting ── nothing heard ──► asked ─┬─ anything on its conv ──► as before
 *                                       ├─ the conv is denied ────► forgotten
 *                                       └─ only tests answered ───► forgotten
 *
 * Denied: the peer says that it does not know the conv (docs/wire.md §4.8). Only tests answered: a
 * client's tests of its path are, again and again, and what the channel says meanwhile is not.
 *
 * A box denies at once. An original never says that it has forgotten something, but it answers
 * tests. Where one of all that a test and a channel say is answered by chance, because the wire
 * loses, it is the channel's before long: it says more.
 */
#pragma once

#include "net/addr.h"

struct kg_channel;
struct kg_datagram;
struct kg_session;

/* Questions about conversations that we do not know: so many wait for their answers. */
#define KG_DENIALS_MAX 64

struct kg_denial {
	struct kg_tuple ends;
	uint32_t conv, ts;
};

struct kg_denials {
	struct kg_denial waiting[KG_DENIALS_MAX];
	uint32_t count;
};

/* When to ask the peer of a channel whether it knows it, as things stand. */
uint64_t kg_forgotten_due_us(const struct kg_channel *ch, uint64_t now_us);
void kg_forgotten_ask(struct kg_channel *ch, uint64_t now_us);
/* The question that is due; false while something must go before. */
bool kg_forgotten_output(struct kg_channel *ch, struct kg_datagram *out, uint64_t now_us);
/* Client: a test of the channel's path was answered, so the peer is there. `at_once`: the test,
 * too, was said no more than once. */
void kg_forgotten_on_proof(struct kg_channel *ch, bool at_once, uint64_t now_us);
/* Whether the peer denies the channel; then it is closed. */
bool kg_forgotten_input(struct kg_channel *ch, const struct kg_datagram *in, uint64_t now_us);

/* What came in on a conv that we do not know is denied, if it asks. */
bool kg_denials_is_asked(const struct kg_session *s, const struct kg_datagram *in);
void kg_denials_input(struct kg_session *s, const struct kg_datagram *in, uint32_t conv);
/* The next denial. */
void kg_denials_output(struct kg_session *s, struct kg_datagram *out);
