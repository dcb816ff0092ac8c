/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A channel: its making, and its data out and in. How it ends: channel_end.c.
 *
 * Messages are taken from the engine one at a time, and only when the one before has been taken by
 * the host: what lies behind unread data, a disconnect too, waits its turn, and the window that the
 * engine advertises shows the peer how slow the reader is.
 */
#include "session/bare.h"
#include "session/crowd.h"
#include "session/stale.h"

/* The engines of stock peers stop working at sn 2^32 (docs/kcp.md §10). */
#define SEGMENTS_MAX (UINT32_MAX - (1u << 20))

/* Of a mux channel, whose connections have queues of their own: what waits behind its window waits
 * for all of them. */
#define MUX_BEHIND 64u

/* Without data for so long, what is said is seldom followed by more. */
#define IDLE_US KG_US_PER_S

/* ---- life ---- */

/* Of the messages that may overtake others. On a mux channel none does where another has to come
 * first, which says where to. */
static uint8_t early_kind(const struct kg_session_config *config, enum kg_protocol protocol)
{
	if (!config->udp_arrival)
		return 0;
	if (protocol == KG_PROTOCOL_UDP)
		return kg_message_kind(KG_FEATURE_RAW_DATA, KG_PROTOCOL_UDP);
	if (protocol == KG_PROTOCOL_MUX && !config->custom_targets)
		return kg_message_kind(KG_FEATURE_MUX_TRANSFER, KG_PROTOCOL_UDP);
	return 0;
}

struct kg_channel *kg_channel_create(struct kg_session *s, enum kg_protocol protocol, uint32_t conv,
				     uint64_t now_us)
{
	struct kg_channel *ch = kg_mem_alloc(s->mem, sizeof(*ch));
	struct kg_kcp_params params = s->config.kcp;

	if (ch == NULL)
		return NULL;
	params.conv = conv;
	params.early_kind = early_kind(&s->config, protocol);
	params.prompt = protocol == KG_PROTOCOL_UDP;
	if (params.ts_offset_ms == 0)
		params.ts_offset_ms = (uint32_t)kg_rng_next(s->rng);
	ch->protocol = (uint8_t)protocol;
	ch->conv = conv;
	ch->capabilities = s->config.capabilities;
	ch->snd_wnd = params.snd_wnd;
	ch->opened_us = ch->last_input_us = ch->last_data_us = ch->last_alive_us = now_us;
	if (!kg_line_init(&ch->line, s, KG_LINE_CHANNEL, &params, now_us)) {
		kg_mem_free(s->mem, ch, sizeof(*ch));
		return NULL;
	}
	kg_channel_doubt(ch);
	if (conv != 0 && !kg_framing_start(&ch->line.framing, ch->line.kcp, conv)) {
		kg_line_destroy(&ch->line);
		return NULL;
	}
	return ch;
}

void kg_channel_unhook(struct kg_line *line)
{
	struct kg_channel *ch = kg_line_channel(line);
	struct kg_handshake *hs = ch->handshake;

	if (ch->conv != 0)
		kg_channel_forget(ch);
	kg_roam_forget(ch);
	ch->handshake = NULL;
	if (hs == NULL)
		return;
	hs->channel = NULL;
	if (hs->line.home == KG_HOME_HANDSHAKES)
		kg_line_retire(&hs->line);
}

static void spend(struct kg_line *line, uint16_t bytes)
{
	kg_roam_spend(kg_line_channel(line), bytes);
}

static void release(struct kg_line *line)
{
	struct kg_channel *ch = kg_line_channel(line);

	kg_buf_free_chain(ch->inbox);
	kg_mem_free(line->session->mem, ch, sizeof(*ch));
}

const struct kg_line_ops kg_channel_line_ops = {
	.unhook = kg_channel_unhook,
	.spend = spend,
	.timeout_us = kg_channel_timeout_us,
	.on_timer = kg_channel_on_timer,
	.free = release,
};

