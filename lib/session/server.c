/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The accepting side. Handshakes are kept by the source's address and port. Nothing is allocated
 * before a datagram shows a whole valid request, and an exact copy of one that was served, or is
 * being served, opens nothing.
 */
#include "session/bare.h"
#include "session/internal.h"

#include <string.h>

#include "base/bytes.h"

#define UID_MIN 32u
#define UID_MAX (UINT32_MAX - 1u)
/* Random picks before giving up; with a half-full space, which nobody reaches, one in 2^64 fails.
 */
#define UID_TRIES 64
/* So long a client repeats its request (timers.c). Where frames wait for seconds, on the wire or in
 * a host that has too much to do, any of the copies may come first, and others long after it. */
#define REPEATED_MS 30000u

/* ---- handshakes by source ---- */

struct packed {
	uint8_t ip[16];
	uint16_t port, version;
};

static struct packed pack(const struct kg_endpoint *end)
{
	struct packed bytes = { .port = end->port, .version = end->ip.version };

	memcpy(bytes.ip, end->ip.bytes, sizeof(bytes.ip));
	return bytes;
}

static uint32_t source_key(const struct kg_session *s, const struct kg_endpoint *source)
{
	struct packed bytes = pack(source);

	return (uint32_t)kg_siphash(&s->source_key, &bytes, sizeof(bytes));
}

uint32_t kg_session_tuple_key(const struct kg_session *s, const struct kg_tuple *ends)
{
	struct packed bytes[] = { pack(&ends->local), pack(&ends->remote) };

	return (uint32_t)kg_siphash(&s->source_key, bytes, sizeof(bytes));
}

static struct kg_handshake *find(const struct kg_session *s, const struct kg_endpoint *source)
{
	struct kg_handshake *hs = kg_u32map_lookup(&s->by_source, source_key(s, source));

	while (hs != NULL && !kg_endpoint_equal(&hs->line.path->ends.remote, source))
		hs = hs->next;
	return hs;
}

static bool remember(struct kg_handshake *hs)
{
	struct kg_session *s = hs->line.session;

	hs->key = source_key(s, &hs->line.path->ends.remote);
	hs->next = kg_u32map_remove(&s->by_source, hs->key);
	hs->line.hooked = kg_u32map_insert(&s->by_source, hs->key, hs);
	return hs->line.hooked;
}

void kg_server_forget(struct kg_handshake *hs)
{
	struct kg_session *s = hs->line.session;
	struct kg_handshake *head = kg_u32map_remove(&s->by_source, hs->key);
	struct kg_handshake **at = &head;

	while (*at != hs)
		at = &(*at)->next;
	*at = hs->next;
	/* The slot that was just freed takes it back. */
	kg_u32map_insert(&s->by_source, hs->key, head);
}

/* ---- what a first datagram asks for ---- */

/* A datagram of conv 0 from a source without a handshake that is no whole request. */
static enum kg_drop not_a_request(const struct kg_datagram *in)
{
	uint8_t cmd = in->data[4];
	bool first = cmd == KG_KCP_PUSH && kg_load_le32(in->data + 12) == 0;

	return first || cmd < KG_KCP_PUSH || cmd > KG_KCP_WINS ? KG_DROP_HANDSHAKE_MALFORMED
							       : KG_DROP_HANDSHAKE_UNKNOWN;
}

static bool is_request(const struct kg_message *message)
{
	if (message->feature == KG_FEATURE_KEEP_ALIVE)
		return true;
	return message->feature == KG_FEATURE_INITIALISE && message->protocol >= KG_PROTOCOL_MUX &&
	       message->protocol <= KG_PROTOCOL_UDP;
}

/* A mux channel's connections do so each for itself. */
static bool names_target(const struct kg_session *s, const struct kg_message *request)
{
	const struct kg_initialise *init = &request->initialise;
	bool any = init->custom_port != 0 || init->custom_address_len > 0;

	return request->protocol != KG_PROTOCOL_MUX &&
	       (s->config.custom_targets || (s->config.passed_targets && any));
}

/* NULL when there is nothing against it. `target` is filled in when it matters. */
static const char *why_not(const struct kg_session *s, const struct kg_message *request,
			   struct kg_target *target, char text[KG_TARGET_TEXT_BYTES])
{
	const struct kg_initialise *init = &request->initialise;

