/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The asking side: a handshake on a local port of its own, then the channel on another, which it
 * gets with the answer, when it is known where it will talk to. The server does not know the
 * channel's address before it hears from it, so something is sent at once, or a server that speaks
 * first would wait for ever.
 */
#include "session/internal.h"

#include <string.h>

/* Local ports that are tried for one line. A free name is found at once but for a chance of one in
 * millions. */
#define PORT_TRIES 8

/* ---- where to ---- */

/* The server's own list, unless it would leave the user's one port or says nothing. */
static void learn_ports(struct kg_session *s, uint16_t first, uint16_t last)
{
	const struct kg_port_range *own = s->config.destination_ports;
	bool one = s->config.destination_port_count == 1 && own->first == own->last;

	if (first != 0 && first <= last && !one)
		s->learned = (struct kg_port_range){ first, last };
}

static uint32_t range_size(const struct kg_port_range *range)
{
	return (uint32_t)(range->last - range->first) + 1;
}

static uint16_t pick_port(struct kg_session *s)
{
	const struct kg_port_range *range = s->config.destination_ports;
	uint32_t total = 0, nth;

	if (s->learned.first != 0)
		return (uint16_t)(s->learned.first + kg_rng_below(s->rng, range_size(&s->learned)));
	for (uint16_t i = 0; i < s->config.destination_port_count; i++)
		total += range_size(&range[i]);
	nth = kg_rng_below(s->rng, total);
	for (; nth >= range_size(range); range++)
		nth -= range_size(range);
	return (uint16_t)(range->first + nth);
}

static bool has_port(const struct kg_port_range *range, uint16_t port)
{
	return range->first <= port && port <= range->last;
}

/* We may have asked there, or the server may answer from there. */
static bool is_server_port(const struct kg_session *s, uint16_t port)
{
	bool known = has_port(&s->learned, port);

	for (uint16_t i = 0; i < s->config.destination_port_count && !known; i++)
		known = has_port(&s->config.destination_ports[i], port);
	return known;
}

static bool is_server(const struct kg_session *s, const struct kg_endpoint *source)
{
	bool known = false;

	for (uint16_t i = 0; i < s->config.destination_count && !known; i++)
		known = kg_ip_equal(&s->config.destinations[i], &source->ip);
	return known && is_server_port(s, source->port);
}

/* ---- how far ---- */

static void measure(const struct kg_line *line)
{
	struct kg_session *s = line->session;
	uint32_t rtt_us = kg_kcp_rtt_us(line->kcp);

	if (rtt_us == 0)
		return;
	s->measured = line->remote.ip;
	s->measured_rtt_us = rtt_us;
}

/* The line's first words are repeated as soon as they can have been lost. */
static void expect_rtt(const struct kg_line *line)
{
	const struct kg_session *s = line->session;

	if (kg_ip_equal(&s->measured, &line->remote.ip))
		kg_kcp_expect_rtt(line->kcp, s->measured_rtt_us);
}

/* ---- opening ---- */

/* The oldest line that only serves repetitions lets go of its port: a handshake, which has it for
 * itself, rather than a channel. */
static bool make_room(struct kg_session *s)
{
	struct kg_line *oldest = TAILQ_FIRST(&s->homes[KG_HOME_SETTLED]);

	if (oldest == NULL)
		oldest = TAILQ_FIRST(&s->homes[KG_HOME_LINGERING]);
	if (oldest == NULL)
		return false;
	kg_line_retire(oldest);
	return true;
}

/* For the line's remote and conv. */
static bool take_local_port(struct kg_line *line)
{
	struct kg_session *s = line->session;
	bool alone = line->kind == KG_LINE_HANDSHAKE;

	for (int i = 0; i < PORT_TRIES; i++) {
		do
			line->local.port = s->ops.port_acquire(s->host, &line->remote, alone);
		while (line->local.port == 0 && make_room(s));
		if (line->local.port == 0)
			return false;
		if (kg_line_hook(line))
			return true;
		s->ops.port_release(s->host, line->local.port);
	}
	return false;
}

static bool ask(struct kg_handshake *hs, enum kg_protocol protocol, const struct kg_target *target,
		uint64_t now_us)
{
	struct kg_session *s = hs->line.session;
	struct kg_message request = {
		.feature = KG_FEATURE_INITIALISE,
		.protocol = protocol,
		.initialise = {
			.outbound_Bps = s->config.outbound_Bps,
			.inbound_Bps = s->config.inbound_Bps,
			.capabilities = s->config.capabilities,
		},
	};

	if (target != NULL) {
		request.initialise.custom_port = target->port;
		request.initialise.custom_address = (const uint8_t *)target->address;
		request.initialise.custom_address_len = strlen(target->address);
	}
	hs->line.open = true;
	return kg_line_say(&hs->line, &request, now_us) > 0;
}

