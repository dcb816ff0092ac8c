/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes room for channels: who has to prove what before a channel may have more than a share of it.
 *
 * A server's channel is in doubt until something came in on its conv, which only who got the answer
 * to the handshake knows; a UDP channel, on both ends, until it has been a conversation
 * (exchange.h), as its source may be made up. Channels in doubt have a share of the limit, UDP and
 * the others each its own; beyond it the oldest gives way to the newcomer, but for who may just
 * have got the answer and be on his way: the newcomer asks again, while he would wait for ever. UDP
 * as a whole leaves a part of channels and memory to TCP, and whoever is at one place to those who
 * are elsewhere (origins.c).
 */
#include "session/internal.h"

/* Of memory, for what is no UDP. */
#define RESERVE_PART 8
/* Of the room for channels, what an origin may have against what it leaves; in bytes of memory, one
 * that does something. */
#define ORIGIN_PARTS  15
#define CHANNEL_BYTES 2048
/* For an answer to come to a client, and something back. */
#define ANSWER_US (250ull * KG_US_PER_MS)

static enum kg_home home_in_doubt(enum kg_protocol protocol)
{
	return protocol == KG_PROTOCOL_UDP ? KG_HOME_DOUBTED_UDP : KG_HOME_DOUBTED;
}

static uint8_t doubts_of(const struct kg_session *s, enum kg_protocol protocol)
{
	uint8_t doubts = 0;

	if (s->config.role == KG_ROLE_SERVER && !s->config.bare)
		doubts |= KG_DOUBT_UNHEARD;
	if (protocol == KG_PROTOCOL_UDP)
		doubts |= KG_DOUBT_SOURCE;
	return doubts;
}

static void give_way(struct kg_channel *ch, uint64_t now_us)
{
	struct kg_handshake *hs = ch->handshake;

	kg_channel_close(ch, KG_CLOSE_GAVE_WAY, 0, "", now_us);
	/* Whoever asks again is served again. */
	if (hs != NULL && hs->line.home != KG_HOME_RETIRED)
		kg_line_retire(&hs->line);
}

static bool udp_is_full(const struct kg_session *s)
{
	uint32_t max = s->config.udp_max != 0 ? s->config.udp_max : s->config.channels_max;

	return s->udp_channels >= max ||
	       !kg_mem_allows(s->mem, s->mem->soft_limit_bytes / RESERVE_PART);
}

static bool has_had_its_time(const struct kg_channel *ch, uint64_t now_us)
{
	return (ch->doubts & KG_DOUBT_UNHEARD) == 0 || now_us - ch->opened_us >= ANSWER_US;
}

static size_t left_of(size_t most, size_t used)
{
	return most > used ? most - used : 0;
}

/* With k of them that all want more 1/(1 + 15k) of the room stays free for the others. */
static bool has_enough(const struct kg_session *s, const struct kg_ip *from)
{
	size_t channels = left_of(s->config.channels_max, kg_session_channels(s));
	size_t bytes = left_of(s->mem->soft_limit_bytes, s->mem->in_use_bytes);

	return from != NULL && kg_origins_channels(s, from) >
				       ORIGIN_PARTS * KG_MIN(channels, bytes / CHANNEL_BYTES);
}

bool kg_session_make_room(struct kg_session *s, enum kg_protocol protocol, const struct kg_ip *from,
			  uint64_t now_us)
{
	enum kg_home home = home_in_doubt(protocol);
	bool udp = protocol == KG_PROTOCOL_UDP, doubted = doubts_of(s, protocol) != 0;
	struct kg_line *oldest = TAILQ_FIRST(&s->homes[home]);
	bool share_is_full =
		s->config.doubted_max != 0 && s->home_counts[home] >= s->config.doubted_max;

	if (has_enough(s, from))
		return false;
	if (oldest != NULL && doubted && (share_is_full || (udp && udp_is_full(s)))) {
		if (!has_had_its_time(kg_line_channel(oldest), now_us))
			return false;
		give_way(kg_line_channel(oldest), now_us);
	}
	return !s->stopping && kg_session_channels(s) < s->config.channels_max &&
	       kg_mem_allows(s->mem, 0) && !(udp && udp_is_full(s));
}

void kg_channel_doubt(struct kg_channel *ch)
{
	ch->doubts = doubts_of(ch->line.session, ch->protocol);
	kg_line_move(&ch->line, ch->doubts != 0 ? home_in_doubt(ch->protocol) : KG_HOME_CHANNELS);
}

void kg_channel_settle_doubt(struct kg_channel *ch, uint8_t doubt)
{
	ch->doubts &= (uint8_t)~doubt;
	if (ch->doubts == 0 && kg_home_is_hosted(ch->line.home))
		kg_line_move(&ch->line, KG_HOME_CHANNELS);
}