	if (names_target(s, request))
		return kg_target_decode(target, text, init->custom_port, init->custom_address,
					init->custom_address_len);
	return NULL;
}

/* ---- answers ---- */

/* False when memory is short. */
static bool say(struct kg_handshake *hs, const struct kg_message *message, uint64_t now_us)
{
	size_t len = kg_line_say(&hs->line, message, now_us), mss = kg_kcp_mss(hs->line.kcp);
	size_t datagrams = (len + mss - 1) / mss;
	size_t header = KG_KCP_HEADER_BYTES + kg_framing_header_bytes(hs->line.framing.fec);

	hs->answer_bytes = (uint32_t)(len + datagrams * header);
	kg_handshake_earn(hs, 0);
	return len > 0;
}

static void say_failure(struct kg_handshake *hs, const char *text, uint64_t now_us)
{
	struct kg_message message = {
		.feature = KG_FEATURE_FAILURE,
		.protocol = KG_PROTOCOL_NOT_CARE,
		.data = (const uint8_t *)text,
		.len = KG_MIN(strlen(text), (size_t)KG_MESSAGE_TEXT_MAX_BYTES),
	};

	hs->line.session->stats.handshakes_failed++;
	say(hs, &message, now_us);
	kg_handshake_linger(hs, now_us);
}

static void say_test(struct kg_handshake *hs, const struct kg_message *request, uint64_t now_us)
{
	struct kg_message message = {
		.feature = KG_FEATURE_KEEP_ALIVE,
		.protocol = request->protocol,
	};

	say(hs, &message, now_us);
	kg_handshake_linger(hs, now_us);
}

static bool say_accepted(struct kg_handshake *hs, const struct kg_channel *ch, uint64_t now_us)
{
	const struct kg_session_config *config = &hs->line.session->config;
	struct kg_message message = {
		.feature = KG_FEATURE_INITIALISE,
		.protocol = ch->protocol,
		.initialise = {
			.uid = ch->conv,
			.port_start = config->announce_first,
			.port_end = config->announce_last,
			.outbound_Bps = config->outbound_Bps,
			.inbound_Bps = config->inbound_Bps,
			/* Who shares none needs not hear of them, and asked with fewer bytes. */
			.capabilities = ch->capabilities,
		},
	};

	return say(hs, &message, now_us);
}

void kg_channel_withhold(struct kg_channel *ch, uint32_t capabilities)
{
	ch->capabilities &= ~capabilities;
}

void kg_channel_connected(struct kg_channel *ch, uint64_t now_us)
{
	struct kg_handshake *hs = ch->handshake;

	if (kg_channel_is_bare(ch)) {
		kg_bare_connected(ch, now_us);
		return;
	}
	if (ch->state != KG_CHANNEL_HANDSHAKE)
		return;
	if (!say_accepted(hs, ch, now_us)) {
		ch->line.session->stats.handshakes_failed++;
		kg_channel_close(ch, KG_CLOSE_EXHAUSTED, 0, "", now_us);
		return;
	}
	kg_handshake_linger(hs, now_us);
	ch->line.session->stats.handshakes_done++;
	kg_channel_establish(ch, now_us);
}

void kg_channel_refused(struct kg_channel *ch, const char *text, uint64_t now_us)
{
	if (kg_channel_is_bare(ch)) {
		kg_bare_end(ch, KG_CLOSE_REFUSED, text, now_us);
		return;
	}
	if (ch->state != KG_CHANNEL_HANDSHAKE)
		return;
	say_failure(ch->handshake, text, now_us);
	kg_channel_close(ch, KG_CLOSE_REFUSED, 0, text, now_us);
}

/* ---- requests ---- */

/* Random among those of this worker; 0 when none was found. */
static uint32_t pick_uid(struct kg_session *s)
{
	for (int i = 0; i < UID_TRIES; i++) {
		uint64_t uid = kg_rng_between(s->rng, UID_MIN, UID_MAX);

		uid = uid - uid % s->config.workers + s->config.worker;
		if (uid >= UID_MIN && uid <= UID_MAX && kg_channel_find(s, (uint32_t)uid) == NULL)
			return (uint32_t)uid;
	}
	return 0;
}

