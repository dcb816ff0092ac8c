/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The asking side: a handshake on a local port of its own, then the channel on another, which it
 * gets with the answer, when it is known where it will talk to. The server does not know the
 * channel's address before it hears from it, so something is sent at once, or a server that speaks
 * first would wait for ever.
 */
#include "session/bare.h"
#include "session/internal.h"

#include <string.h>

/* Local ports that are tried for one line. A free name is found at once but for a chance of one in
 * millions. */
#define PORT_TRIES 8

bool kg_client_is_from_server(const struct kg_session *s, const struct kg_path *path,
			      const struct kg_datagram *in)
{
	return kg_endpoint_equal(&path->ends.remote, &in->remote) ||
	       kg_session_has_server(s, &in->remote);
}

/* ---- how far ---- */

/* NULL: others have taken the place of that address. */
static struct kg_destination *peer_of(const struct kg_line *line)
{
	return kg_destination_of(line->session, &line->path->ends.remote.ip);
}

static void measure(const struct kg_line *line)
{
	struct kg_destination *peer = peer_of(line);
	uint32_t rtt_us = kg_kcp_rtt_us(line->kcp);

	if (peer != NULL && rtt_us != 0)
		peer->rtt_us = rtt_us;
}

/* The line's first words are repeated as soon as they can have been lost. */
static void expect_rtt(const struct kg_line *line)
{
	const struct kg_destination *peer = peer_of(line);

	if (peer != NULL && peer->rtt_us != 0)
		kg_kcp_expect_rtt(line->kcp, peer->rtt_us);
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

struct kg_path *kg_client_lease(struct kg_session *s, const struct kg_endpoint *remote, bool alone)
{
	struct kg_tuple ends = { .remote = *remote };
	struct kg_path *path;

	do
		ends.local.port = s->ops.port_acquire(s->host, remote, alone);
	while (ends.local.port == 0 && make_room(s));
	if (ends.local.port == 0)
		return NULL;
	path = kg_path_take(s, &ends);
	if (path == NULL || path->leased)
		s->ops.port_release(s->host, ends.local.port);
	else
		path->leased = true;
	return path;
}

/* For the channel's conv; others may be on the path. */
bool kg_client_take_path(struct kg_channel *ch, const struct kg_endpoint *remote)
{
	struct kg_session *s = ch->line.session;
	bool hooked = kg_spread_join(ch, &remote->ip);

	for (int i = 0; i < PORT_TRIES && !hooked; i++) {
		struct kg_path *path = kg_client_lease(s, remote, false);

		if (path == NULL)
			return false;
		/* Who shares a port goes where the others have gone. */
		hooked = kg_channel_hook(ch, kg_hop_current(path));
		if (hooked)
			kg_peers_on_path(ch);
		kg_path_give(s, path);
	}
	if (hooked) {
		kg_spread_enter(s, ch->line.path, s->now_us);
		kg_hop_begin(ch->line.path, s->now_us);
	}
	return hooked;
}

static bool take_path_alone(struct kg_handshake *hs, const struct kg_endpoint *remote)
{
	struct kg_path *path = kg_client_lease(hs->line.session, remote, true);

	if (path == NULL)
		return false;
	kg_path_join(path, &hs->line);
	kg_path_give(hs->line.session, path);
	hs->line.hooked = true;
	return true;
}

/* For the channel. */
static bool ask(struct kg_handshake *hs, const struct kg_channel *ch,
		const struct kg_target *target, uint64_t now_us)
{
	struct kg_session *s = hs->line.session;
	struct kg_message request = {
		.feature = KG_FEATURE_INITIALISE,
		.protocol = ch->protocol,
		.initialise = {
			.outbound_Bps = s->config.outbound_Bps,
			.inbound_Bps = s->config.inbound_Bps,
			.capabilities = ch->capabilities,
			.relays = ch->relays,
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

static struct kg_handshake *begin_handshake(const struct kg_channel *ch,
					    const struct kg_target *target, uint64_t now_us)
{
	struct kg_session *s = ch->line.session;
	const struct kg_endpoint nowhere = { 0 };
	struct kg_endpoint remote = kg_destination_pick(s, NULL, &nowhere, now_us);
	struct kg_handshake *hs = kg_handshake_create(s, (uint32_t)kg_rng_next(s->rng), now_us);

	if (hs == NULL)
		return NULL;
	if (take_path_alone(hs, &remote)) {
		expect_rtt(&hs->line);
		if (ask(hs, ch, target, now_us))
			return hs;
	}
	kg_line_destroy(&hs->line);
	return NULL;
}

struct kg_channel *kg_session_open(struct kg_session *s, enum kg_protocol protocol,
				   const struct kg_target *target, void *user, uint64_t now_us)
{
	const struct kg_behalf our_own = { 0 };

	return kg_session_open_for(s, &our_own, protocol, target, user, now_us);
}

struct kg_channel *kg_session_open_for(struct kg_session *s, const struct kg_behalf *behalf,
				       enum kg_protocol protocol, const struct kg_target *target,
				       void *user, uint64_t now_us)
{
	struct kg_channel *ch;

	if (s->config.destination_count == 0 || !kg_session_make_room(s, protocol, NULL, now_us))
		return NULL;
	if (s->config.bare)
		return kg_bare_open(s, behalf->iden, user, now_us);
	ch = kg_channel_create(s, protocol, 0, now_us);
	if (ch == NULL)
		return NULL;
	ch->capabilities &= ~behalf->withheld;
	ch->relays = behalf->relays & 0xf;
	ch->handshake = begin_handshake(ch, target, now_us);
	if (ch->handshake == NULL) {
		kg_line_destroy(&ch->line);
		return NULL;
	}
	ch->line.hooked = true; /* by its handshake */
	kg_path_join(ch->handshake->line.path, &ch->line);
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
		if (hs->channel != NULL && kg_ip_equal(&line->path->ends.remote.ip, peer))
			give_up(hs, now_us);
	}
}

/* The handshake that has the port for itself, or NULL. */
static struct kg_handshake *asks_from(const struct kg_session *s, uint16_t local_port)
{
	const struct kg_path *path = kg_path_at_port(s, local_port);
	struct kg_line *line = path != NULL ? LIST_FIRST(&path->users) : NULL;

	while (line != NULL && line->kind != KG_LINE_HANDSHAKE)
		line = LIST_NEXT(line, path_link);
	return line != NULL ? kg_line_handshake(line) : NULL;
}

void kg_session_no_route_from(struct kg_session *s, uint16_t local_port, uint64_t now_us)
{
	struct kg_handshake *hs = asks_from(s, local_port);

	if (hs != NULL && hs->line.home == KG_HOME_HANDSHAKES && hs->channel != NULL)
		give_up(hs, now_us);
}

bool kg_session_asks(const struct kg_session *s, struct kg_endpoint *remote, uint64_t *since_us)
{
	struct kg_line *line = TAILQ_FIRST(&s->homes[KG_HOME_HANDSHAKES]);

	if (s->config.bare)
		return kg_bare_asks(s, remote, since_us);
	if (line == NULL)
		return false;
	*remote = line->path->ends.remote;
	*since_us = kg_line_handshake(line)->begun_us;
	return true;
}

/* ---- the answer ---- */

static void on_accepted(struct kg_handshake *hs, const struct kg_initialise *answer,
			uint64_t now_us)
{
	struct kg_session *s = hs->line.session;
	struct kg_channel *ch = hs->channel;
	struct kg_destination *peer = peer_of(&hs->line);
	struct kg_endpoint remote = hs->line.path->ends.remote;
	const struct kg_endpoint nowhere = { 0 };

	hs->peer_outbound_Bps = answer->outbound_Bps;
	hs->peer_inbound_Bps = answer->inbound_Bps;
	ch->conv = answer->uid;
	kg_kcp_set_conv(ch->line.kcp, ch->conv);
	if (peer != NULL) {
		kg_destination_learn(s, peer, answer->port_start, answer->port_end);
		remote = kg_destination_pick(s, peer, &nowhere, now_us);
	}
	/* The server's target took its time, too: better than nothing. */
	if (peer != NULL && peer->rtt_us == 0)
		measure(&hs->line);
	expect_rtt(&ch->line);
	kg_path_leave(&ch->line); /* its port may be the last */
	if (!kg_framing_start(&ch->line.framing, ch->line.kcp, ch->conv) ||
	    !kg_client_take_path(ch, &remote)) {
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

static void on_refused(struct kg_handshake *hs, const char *text, uint64_t now_us)
{
	hs->line.session->stats.handshakes_failed++;
	kg_channel_close(hs->channel, KG_CLOSE_REFUSED, 0, text, now_us);
}

static void on_message(struct kg_handshake *hs, const struct kg_message *message,
		       const struct kg_endpoint *from, uint64_t now_us)
{
	bool answered = hs->expires_us != KG_NEVER_US;
	bool accepted = message->feature == KG_FEATURE_INITIALISE && message->initialise.uid != 0;
	bool refused =
		message->feature == KG_FEATURE_FAILURE || message->feature == KG_FEATURE_DISCONNECT;
	char text[KG_TEXT_BYTES];

	if (hs->channel == NULL && message->feature == KG_FEATURE_KEEP_ALIVE) {
		kg_hop_answered(hs, now_us);
		return;
	}
	if (answered || hs->channel == NULL || !(accepted || refused)) {
		hs->line.session->stats.messages_dropped++;
		return;
	}
	kg_handshake_hop_answered(hs, from, now_us);
	kg_handshake_linger(hs, now_us);
	/* What lingers makes room: a channel that was aborted meanwhile may just have gone. */
	if (hs->channel == NULL)
		return;
	if (refused)
		on_refused(hs, kg_message_text(message, text), now_us);
	else if (message->protocol != hs->channel->protocol)
		/* An original takes a port that a NAT has given on for the handshake it had. */
		on_refused(hs, "answered for another protocol", now_us);
	else
		on_accepted(hs, &message->initialise, now_us);
}

/* A NAT may have given the port of one handshake to another, within a round trip. */
static bool is_answer_to(struct kg_handshake *hs, const struct kg_datagram *in, uint64_t now_us)
{
	hs->echoed =
		hs->echoed || kg_kcp_is_echo(hs->line.kcp, in->data, in->len, hs->begun_us, now_us);
	return hs->echoed;
}

static enum kg_drop handshake_input(struct kg_handshake *hs, const struct kg_datagram *in,
				    uint64_t now_us)
{
	uint8_t bytes[KG_CONTROL_MAX_BYTES];
	struct kg_message message;
	unsigned int events = 0;
	enum kg_drop drop;

	if (!is_answer_to(hs, in, now_us))
		return KG_DROP_HANDSHAKE_UNKNOWN;
	drop = kg_kcp_input(hs->line.kcp, in->data, in->len, now_us, &events);
	if (drop != KG_DROP_NONE)
		return drop;
	while (kg_handshake_next(hs, &message, bytes))
		on_message(hs, &message, &in->remote, now_us);
	if (hs->expires_us != KG_NEVER_US)
		kg_handshake_linger(hs, now_us);
	kg_line_touch(&hs->line, now_us);
	return KG_DROP_NONE;
}

/* A path of the local port that the channel's path was before, or that is live beside it; NULL. */
static struct kg_path *path_beside(const struct kg_channel *ch, uint16_t port)
{
	struct kg_path *path = kg_path_at_port(ch->line.session, port);

	while (path != NULL && ((path->state != KG_PATH_OLD && path->state != KG_PATH_LIVE) ||
				kg_hop_current(path) != ch->line.path))
		path = path->next;
	return path;
}

/* The channel with that conv, and on which of its paths this came. */
struct kg_channel *kg_client_channel_of(const struct kg_session *s, const struct kg_datagram *in,
					uint32_t conv, struct kg_path **path)
{
	struct kg_channel *first = kg_channel_find(s, conv), *ch;

	for (ch = first; ch != NULL; ch = ch->namesake) {
		*path = ch->line.path;
		if ((*path)->ends.local.port == in->local.port)
			return ch;
	}
	for (ch = first; ch != NULL; ch = ch->namesake) {
		*path = path_beside(ch, in->local.port);
		if (*path != NULL)
			return ch;
	}
	return NULL;
}

/* Nothing of ours, as far as this worker knows. */
static bool is_unknown(const struct kg_session *s, const struct kg_datagram *in, uint32_t conv)
{
	return kg_channel_find(s, conv) == NULL && kg_session_has_server(s, &in->remote);
}

static bool others_are_left(const struct kg_session *s, const struct kg_datagram *in)
{
	return in->passed + 1u < s->config.workers;
}

bool kg_session_passes_on(const struct kg_session *s, const struct kg_datagram *in)
{
	uint32_t conv;

	return s->config.role == KG_ROLE_CLIENT && !s->config.bare && others_are_left(s, in) &&
	       kg_framing_conv(s->config.fec, in->data, in->len, &conv) == KG_DROP_NONE &&
	       is_unknown(s, in, conv) && kg_denials_is_asked(s, in);
}

enum kg_drop kg_client_input(struct kg_session *s, const struct kg_datagram *in, uint32_t conv,
			     uint64_t now_us)
{
	struct kg_handshake *hs;
	struct kg_channel *ch;
	struct kg_path *path;
	enum kg_drop drop;

	if (conv == 0) {
		hs = asks_from(s, in->local.port);
		if (hs == NULL)
			return KG_DROP_HANDSHAKE_UNKNOWN;
		return kg_client_is_from_server(s, hs->line.path, in)
			       ? handshake_input(hs, in, now_us)
			       : KG_DROP_SOURCE_UNKNOWN;
	}
	ch = kg_client_channel_of(s, in, conv, &path);
	if (ch == NULL) {
		if (is_unknown(s, in, conv) && !others_are_left(s, in))
			kg_denials_input(s, in, conv);
		return KG_DROP_CONV_UNKNOWN;
	}
	if (!kg_client_is_from_server(s, path, in))
		return KG_DROP_SOURCE_UNKNOWN;
	path->heard = true;
	if (path->row != 0)
		kg_spread_heard(&ch->line, path, in->len, now_us);
	drop = kg_channel_input(ch, in, now_us);
	if (ch->handshake != NULL) /* a young one: the path may be idle */
		measure(&ch->line);
	return drop;
}

/* ---- moving ---- */

void kg_session_set_destinations(struct kg_session *s, const struct kg_ip *ips, uint16_t count,
				 const struct kg_port_range *ports, uint16_t port_count,
				 uint64_t now_us)
{
	kg_destinations_set(s, ips, count, ports, port_count);
	kg_hop_follow(s, now_us);
}

/* A channel that finds no port stays where it is, and moves with a later call. */
static void move_channel(struct kg_channel *ch, uint64_t now_us)
{
	struct kg_path *before = ch->line.path;

	kg_channel_forget(ch);
	if (!kg_client_take_path(ch, &before->ends.remote)) {
		kg_channel_hook(ch, before);
		return;
	}
	kg_channel_say(ch, KG_FEATURE_KEEP_ALIVE, now_us);
	kg_line_touch(&ch->line, now_us);
}

static void leave_path(struct kg_session *s, struct kg_path *path, uint64_t now_us)
{
	struct kg_line *line, *next;

	path->holds++;
	for (line = LIST_FIRST(&path->users); line != NULL; line = next) {
		next = LIST_NEXT(line, path_link);
		if (line->kind == KG_LINE_CHANNEL && kg_line_channel(line)->conv != 0 &&
		    line->hooked)
			move_channel(kg_line_channel(line), now_us);
	}
	kg_path_give(s, path);
}

void kg_session_leave_port(struct kg_session *s, uint16_t port, uint64_t now_us)
{
	struct kg_path *path, *next;

	for (path = kg_path_at_port(s, port); path != NULL; path = next) {
		next = path->next;
		if (path->state == KG_PATH_LIVE)
			kg_hop_rest(path, now_us);
		else
			leave_path(s, path, now_us);
	}
}