void kg_channel_agree(struct kg_channel *ch, uint32_t theirs)
{
	ch->capabilities &= theirs;
	if ((ch->capabilities & KG_CAPABILITY_RIGHT_PARITY) != 0)
		kg_framing_trust(&ch->line.framing);
	if (ch->protocol != KG_PROTOCOL_UDP && (ch->capabilities & KG_CAPABILITY_ROWS) != 0)
		kg_kcp_use_rows(ch->line.kcp);
	if (ch->protocol == KG_PROTOCOL_UDP && (ch->capabilities & KG_CAPABILITY_TAILS) != 0)
		kg_kcp_use_tails(ch->line.kcp);
	if (ch->capabilities == 0)
		kg_kcp_meet_original(ch->line.kcp);
	kg_spread_meet(ch);
}

void kg_channel_establish(struct kg_channel *ch, uint64_t now_us)
{
	struct kg_session *s = ch->line.session;

	ch->last_input_us = ch->last_data_us = ch->last_alive_us = now_us;
	if (ch->state == KG_CHANNEL_HANDSHAKE) {
		ch->end_us = now_us;
		ch->state = ch->finishing ? KG_CHANNEL_CLOSING : KG_CHANNEL_OPEN;
		if (s->config.role == KG_ROLE_CLIENT)
			s->ops.opened(s->host, ch);
		if (ch->state == KG_CHANNEL_OPEN)
			kg_channel_on_end(ch, KG_ENDS_MAY_SPEAK, now_us);
	}
	kg_line_touch(&ch->line, now_us);
}

/* ---- doubts ---- */

/* Something came in on its conv. */
static void on_heard(struct kg_channel *ch)
{
	if ((ch->doubts & KG_DOUBT_UNHEARD) != 0)
		kg_channel_settle_doubt(ch, KG_DOUBT_UNHEARD);
}

/* A message of an application came in, or went out. */
void kg_channel_on_exchange(struct kg_channel *ch, bool in)
{
	if ((ch->doubts & KG_DOUBT_SOURCE) != 0 && kg_exchange_note(&ch->exchange, in))
		kg_channel_settle_doubt(ch, KG_DOUBT_SOURCE);
}

/* ---- out ---- */

void kg_channel_pay(struct kg_channel *ch, uint64_t now_us)
{
	static const enum kg_feature in_turn[] = {
		KG_FEATURE_KEEP_ALIVE,
		KG_FEATURE_KEEP_ALIVE_RESPONSE,
		KG_FEATURE_FINISH,
		KG_FEATURE_DISCONNECT,
	};

	kg_channel_await(ch);
	for (size_t i = 0; i < KG_ARRAY_SIZE(in_turn); i++) {
		struct kg_message message = { .feature = in_turn[i], .protocol = ch->protocol };

		if ((ch->owed & 1u << in_turn[i]) == 0)
			continue;
		if (kg_line_say(&ch->line, &message, now_us) == 0) {
			kg_channel_reckon(ch);
			return;
		}
		ch->owed &= (uint16_t) ~(1u << in_turn[i]);
	}
}

void kg_channel_say(struct kg_channel *ch, enum kg_feature feature, uint64_t now_us)
{
	if (kg_channel_is_bare(ch)) { /* which has no other words */
		kg_bare_say_alive(ch, now_us);
		return;
	}
	ch->owed |= (uint16_t)(1u << feature);
	kg_channel_pay(ch, now_us);
}

/* There are no other messages than datagrams, and no kinds. */
static bool send_bare(struct kg_channel *ch, struct kg_buf *chain, uint64_t now_us)
{
	chain->data += KG_MESSAGE_KIND_BYTES;
	chain->len -= KG_MESSAGE_KIND_BYTES;
	if (kg_bare_send(ch, chain, now_us))
		return true;
	chain->data -= KG_MESSAGE_KIND_BYTES;
	chain->len += KG_MESSAGE_KIND_BYTES;
	return false;
}

static bool queue(struct kg_channel *ch, struct kg_buf *chain, uint64_t until_us, uint64_t now_us)
{
	bool queued;
	uint32_t held;

	kg_crowd_watch(ch->line.session);
	held = kg_crowd_before(ch);
	if (until_us != KG_NEVER_US)
		kg_stale_put_blank(chain);
	queued = kg_kcp_send_until(ch->line.kcp, chain, until_us, now_us);
	kg_crowd_after(ch, held);
	return queued;
}