static struct kg_handshake *begin_handshake(struct kg_session *s, const struct kg_datagram *in,
					    uint32_t ts, uint64_t now_us)
{
	struct kg_handshake *hs =
		kg_handshake_create(s, kg_kcp_clock_offset_ms(ts, now_us), now_us);
	struct kg_tuple ends = { in->local, in->remote };
	unsigned int events = 0;

	if (hs == NULL)
		return NULL;
	if (kg_line_go(&hs->line, &ends) && remember(hs) &&
	    kg_kcp_input(hs->line.kcp, in->data, in->len, now_us, &events) == KG_DROP_NONE &&
	    (events & KG_KCP_READABLE) != 0) {
		hs->line.limited = true;
		kg_handshake_earn(hs, in->len);
		kg_buf_free_chain(kg_kcp_recv(hs->line.kcp));
		hs->request_ts = ts;
		return hs;
	}
	kg_line_destroy(&hs->line);
	return NULL;
}

/* Of the channel's path only the address is known. */
static bool hook_channel(struct kg_channel *ch, const struct kg_ip *remote)
{
	struct kg_session *s = ch->line.session;
	struct kg_tuple ends = { .remote = { .ip = *remote } };
	struct kg_path *path = kg_path_take(s, &ends);
	bool hooked = path != NULL && kg_channel_hook(ch, path);

	if (path != NULL)
		kg_path_give(s, path);
	return hooked;
}

static struct kg_channel *begin_channel(struct kg_handshake *hs, const struct kg_message *request,
					uint64_t now_us)
{
	struct kg_session *s = hs->line.session;
	uint32_t uid = pick_uid(s);
	struct kg_channel *ch = NULL;

	if (uid != 0)
		ch = kg_channel_create(s, request->protocol, uid, now_us);
	if (ch == NULL)
		return NULL;
	if (!hook_channel(ch, &hs->line.path->ends.remote.ip)) {
		kg_line_destroy(&ch->line);
		return NULL;
	}
	hs->channel = ch;
	hs->peer_outbound_Bps = request->initialise.outbound_Bps;
	hs->peer_inbound_Bps = request->initialise.inbound_Bps;
	ch->handshake = hs;
	kg_channel_agree(ch, request->initialise.capabilities);
	ch->relays = KG_MIN(request->initialise.relays, KG_RELAYS_MAX) & 0xf;
	s->stats.handshakes_started++;
	s->stats.channels_opened++;
	kg_line_touch(&ch->line, now_us);
	return ch;
}

static enum kg_drop serve(struct kg_session *s, const struct kg_datagram *in,
			  const struct kg_message *request, uint32_t ts, uint64_t now_us)
{
	bool test = request->feature == KG_FEATURE_KEEP_ALIVE;
	char text[KG_TARGET_TEXT_BYTES];
	struct kg_target target;
	const char *failure = test ? NULL : why_not(s, request, &target, text);
	struct kg_handshake *hs = begin_handshake(s, in, ts, now_us);
	struct kg_channel *ch;

	if (hs == NULL)
		return KG_DROP_NO_BUFFER;
	if (test) {
		say_test(hs, request, now_us);
		return KG_DROP_NONE;
	}
	if (failure != NULL) {
		say_failure(hs, failure, now_us);
		return KG_DROP_NONE;
	}
	ch = begin_channel(hs, request, now_us);
	if (ch == NULL) {
		kg_line_destroy(&hs->line);
		return KG_DROP_NO_BUFFER;
	}
	kg_line_touch(&hs->line, now_us);
	s->ops.connect(s->host, ch, names_target(s, request) ? &target : NULL);
	return KG_DROP_NONE;
}

/* When the request's first segment left, by its sender's clock. */
static uint32_t request_ts(const uint8_t *payload)
{
	return kg_load_le32(payload - KG_KCP_HEADER_BYTES + 8);
}

/* `old`: a handshake of the same source that is over; NULL: none. */
static enum kg_drop first_input(struct kg_session *s, const struct kg_datagram *in,
				struct kg_handshake *old, uint64_t now_us)
{
	struct kg_message request;
	enum kg_drop known = KG_DROP_NONE;
	const uint8_t *payload;
	size_t len;