static struct kg_handshake *begin_handshake(struct kg_session *s, enum kg_protocol protocol,
					    const struct kg_target *target, uint64_t now_us)
{
	uint32_t nth = kg_rng_below(s->rng, s->config.destination_count);
	struct kg_handshake *hs = kg_handshake_create(s, now_us);

	if (hs == NULL)
		return NULL;
	hs->line.remote.ip = s->config.destinations[nth];
	hs->line.remote.port = pick_port(s);
	expect_rtt(&hs->line);
	if (take_local_port(&hs->line) && ask(hs, protocol, target, now_us))
		return hs;
	kg_line_destroy(&hs->line);
	return NULL;
}

struct kg_channel *kg_session_open(struct kg_session *s, enum kg_protocol protocol,
				   const struct kg_target *target, void *user, uint64_t now_us)
{
	struct kg_channel *ch;

	if (!kg_session_make_room(s, protocol, now_us))
		return NULL;
	ch = kg_channel_create(s, protocol, 0, now_us);
	if (ch == NULL)
		return NULL;
	ch->handshake = begin_handshake(s, protocol, target, now_us);
	if (ch->handshake == NULL) {
		kg_line_destroy(&ch->line);
		return NULL;
	}
	ch->line.hooked = true; /* by its handshake */
	ch->line.remote = ch->handshake->line.remote;
	ch->user = user;
	ch->handshake->channel = ch;
	s->stats.handshakes_started++;
	s->stats.channels_opened++;
	kg_line_touch(&ch->line, now_us);
	kg_line_touch(&ch->handshake->line, now_us);
	return ch;
}

/* ---- no way to the server ---- */

static void give_up(struct kg_handshake *hs, uint64_t now_us)
{
	struct kg_session *s = hs->line.session;

	s->now_us = now_us;
	s->stats.handshakes_failed++;
	kg_channel_close(hs->channel, KG_CLOSE_NO_ROUTE, 0, "", now_us);
}

void kg_session_no_route(struct kg_session *s, const struct kg_ip *peer, uint64_t now_us)
{
	struct kg_line *line, *next;

	for (line = TAILQ_FIRST(&s->homes[KG_HOME_HANDSHAKES]); line != NULL; line = next) {
		struct kg_handshake *hs = kg_line_handshake(line);

		next = TAILQ_NEXT(line, home_link);
		if (hs->channel != NULL && kg_ip_equal(&line->remote.ip, peer))
			give_up(hs, now_us);
	}
}

void kg_session_no_route_from(struct kg_session *s, uint16_t local_port, uint64_t now_us)
{
	struct kg_line *line = kg_line_find(s, local_port, 0);

	if (line != NULL && line->home == KG_HOME_HANDSHAKES &&
	    kg_line_handshake(line)->channel != NULL)
		give_up(kg_line_handshake(line), now_us);
}

bool kg_session_asks(const struct kg_session *s, struct kg_endpoint *remote, uint64_t *since_us)
{
	struct kg_line *line = TAILQ_FIRST(&s->homes[KG_HOME_HANDSHAKES]);

	if (line == NULL)
		return false;
	*remote = line->remote;
	*since_us = kg_line_handshake(line)->begun_us;
	return true;
}

/* ---- the answer ---- */

static void on_accepted(struct kg_handshake *hs, const struct kg_initialise *answer,
			uint64_t now_us)
{
	struct kg_session *s = hs->line.session;
	struct kg_channel *ch = hs->channel;

	hs->peer_outbound_Bps = answer->outbound_Bps;
	hs->peer_inbound_Bps = answer->inbound_Bps;
	learn_ports(s, answer->port_start, answer->port_end);
	ch->conv = answer->uid;
	kg_kcp_set_conv(ch->line.kcp, ch->conv);
	ch->line.remote = (struct kg_endpoint){ hs->line.remote.ip, pick_port(s) };
	/* The server's destination took its time, too: better than nothing. */
	if (!kg_ip_equal(&s->measured, &hs->line.remote.ip))
		measure(&hs->line);
	expect_rtt(&ch->line);
	if (!kg_framing_start(&ch->line.framing, ch->line.kcp, ch->conv) ||
	    !take_local_port(&ch->line)) {
		ch->conv = 0;
		s->stats.handshakes_failed++;
		kg_channel_close(ch, KG_CLOSE_EXHAUSTED, 0, "", now_us);
		return;
	}
	kg_channel_agree(ch, answer->capabilities);
	if (kg_kcp_unacked(ch->line.kcp) == 0)
		kg_channel_say(ch, KG_FEATURE_KEEP_ALIVE, now_us);
	ch->line.open = true;
	s->stats.handshakes_done++;
	kg_channel_establish(ch, now_us);
}

