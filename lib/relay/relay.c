/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Joins channels in pairs, and passes on what each of two says: messages, ends, resets.
 *
 * A pair is freed by its timer and nowhere else while the sessions live, so whatever a call to a
 * channel leads to, the pair is still there when it returns; of a leg's channel one has to look.
 */
#include "relay/relay.h"

#include <sys/queue.h>

/* What only the ends of a tunnel can do for each other. */
#define OF_THE_ENDS (KG_CAPABILITY_HALF_CLOSE | KG_CAPABILITY_MUX | KG_CAPABILITY_MUX_RETURN)

#define RETRY_US (10ull * KG_US_PER_MS)

struct leg {
	struct kg_channel *ch; /* NULL: not there, or no longer */
	struct kg_buf *held;   /* its message that the other leg has yet to take; NULL: none */
	bool ended;            /* it says no more: the other ends behind what is held */
};

struct pair {
	struct kg_relay *relay;
	LIST_ENTRY(pair) link;
	struct leg legs[KG_RELAY_LEGS];
	struct kg_timer timer; /* memory may be there, or both legs are gone */
};

struct kg_relay {
	struct kg_mem *mem;
	struct kg_buf_pool *pool;
	struct kg_twheel *wheel;
	struct kg_session *forwarder;
	uint64_t now_us; /* the latest that either session has told */
	LIST_HEAD(, pair) pairs;
};

/* A session tells of its own input only, and what it hears may end a channel of the other. */
static uint64_t clock_of(struct kg_relay *relay, const struct kg_channel *ch)
{
	relay->now_us = KG_MAX(relay->now_us, kg_session_now_us(kg_channel_session(ch)));
	return relay->now_us;
}

static enum kg_relay_leg leg_of(const struct pair *pair, const struct kg_channel *ch)
{
	return pair->legs[KG_RELAY_LISTENER].ch == ch ? KG_RELAY_LISTENER : KG_RELAY_FORWARDER;
}

static struct leg *other(struct pair *pair, const struct leg *leg)
{
	return &pair->legs[leg == &pair->legs[KG_RELAY_LISTENER]];
}

/* ---- messages ---- */

static void drop_held(struct leg *leg)
{
	kg_buf_free_chain(leg->held);
	leg->held = NULL;
}

/* What waits to be passed on, if anything does: whole messages, with their kind. */
static bool take(struct leg *from, uint64_t now_us)
{
	enum kg_protocol protocol;
	struct kg_buf *chain;

	if (from->held != NULL || from->ch == NULL)
		return from->held != NULL;
	protocol = kg_channel_protocol(from->ch);
	chain = kg_channel_recv(from->ch, now_us);
	if (chain != NULL && protocol != KG_PROTOCOL_MUX) {
		chain->data -= KG_MESSAGE_KIND_BYTES;
		chain->len += KG_MESSAGE_KIND_BYTES;
		chain->data[0] = kg_message_kind(KG_FEATURE_RAW_DATA, protocol);
	}
	from->held = chain;
	return chain != NULL;
}

/* More than a message may have on the other leg. */
static bool is_too_long(const struct leg *from, const struct kg_channel *to)
{
	return kg_buf_chain_len(from->held) > kg_session_message_max_bytes(kg_channel_session(to));
}

/* A datagram may be lost. A stream with a hole is worse than none. */
static void refuse_held(struct pair *pair, struct leg *from, uint64_t now_us)
{
	struct leg *to = other(pair, from);

	kg_session_count_dropped_message(kg_channel_session(to->ch));
	drop_held(from);
	if (kg_channel_protocol(to->ch) != KG_PROTOCOL_UDP)
		kg_channel_abort(to->ch, now_us); /* and the other with it */
}

/* False when memory is short. */
static bool hand_on(struct pair *pair, struct leg *from, uint64_t now_us)
{
	struct kg_channel *to = other(pair, from)->ch;
	uint16_t segment_bytes = kg_session_rest_bytes(kg_channel_session(to));
	struct kg_buf *cut;

	if (is_too_long(from, to)) {
		refuse_held(pair, from, now_us);
		return true;
	}
	cut = kg_buf_chain_cut(pair->relay->pool, from->held, segment_bytes, KG_KCP_FRAGMENTS_MAX,
			       KG_BUF_VITAL);
	if (cut == NULL)
		return false;
	from->held = cut;
	if (!kg_channel_send_message(to, cut, now_us))
		return false;
	from->held = NULL;
	return true;
}