	if (!kg_kcp_peek_first(in->data, in->len, 0, &payload, &len))
		return not_a_request(in);
	if (kg_message_decode(&request, payload, len) != KG_DROP_NONE || !is_request(&request))
		return KG_DROP_HANDSHAKE_MALFORMED;
	if (s->seen != NULL)
		known = kg_seen_enter(s->seen, in->digest, in->age_s, now_us);
	if (known != KG_DROP_NONE)
		return known;
	/* Tests of a port are for channels that are there already. */
	if (request.feature == KG_FEATURE_INITIALISE &&
	    !kg_session_make_room(s, request.protocol, &in->remote.ip, now_us))
		return KG_DROP_CHANNEL_LIMIT;
	if (old != NULL)
		kg_line_retire(&old->line);
	return serve(s, in, &request, request_ts(payload), now_us);
}

/*
 * A client that is short of ports uses one again before we have forgotten its handshake. The clock
 * of a kcpgate client begins anywhere for each handshake, so a request stamped long before the one
 * that was served, or long after it, is another. (RFC 6191 tells connections apart like this.)
 */
static bool is_another(const struct kg_handshake *hs, const struct kg_datagram *in, uint64_t now_us)
{
	uint32_t age_ms = (uint32_t)((now_us - hs->begun_us) / KG_US_PER_MS);
	const uint8_t *payload;
	size_t len;

	return hs->expires_us != KG_NEVER_US &&
	       kg_kcp_peek_first(in->data, in->len, 0, &payload, &len) &&
	       request_ts(payload) - hs->request_ts + REPEATED_MS > 2 * REPEATED_MS + age_ms;
}

static bool acknowledges(const struct kg_datagram *in)
{
	return in->len == KG_KCP_HEADER_BYTES && in->data[4] == KG_KCP_ACK;
}

/* A repeated request, an acknowledgement of our answer. */
static enum kg_drop later_input(struct kg_handshake *hs, const struct kg_datagram *in,
				uint64_t now_us)
{
	struct kg_session *s = hs->line.session;
	uint8_t bytes[KG_CONTROL_MAX_BYTES];
	struct kg_message message;
	const uint8_t *payload;
	unsigned int events = 0;
	enum kg_drop drop;
	bool repeated;
	size_t len;

	drop = kg_kcp_input(hs->line.kcp, in->data, in->len, now_us, &events);
	/* What was not said yet: it is late, and for one before from that source. */
	if (drop == KG_DROP_KCP_MALFORMED && acknowledges(in))
		return KG_DROP_HANDSHAKE_UNKNOWN;
	if (drop != KG_DROP_NONE)
		return drop;
	kg_handshake_earn(hs, in->len);
	repeated = kg_kcp_peek_first(in->data, in->len, 0, &payload, &len);
	/* Where it was asked before may have died. */
	if (repeated && !kg_endpoint_equal(&hs->line.path->ends.local, &in->local))
		kg_line_go(&hs->line, &(struct kg_tuple){ in->local, in->remote });
	/* A copy of this repetition must open nothing either, once the handshake is forgotten. */
	if (s->seen != NULL && repeated)
		kg_seen_enter(s->seen, in->digest, in->age_s, now_us);
	while (kg_handshake_next(hs, &message, bytes))
		s->stats.messages_dropped++;
	if (kg_kcp_unacked(hs->line.kcp) == 0)
		kg_handshake_settle(hs, now_us);
	kg_line_touch(&hs->line, now_us);
	return KG_DROP_NONE;
}

enum kg_drop kg_server_input(struct kg_session *s, const struct kg_datagram *in, uint32_t conv,
			     uint64_t now_us)
{
	struct kg_handshake *hs;
	struct kg_channel *ch;

	if (conv == 0) {
		hs = find(s, &in->remote);
		if (hs != NULL && !is_another(hs, in, now_us))
			return later_input(hs, in, now_us);
		return first_input(s, in, hs, now_us);
	}
	ch = kg_channel_find(s, conv);
	if (ch == NULL) {
		kg_denials_input(s, in, conv);
		return KG_DROP_CONV_UNKNOWN;
	}
	return kg_channel_input(ch, in, now_us);
}

bool kg_session_knows(const struct kg_session *s, const struct kg_datagram *in, uint64_t now_us)
{
	struct kg_handshake *hs;
	uint32_t conv;

	if (kg_session_conv(s->config.bare, s->config.fec, in, &conv) != KG_DROP_NONE)
		return false;
	if (conv != 0)
		return kg_channel_find(s, conv) != NULL;
	if (s->config.bare)
		return false;
	hs = find(s, &in->remote);
	return hs != NULL && !is_another(hs, in, now_us);
}