bool kg_channel_send_until(struct kg_channel *ch, struct kg_buf *chain, uint64_t until_us,
			   uint64_t now_us)
{
	uint32_t segments = kg_buf_chain_count(chain);
	size_t bytes = kg_buf_chain_len(chain);
	bool others_wait;

	if (kg_channel_is_bare(ch))
		return send_bare(ch, chain, now_us);
	others_wait = kg_kcp_queued(ch->line.kcp) > 0;
	if (!others_wait)
		kg_channel_await(ch);
	if ((ch->ends & KG_ENDS_OURS) != 0 || ch->state > KG_CHANNEL_OPEN ||
	    !queue(ch, chain, until_us, now_us))
		return false;
	ch->line.session->stats.message_bytes_sent += bytes;
	ch->last_data_us = now_us;
	kg_channel_on_exchange(ch, false);
	ch->flowing = ch->words = 0;
	ch->segments += segments;
	ch->data_left = kg_kcp_unacked(ch->line.kcp);
	if (ch->segments >= SEGMENTS_MAX)
		kg_channel_disconnect(ch, KG_CLOSE_EXHAUSTED, now_us);
	else if (others_wait) /* nothing is due earlier for one more */
		return true;
	kg_line_touch(&ch->line, now_us);
	return true;
}

bool kg_channel_send_message(struct kg_channel *ch, struct kg_buf *chain, uint64_t now_us)
{
	uint64_t until_us = kg_stale_until_us(ch->line.session, chain, now_us);

	return kg_channel_send_until(ch, chain, until_us, now_us);
}

bool kg_channel_send(struct kg_channel *ch, struct kg_buf *chain, uint64_t now_us)
{
	if (kg_channel_is_bare(ch))
		return kg_bare_send(ch, chain, now_us);
	chain->data -= KG_MESSAGE_KIND_BYTES;
	chain->len += KG_MESSAGE_KIND_BYTES;
	chain->data[0] = kg_message_kind(KG_FEATURE_RAW_DATA, ch->protocol);
	if (kg_channel_send_message(ch, chain, now_us))
		return true;
	chain->data += KG_MESSAGE_KIND_BYTES;
	chain->len -= KG_MESSAGE_KIND_BYTES;
	return false;
}

static uint32_t room_of_windows(const struct kg_channel *ch)
{
	const struct kg_kcp *kcp = ch->line.kcp;
	uint32_t path = KG_MIN(kg_kcp_own_window(kcp), kg_kcp_peer_window(kcp));
	uint32_t window = KG_MAX((uint32_t)ch->snd_wnd, path);
	uint32_t behind = ch->protocol == KG_PROTOCOL_MUX ? KG_MIN(window, MUX_BEHIND) : window;
	uint32_t share =
		kg_buf_share_of_sender(ch->line.session->pool, ch->protocol == KG_PROTOCOL_UDP);
	uint32_t queue = kg_kcp_queue_share(kcp);
	uint32_t limit = window + behind;
	uint32_t unacked = kg_kcp_unacked(ch->line.kcp);

	if (share < limit)
		limit = KG_MIN(limit, kg_kcp_share_of_mix(kcp, share));
	if (queue < limit)
		limit = KG_MIN(limit, path + queue);
	if (kg_crowd_has(ch))
		return 0;
	return limit > unacked ? limit - unacked : 0;
}

uint32_t kg_channel_room(const struct kg_channel *ch)
{
	return kg_channel_is_bare(ch) ? kg_bare_room(ch) : room_of_windows(ch);
}

/* ---- in ---- */

/* Drops empty buffers in front of others. */
static struct kg_buf *trim(struct kg_buf *chain)
{
	while (chain->len == 0 && chain->next != NULL) {
		struct kg_buf *rest = chain->next;

		kg_buf_free(chain);
		chain = rest;
	}
	return chain;
}