/* What one leg has, as far as the other has room; then its end. */
static void pass(struct pair *pair, struct leg *from, uint64_t now_us)
{
	struct leg *to = other(pair, from);

	while (to->ch != NULL && kg_channel_room(to->ch) > 0 && take(from, now_us)) {
		if (!hand_on(pair, from, now_us)) {
			kg_twheel_arm(pair->relay->wheel, &pair->timer, now_us + RETRY_US);
			return;
		}
	}
	if (to->ch != NULL && from->ended && from->held == NULL)
		kg_channel_finish(to->ch, now_us);
}

static void pass_both(struct pair *pair, uint64_t now_us)
{
	pass(pair, &pair->legs[KG_RELAY_LISTENER], now_us);
	pass(pair, &pair->legs[KG_RELAY_FORWARDER], now_us);
}

/* ---- a pair's life ---- */

static void destroy(struct pair *pair)
{
	struct kg_relay *relay = pair->relay;

	kg_twheel_cancel(relay->wheel, &pair->timer);
	drop_held(&pair->legs[KG_RELAY_LISTENER]);
	drop_held(&pair->legs[KG_RELAY_FORWARDER]);
	LIST_REMOVE(pair, link);
	kg_mem_free(relay->mem, pair, sizeof(*pair));
}

static void on_timer(struct kg_timer *timer, uint64_t now_us)
{
	struct pair *pair = KG_CONTAINER_OF(timer, struct pair, timer);

	pair->relay->now_us = now_us;
	if (pair->legs[KG_RELAY_LISTENER].ch == NULL && pair->legs[KG_RELAY_FORWARDER].ch == NULL)
		destroy(pair);
	else
		pass_both(pair, now_us);
}

static struct pair *create(struct kg_relay *relay, struct kg_channel *ch)
{
	struct pair *pair = kg_mem_alloc(relay->mem, sizeof(*pair));

	if (pair == NULL)
		return NULL;
	pair->relay = relay;
	pair->legs[KG_RELAY_LISTENER].ch = ch;
	pair->timer.fire = on_timer;
	LIST_INSERT_HEAD(&relay->pairs, pair, link);
	kg_channel_set_user(ch, pair);
	return pair;
}

/* ---- a channel begins ---- */

/* NULL with a reason for the client. */
static struct kg_channel *ask_onward(struct kg_relay *relay, const struct kg_channel *ch,
				     const struct kg_target *target, struct pair *pair,
				     const char **reason)
{
	const struct kg_behalf client = {
		.iden = kg_session_is_bare(kg_channel_session(ch)) ? kg_channel_conv(ch) : 0,
		.withheld = OF_THE_ENDS & ~kg_channel_capabilities(ch),
		.relays = kg_channel_relays(ch) + 1,
	};

	if (client.relays > KG_RELAYS_MAX) {
		*reason = "the way leads through more than eight relays, or in a circle";
		return NULL;
	}
	*reason = "the relay cannot ask its server";
	if (pair == NULL || relay->forwarder == NULL)
		return NULL;
	return kg_session_open_for(relay->forwarder, &client, kg_channel_protocol(ch), target, pair,
				   relay->now_us);
}

void kg_relay_accept(struct kg_relay *relay, struct kg_channel *ch, const struct kg_target *target)
{
	uint64_t now_us = clock_of(relay, ch);
	struct pair *pair = create(relay, ch);
	const char *reason;
	struct kg_channel *onward = ask_onward(relay, ch, target, pair, &reason);

	if (onward == NULL) {
		kg_channel_refused(ch, reason, now_us);
		return;
	}
	pair->legs[KG_RELAY_FORWARDER].ch = onward;
	if (kg_session_is_bare(kg_channel_session(onward))) /* nobody is waited for */
		kg_channel_connected(ch, now_us);
}

/* The server has accepted. */
void kg_relay_opened(void *host, struct kg_channel *ch)
{
	struct pair *pair = kg_channel_user(ch);
	struct kg_channel *client = pair->legs[KG_RELAY_LISTENER].ch;
	uint64_t now_us = clock_of(pair->relay, ch);

	if (client == NULL)
		return;
	kg_channel_withhold(client, OF_THE_ENDS & ~kg_channel_capabilities(ch));
	kg_channel_connected(client, now_us);
}

