/* SPDX-License-Identifier: BSD-3-Clause */
/* Tells the host about a session and its channels, and changes nothing. */
#include "session/bare.h"
#include "session/internal.h"

const char *kg_channel_state_name(enum kg_channel_state state)
{
	static const char *const names[] = {
		[KG_CHANNEL_HANDSHAKE] = "handshake",
		[KG_CHANNEL_OPEN] = "open",
		[KG_CHANNEL_CLOSING] = "closing",
		[KG_CHANNEL_CLOSED] = "closed",
	};

	return names[state];
}

const char *kg_hop_reason_name(enum kg_hop_reason reason)
{
#define NAME(id, name, help) name,
	static const char *const names[] = { KG_HOP_LIST(NAME) };

	return names[reason];
}

const char *kg_close_name(enum kg_close why)
{
	static const char *const names[] = { KG_CLOSE_LIST(NAME) };
#undef NAME

	return names[why];
}

#define HOP_ROW(id, name, help) \
	KG_METRIC_ROW(id, "hops_" name, COUNTER, "hops", "client: hops of paths because " help)
#define CLOSE_ROW(id, name, help) KG_METRIC_ROW(id, "closed_" name, COUNTER, "channels", help)

KG_METRIC_TABLE(kg_session_metrics, kg_session_stats,
		KG_SESSION_METRICS(KG_METRIC_ROW) KG_HOP_LIST(HOP_ROW) KG_CLOSE_LIST(CLOSE_ROW));

void *kg_channel_user(const struct kg_channel *ch)
{
	return ch->user;
}

void kg_channel_set_user(struct kg_channel *ch, void *user)
{
	ch->user = user;
}

enum kg_protocol kg_channel_protocol(const struct kg_channel *ch)
{
	return ch->protocol;
}

uint32_t kg_channel_unacked(const struct kg_channel *ch)
{
	return kg_channel_is_bare(ch) ? kg_bare_queued(ch) : kg_kcp_unacked(ch->line.kcp);
}

uint32_t kg_channel_queued(const struct kg_channel *ch)
{
	return kg_channel_is_bare(ch) ? kg_bare_queued(ch) : kg_kcp_queued(ch->line.kcp);
}

uint32_t kg_channel_rtt_us(const struct kg_channel *ch)
{
	return kg_channel_is_bare(ch) ? 0 : kg_kcp_rtt_us(ch->line.kcp);
}

uint32_t kg_channel_received(const struct kg_channel *ch)
{
	return kg_channel_is_bare(ch) ? kg_bare_received(ch) : kg_kcp_received(ch->line.kcp);
}

uint32_t kg_channel_conv(const struct kg_channel *ch)
{
	return ch->conv;
}

bool kg_session_is_bare(const struct kg_session *s)
{
	return s->config.bare;
}

size_t kg_session_message_max_bytes(const struct kg_session *s)
{
	if (s->config.bare)
		return KG_MESSAGE_KIND_BYTES + kg_bare_datagram_max(s);
	return (size_t)KG_KCP_FRAGMENTS_MAX * kg_session_buffer_bytes(s);
}

struct kg_session *kg_channel_session(const struct kg_channel *ch)
{
	return ch->line.session;
}

uint32_t kg_channel_capabilities(const struct kg_channel *ch)
{
	return ch->capabilities;
}

uint8_t kg_channel_relays(const struct kg_channel *ch)
{
	return ch->relays;
}

uint16_t kg_channel_receive_window(const struct kg_channel *ch)
{
	return kg_channel_is_bare(ch) ? UINT16_MAX : kg_kcp_receive_window(ch->line.kcp);
}

void kg_channel_get_info(const struct kg_channel *ch, struct kg_channel_info *info, uint64_t now_us)
{
	const struct kg_path *path = ch->line.path;

	*info = (struct kg_channel_info){
		.conv = ch->conv,
		.protocol = ch->protocol,
		.state = ch->state,
		.age_us = now_us - ch->opened_us,
		.silent_us = now_us - ch->last_input_us,
	};
	if (path != NULL && path->ends.remote.port != 0) {
		info->local = path->ends.local;
		info->remote = path->ends.remote;
	}
	kg_peers_get_info(ch, info);
	kg_framing_add_stats(&ch->line.framing, &info->fec);
	if (!kg_channel_is_bare(ch))
		kg_kcp_get_stats(ch->line.kcp, &info->kcp);
}

uint64_t kg_session_now_us(const struct kg_session *s)
{
	return s->now_us;
}

void kg_session_tour_begin(struct kg_session *s)
{
	s->tour_home = KG_HOME_CHANNELS;
	s->tour = TAILQ_FIRST(&s->homes[s->tour_home]);
}

struct kg_channel *kg_session_tour_next(struct kg_session *s)
{
	struct kg_line *line;

	while (s->tour == NULL && kg_home_is_hosted(s->tour_home + 1))
		s->tour = TAILQ_FIRST(&s->homes[++s->tour_home]);
	line = s->tour;
	if (line == NULL)
		return NULL;
	s->tour = TAILQ_NEXT(line, home_link);
	return kg_line_channel(line);
}

void kg_session_get_stats(const struct kg_session *s, struct kg_session_stats *stats)
{
	*stats = s->stats;
	stats->channels = kg_session_channels(s);
}

void kg_session_count_dropped_message(struct kg_session *s)
{
	s->stats.messages_dropped++;
}

void kg_session_count_stale(struct kg_session *s)
{
	s->stats.datagrams_stale++;
}

uint16_t kg_session_rest_bytes(const struct kg_session *s)
{
	return kg_session_buffer_bytes(s);
}