static void on_control(struct kg_channel *ch, struct kg_buf *chain, uint64_t now_us)
{
	uint8_t bytes[KG_CONTROL_MAX_BYTES];
	char text[KG_TEXT_BYTES];
	struct kg_message message;
	bool valid = kg_line_hear(chain, &message, bytes);

	if (valid && message.feature == KG_FEATURE_KEEP_ALIVE) {
		/* A peer that asks and never acknowledges is not answered without end. */
		if (!ch->finishing && kg_channel_room(ch) > 0)
			kg_channel_say(ch, KG_FEATURE_KEEP_ALIVE_RESPONSE, now_us);
	} else if (valid && message.feature == KG_FEATURE_FINISH &&
		   kg_channel_ends_way(ch) == KG_ENDS_EACH) {
		kg_channel_on_finish(ch, now_us);
	} else if (valid && (message.feature == KG_FEATURE_DISCONNECT ||
			     message.feature == KG_FEATURE_FAILURE)) {
		kg_channel_on_disconnect(ch, kg_message_text(&message, text), now_us);
	} else if (!valid || message.feature != KG_FEATURE_KEEP_ALIVE_RESPONSE) {
		ch->line.session->stats.messages_dropped++;
	}
}

/* What the host reads: payload, or on a mux channel whatever concerns one of its connections.
 * Behind its own end a peer has nothing more to say. */
static bool is_for_host(const struct kg_channel *ch, const struct kg_buf *chain)
{
	uint32_t features = 1u << KG_FEATURE_RAW_DATA;

	if (ch->protocol == KG_PROTOCOL_MUX)
		features = 1u << KG_FEATURE_MUX_TRANSFER | 1u << KG_FEATURE_MUX_CANCEL |
			   1u << KG_FEATURE_PRE_CONNECT | 1u << KG_FEATURE_MUX_FINISH |
			   1u << KG_FEATURE_MUX_CREDIT | 1u << KG_FEATURE_MUX_RETURN;
	return chain->len > 0 && (features & 1u << (chain->data[0] & 0x0f)) != 0 &&
	       (ch->ends & KG_ENDS_PEERS) == 0;
}

static void on_message(struct kg_channel *ch, struct kg_buf *chain, uint64_t now_us)
{
	chain = trim(chain);
	if (!is_for_host(ch, chain)) {
		on_control(ch, chain, now_us);
		return;
	}
	ch->line.session->stats.message_bytes_received += kg_buf_chain_len(chain);
	if (ch->protocol != KG_PROTOCOL_MUX) {
		chain->data += KG_MESSAGE_KIND_BYTES;
		chain->len -= KG_MESSAGE_KIND_BYTES;
	}
	ch->inbox = trim(chain);
	ch->last_data_us = now_us;
	if (ch->words > 0)
		kg_channel_reckon(ch);
	kg_channel_on_exchange(ch, true);
}

static struct kg_buf *take(struct kg_channel *ch)
{
	uint32_t held = kg_crowd_before(ch);
	struct kg_buf *chain = kg_kcp_recv(ch->line.kcp);

	kg_crowd_after(ch, held);
	return chain;
}

/* Takes messages from the engine up to the next one for the host. */
static void fill_inbox(struct kg_channel *ch, uint64_t now_us)
{
	struct kg_buf *chain;

	while (ch->inbox == NULL && (chain = take(ch)) != NULL)
		on_message(ch, chain, now_us);
}

static void on_readable(struct kg_channel *ch, uint64_t now_us)
{
	struct kg_session *s = ch->line.session;

	if (ch->line.home == KG_HOME_LINGERING) {
		kg_channel_discard_input(ch);
		return;
	}
	fill_inbox(ch, now_us);
	if (ch->inbox == NULL || ch->told_readable || ch->state == KG_CHANNEL_CLOSED)
		return;
	ch->told_readable = true;
	s->ops.readable(s->host, ch);
}

static void on_acked(struct kg_channel *ch, uint64_t now_us)
{
	struct kg_session *s = ch->line.session;
	uint32_t segments = kg_kcp_take_acked(ch->line.kcp);

	/* What drains slowly is not idle; keep_alives are, and their answer is here. */
	if (ch->data_left > 0)
		ch->last_data_us = now_us;
	else
		kg_channel_reckon(ch);
	ch->data_left -= KG_MIN(segments, ch->data_left);
	if (segments > 0 && ch->state != KG_CHANNEL_CLOSED)
		s->ops.acked(s->host, ch, segments);
	kg_channel_settle(ch, now_us);
}