static void on_refused(struct kg_handshake *hs, const struct kg_message *message, uint64_t now_us)
{
	char text[KG_TEXT_BYTES];

	hs->line.session->stats.handshakes_failed++;
	kg_channel_close(hs->channel, KG_CLOSE_REFUSED, 0, kg_message_text(message, text), now_us);
}

static void on_message(struct kg_handshake *hs, const struct kg_message *message, uint64_t now_us)
{
	bool answered = hs->expires_us != KG_NEVER_US;
	bool accepted = message->feature == KG_FEATURE_INITIALISE && message->initialise.uid != 0;
	bool refused =
		message->feature == KG_FEATURE_FAILURE || message->feature == KG_FEATURE_DISCONNECT;

	if (answered || hs->channel == NULL || !(accepted || refused)) {
		hs->line.session->stats.messages_dropped++;
		return;
	}
	kg_handshake_linger(hs, now_us);
	/* What lingers makes room: a channel that was aborted meanwhile may just have gone. */
	if (hs->channel == NULL)
		return;
	if (accepted)
		on_accepted(hs, &message->initialise, now_us);
	else
		on_refused(hs, message, now_us);
}

static enum kg_drop handshake_input(struct kg_handshake *hs, const struct kg_datagram *in,
				    uint64_t now_us)
{
	uint8_t bytes[KG_CONTROL_MAX_BYTES];
	struct kg_message message;
	unsigned int events = 0;
	enum kg_drop drop = kg_kcp_input(hs->line.kcp, in->data, in->len, now_us, &events);

	if (drop != KG_DROP_NONE)
		return drop;
	while (kg_handshake_next(hs, &message, bytes))
		on_message(hs, &message, now_us);
	if (hs->expires_us != KG_NEVER_US)
		kg_handshake_linger(hs, now_us);
	kg_line_touch(&hs->line, now_us);
	return KG_DROP_NONE;
}

enum kg_drop kg_client_input(struct kg_session *s, const struct kg_datagram *in, uint32_t conv,
			     uint64_t now_us)
{
	struct kg_line *line = kg_line_find(s, in->local.port, conv);
	enum kg_drop drop;

	if (line == NULL)
		return conv == 0 ? KG_DROP_HANDSHAKE_UNKNOWN : KG_DROP_CONV_UNKNOWN;
	if (!kg_endpoint_equal(&line->remote, &in->remote) && !is_server(s, &in->remote))
		return KG_DROP_SOURCE_UNKNOWN;
	if (line->kind == KG_LINE_HANDSHAKE)
		return handshake_input(kg_line_handshake(line), in, now_us);
	drop = kg_channel_input(kg_line_channel(line), in, now_us);
	if (kg_line_channel(line)->handshake != NULL) /* a young one: the path may be idle */
		measure(line);
	return drop;
}

/* ---- moving ---- */

/* A channel that finds no port stays where it is, and moves with a later call. */
static void move_channel(struct kg_channel *ch, uint64_t now_us)
{
	struct kg_line *line = &ch->line;
	uint16_t before = line->local.port;

	kg_line_forget(line);
	if (!take_local_port(line)) {
		line->local.port = before;
		kg_line_hook(line);
		return;
	}
	line->session->ops.port_release(line->session->host, before);
	kg_channel_say(ch, KG_FEATURE_KEEP_ALIVE, now_us);
	kg_line_touch(line, now_us);
}

void kg_session_leave_port(struct kg_session *s, uint16_t port, uint64_t now_us)
{
	struct kg_line *line;

	TAILQ_FOREACH (line, &s->homes[KG_HOME_CHANNELS], home_link) {
		if (line->kind == KG_LINE_CHANNEL && line->local.port == port && line->hooked)
			move_channel(kg_line_channel(line), now_us);
	}
}
