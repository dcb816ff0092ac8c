/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The time-outs of bare channels: no datagram of the application for udp_timeout, no answer from
 * our target, a sign of life that is due, and a server that is asked since nothing came from it.
 */
#include "session/bare.h"

/* Nothing has come for what was said: the server is asked whether it is there. Half of the time
 * after which a path is silent (hop.c). */
#define ASK_US     (KG_SILENT_MIN_MS / 2 * KG_US_PER_MS)
#define CONNECT_US (30ull * KG_US_PER_S)

static uint64_t idle_us(const struct kg_channel *ch)
{
	return ch->last_data_us + ch->line.session->config.udp_timeout_s * (uint64_t)KG_US_PER_S;
}

static uint64_t keep_alive_us(const struct kg_channel *ch)
{
	uint32_t keep_alive_s = ch->line.session->config.keep_alive_s;

	return keep_alive_s != 0 ? ch->last_alive_us + keep_alive_s * (uint64_t)KG_US_PER_S
				 : KG_NEVER_US;
}

static uint64_t ask_us(const struct kg_bare *bare)
{
	bool client = bare->ch.line.session->config.role == KG_ROLE_CLIENT;

	return client && bare->unanswered_us != 0 && !bare->asked ? bare->unanswered_us + ASK_US
								  : KG_NEVER_US;
}

static uint64_t reckon_us(struct kg_channel *ch)
{
	uint64_t next_us = kg_roam_timeout_us(ch);

	switch ((enum kg_channel_state)ch->state) {
	case KG_CHANNEL_HANDSHAKE:
		return KG_MIN(next_us, ch->opened_us + CONNECT_US);
	case KG_CHANNEL_OPEN:
		next_us = KG_MIN(next_us, idle_us(ch));
		next_us = KG_MIN(next_us, ask_us(kg_bare_of(ch)));
		return KG_MIN(next_us, keep_alive_us(ch));
	case KG_CHANNEL_CLOSING:
	case KG_CHANNEL_CLOSED:
		break;
	}
	return ch->line.hooked ? ch->end_us : KG_NEVER_US;
}

/* As with KCP: of an open one they only move away, but for what says so. */
uint64_t kg_bare_timeout_us(struct kg_line *line, uint64_t now_us)
{
	struct kg_channel *ch = kg_line_channel(line);

	if (ch->state != KG_CHANNEL_OPEN)
		return reckon_us(ch);
	if (ch->timeout_us <= now_us)
		ch->timeout_us = reckon_us(ch);
	return ch->timeout_us;
}

static void open_on_timer(struct kg_channel *ch, uint64_t now_us)
{
	struct kg_bare *bare = kg_bare_of(ch);

	if (now_us >= idle_us(ch)) {
		kg_channel_close(ch, KG_CLOSE_IDLE, 0, "", now_us);
		return;
	}
	if (now_us >= ask_us(bare)) {
		bare->asked = true;
		kg_bare_say_alive(ch, now_us);
	}
	if (now_us >= keep_alive_us(ch)) {
		ch->last_alive_us = now_us;
		kg_bare_say_alive(ch, now_us);
	}
}

void kg_bare_on_timer(struct kg_line *line, uint64_t now_us)
{
	struct kg_channel *ch = kg_line_channel(line);

	if (now_us >= kg_roam_timeout_us(ch))
		kg_roam_on_timer(ch, now_us);
	switch ((enum kg_channel_state)ch->state) {
	case KG_CHANNEL_HANDSHAKE:
		if (now_us >= ch->opened_us + CONNECT_US)
			kg_channel_close(ch, KG_CLOSE_HANDSHAKE, 0, "", now_us);
		break;
	case KG_CHANNEL_OPEN:
		open_on_timer(ch, now_us);
		break;
	case KG_CHANNEL_CLOSING:
	case KG_CHANNEL_CLOSED:
		kg_channel_closed_on_timer(ch, now_us);
		break;
	}
}