/* ---- what a leg tells ---- */

void kg_relay_readable(void *host, struct kg_channel *ch)
{
	struct pair *pair = kg_channel_user(ch);

	pass(pair, &pair->legs[leg_of(pair, ch)], clock_of(pair->relay, ch));
}

/* There is room for what the other leg has. */
void kg_relay_acked(void *host, struct kg_channel *ch, uint32_t segments)
{
	struct pair *pair = kg_channel_user(ch);

	pass(pair, &pair->legs[!leg_of(pair, ch)], clock_of(pair->relay, ch));
}

void kg_relay_finished(void *host, struct kg_channel *ch)
{
	struct pair *pair = kg_channel_user(ch);
	struct leg *leg = &pair->legs[leg_of(pair, ch)];

	leg->ended = true;
	pass(pair, leg, clock_of(pair->relay, ch));
}

/* ---- a leg ends, and the other with it ---- */

static const char *words_of(enum kg_close why, const char *text)
{
	switch (why) {
	case KG_CLOSE_REFUSED:
		return text;
	case KG_CLOSE_HANDSHAKE:
		return "the relay's server does not answer";
	case KG_CLOSE_NO_ROUTE:
		return "the relay knows no way to its server";
	default:
		return "the relay's server has ended it";
	}
}

/* In the way that this one has. */
static void end_other(struct pair *pair, struct leg *ended, enum kg_close why, uint64_t now_us)
{
	struct leg *to = other(pair, ended);

	switch (why) {
	case KG_CLOSE_FINISHED:
	case KG_CLOSE_PEER:
	case KG_CLOSE_IDLE:
		ended->ended = true;
		pass(pair, ended, now_us);
		break;
	case KG_CLOSE_ABORTED: /* by a stop of ours: what was sent before still goes */
		kg_channel_stop(to->ch, now_us);
		break;
	default:
		kg_channel_abort(to->ch, now_us);
		break;
	}
}

void kg_relay_closed(void *host, struct kg_channel *ch, enum kg_close why, const char *text)
{
	struct pair *pair = kg_channel_user(ch);
	struct leg *leg, *to;
	uint64_t now_us;

	if (pair == NULL) { /* there was no memory for one */
		kg_channel_free(ch);
		return;
	}
	now_us = clock_of(pair->relay, ch);
	leg = &pair->legs[leg_of(pair, ch)];
	to = other(pair, leg);
	leg->ch = NULL;
	kg_channel_free(ch);
	drop_held(to);
	if (to == &pair->legs[KG_RELAY_LISTENER] && to->ch != NULL)
		kg_channel_refused(to->ch, words_of(why, text), now_us);
	if (to->ch != NULL)
		end_other(pair, leg, why, now_us);
	if (leg->ch == NULL && to->ch == NULL)
		kg_twheel_arm(pair->relay->wheel, &pair->timer, now_us);
}

/* ---- life ---- */

struct kg_relay *kg_relay_create(const struct kg_supplies *supplies)
{
	struct kg_relay *relay = kg_mem_alloc(supplies->mem, sizeof(*relay));

	if (relay == NULL)
		return NULL;
	*relay = (struct kg_relay){
		.mem = supplies->mem,
		.pool = supplies->pool,
		.wheel = supplies->wheel,
	};
	LIST_INIT(&relay->pairs);
	return relay;
}

void kg_relay_destroy(struct kg_relay *relay)
{
	if (relay == NULL)
		return;
	while (!LIST_EMPTY(&relay->pairs))
		destroy(LIST_FIRST(&relay->pairs));
	kg_mem_free(relay->mem, relay, sizeof(*relay));
}

void kg_relay_set_forwarder(struct kg_relay *relay, struct kg_session *forwarder)
{
	relay->forwarder = forwarder;
}

/* Who has not been answered is refused. */
void kg_relay_shutdown(struct kg_relay *relay, uint64_t now_us)
{
	struct pair *pair;

	relay->now_us = now_us;
	LIST_FOREACH (pair, &relay->pairs, link) {
		pass_both(pair, now_us);
		for (size_t i = 0; i < KG_RELAY_LEGS; i++) {
			if (pair->legs[i].ch != NULL)
				kg_channel_stop(pair->legs[i].ch, now_us);
		}
	}
}