/* One more of those that make a stream, and the time counts in which it may have stopped. */
static void on_flow(struct kg_channel *ch)
{
	if (++ch->flowing < KG_FLOWING)
		return;
	ch->words = 0;
	kg_channel_reckon(ch);
}

static enum kg_drop kcp_input(struct kg_channel *ch, const struct kg_datagram *in, uint64_t now_us,
			      unsigned int *events)
{
	struct kg_session *s = ch->line.session;
	enum kg_drop drop;
	uint32_t held;

	kg_crowd_watch(s);
	if (KG_UNLIKELY(s->counts)) /* where nothing is short it makes no difference */
		kg_kcp_set_of_crowd(ch->line.kcp, kg_crowd_has(ch));
	held = kg_crowd_before(ch);
	if ((ch->capabilities & KG_CAPABILITY_ROWS) != 0 && ch->line.framing.fec == NULL)
		kg_kcp_take_row(ch->line.kcp, in->data, in->len, now_us);
	drop = kg_framing_input(&ch->line.framing, ch->line.kcp, in->data, in->len, now_us, events);
	kg_crowd_after(ch, held);
	return drop;
}

enum kg_drop kg_channel_input(struct kg_channel *ch, const struct kg_datagram *in, uint64_t now_us)
{
	unsigned int events = 0;
	enum kg_drop drop;

	if (ch->asks > 0 && kg_forgotten_input(ch, in, now_us))
		return KG_DROP_NONE;
	drop = kcp_input(ch, in, now_us, &events);
	if (drop != KG_DROP_NONE)
		return drop;
	ch->last_input_us = now_us;
	ch->probes = ch->asks = ch->proofs = 0;
	on_heard(ch);
	if (ch->handshake != NULL && ch->line.session->config.role == KG_ROLE_SERVER)
		kg_handshake_settle(ch->handshake, now_us); /* who knows conv has the answer */
	if ((events & KG_KCP_RECEIVED) != 0 && ch->flowing < KG_FLOWING)
		on_flow(ch);
	kg_roam_heard(ch, in, events, now_us);
	if ((ch->sizing && (events & KG_KCP_ACKED) != 0) || events >= KG_KCP_REPEATING)
		kg_peers_on_heard(ch, events, now_us);
	if ((events & KG_KCP_ACKED) != 0)
		on_acked(ch, now_us);
	if ((events & KG_KCP_READABLE) != 0)
		on_readable(ch, now_us);
	if (now_us - ch->last_data_us >= IDLE_US)
		kg_kcp_rest(ch->line.kcp);
	kg_line_touch(&ch->line, now_us);
	return KG_DROP_NONE;
}

/* What was unread kept us from asking whether the peer has forgotten what waits for it. */
static void all_is_read(struct kg_channel *ch)
{
	if (ch->told_readable && kg_kcp_unacked(ch->line.kcp) > 0)
		kg_channel_reckon(ch);
	ch->told_readable = false;
}

bool kg_channel_peek(struct kg_channel *ch, size_t *bytes, uint64_t now_us)
{
	if (kg_channel_is_bare(ch))
		return kg_bare_peek(ch, bytes);
	fill_inbox(ch, now_us);
	if (ch->inbox != NULL) {
		*bytes = kg_buf_chain_len(ch->inbox);
		return true;
	}
	all_is_read(ch);
	kg_line_touch(&ch->line, now_us);
	return false;
}

struct kg_buf *kg_channel_recv(struct kg_channel *ch, uint64_t now_us)
{
	struct kg_buf *chain;

	if (kg_channel_is_bare(ch))
		return kg_bare_recv(ch);
	fill_inbox(ch, now_us);
	chain = ch->inbox;
	ch->inbox = NULL;
	if (chain == NULL)
		all_is_read(ch);
	kg_line_touch(&ch->line, now_us);
	return chain;
}
