/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The time-outs of lines. Paths (hop.c) and peers (peers.c) have timers of their own. Other files
 * record what happened; what follows from its absence, and when to look again, is decided here. A
 * line has one timer, armed for the earliest of its KCP's deadline and these:
 *
 *   handshake    30 s   channel: no answer from the server, or from our target
 *   elsewhere           client's handshake: no answer from where it asks (handshake_hop.c)
 *   silence     255 s   channel: no input from the peer; 31 s on a mux channel,
 *                       40 s on a server
 *   unheard      30 s   server's channel that was answered and heard nothing, not even once; the
 *                       time of silence applies to an original's client, which says nothing before
 *                       its application does, if it has acknowledged the answer
 *   idle     udp_timeout  UDP channel: no data in either direction
 *   keep-alive          channel: every keep_alive seconds; when that is off a TCP channel asks
 *                       after 120 s and 200 s without input, so that silence means a dead peer;
 *                       a mux channel asks after 10 s in any case, on a server after 15 s
 *   stream stopped      client's channel: payload came and came, none of ours is under way, and
 *                       nothing has come for two round trips, 200 ms at least: something is said
 *                       once, for a NAT may have given us another address, which the server learns
 *                       by that alone. A server says something after a second, if its peer is a
 *                       box: that may have lost its state. A stream that went on with less than
 *                       makes one is asked for again, after twice the time: it may have stopped
 *                       for the same reason
 *   forgotten           something of ours is under way, and nothing comes (forgotten.h)
 *   answer              client's TCP channel: the application has ended and no data came for
 *                       answer_wait_s: the peer, which knows no half-close, is told disconnect
 *   closing      35 s   channel: no input while nothing but the disconnect waits for its
 *                       acknowledgement; while data does, or the peer's window is closed, the time
 *                       of silence applies: nothing written before the end is given up early
 *   owed        100 ms  channel: a control message found no memory
 *   stale       at once channel: datagrams were too old, so there is room (stale.h)
 *   roam                server's channel: another address does not answer (roam.h)
 *   linger              closed channel: serves what the peer repeats (channel_end.c says how long)
 *   handshake linger    answered handshake: likewise, for the times below
 *
 * An open channel's time-outs only move away with every datagram, but for a few events that say so
 * (kg_channel_reckon). So the nearest is kept, and reckoned again when its time has come.
 */
#include "session/stale.h"

#define S(seconds) ((uint64_t)(seconds)*KG_US_PER_S)

#define HANDSHAKE_US S(30)
#define SILENCE_US   S(255)
#define UNHEARD_US   S(30) /* as long as the answer is repeated */
#define CLOSING_US   S(35)
#define OWED_US      (100ull * KG_US_PER_MS)
/* An original forgets a mux channel after so long. New connections wait for it meanwhile. The
 * client goes first: a server that does would refuse what a client still sends. */
#define MUX_SILENCE_CLIENT_US S(31)
#define MUX_SILENCE_SERVER_US S(40)
#define MUX_PROBE_CLIENT_US   S(10)
#define MUX_PROBE_SERVER_US   S(15) /* later: one question is enough for both */

#define PROBES 2
static const uint64_t probe_us[PROBES] = { S(120), S(200) };

/* Both ends set their windows when the handshake is that old (docs/wire.md §4.4). */
#define HANDSHAKE_AGE_US S(4)
/* The server repeats an answer that is not acknowledged, and then forgets the client's port. The
 * client keeps the port for longer than that, or a new handshake from it would meet the old one. */
#define SERVER_UNSETTLED_US S(30)
#define SERVER_SETTLED_US   S(4)
#define CLIENT_ANSWERED_US  S(8)

uint64_t kg_handshake_kept_until_us(const struct kg_handshake *hs, uint64_t now_us)
{
	uint64_t more_us = CLIENT_ANSWERED_US;

	if (hs->line.session->config.role == KG_ROLE_SERVER)
		more_us = hs->settled ? SERVER_SETTLED_US : SERVER_UNSETTLED_US;
	return KG_MAX(hs->begun_us + HANDSHAKE_AGE_US, now_us + more_us);
}

#define STOPPED_MIN_US        (200ull * KG_US_PER_MS)
#define STOPPED_SERVER_MIN_US S(1)
/* Each datagram moves that time; the timer only every so often. */
#define STOPPED_GRID_US 16384u

static bool is_server(const struct kg_channel *ch)
{
	return ch->line.session->config.role == KG_ROLE_SERVER;
}

static uint64_t silence_us(const struct kg_channel *ch)
{
	uint64_t limit_us = SILENCE_US;

	if (ch->protocol == KG_PROTOCOL_MUX)
		limit_us = is_server(ch) ? MUX_SILENCE_SERVER_US : MUX_SILENCE_CLIENT_US;
	return ch->last_input_us + limit_us;
}

static uint64_t unheard_us(const struct kg_channel *ch)
{
	bool may_wait = ch->capabilities == 0 && ch->answer_acked;

	if ((ch->doubts & KG_DOUBT_UNHEARD) == 0 || may_wait)
		return KG_NEVER_US;
	return ch->last_input_us + UNHEARD_US;
}

static uint64_t idle_us(const struct kg_channel *ch)
{
	uint32_t udp_timeout_s = ch->line.session->config.udp_timeout_s;

	if (ch->protocol != KG_PROTOCOL_UDP || udp_timeout_s == 0)
		return KG_NEVER_US;
	return ch->last_data_us + S(udp_timeout_s);
}

static uint64_t mux_probe_us(const struct kg_channel *ch)
{
	return KG_MAX(ch->last_input_us, ch->last_alive_us) +
	       (is_server(ch) ? MUX_PROBE_SERVER_US : MUX_PROBE_CLIENT_US);
}

static uint64_t keep_alive_us(const struct kg_channel *ch)
{
	uint32_t keep_alive_s = ch->line.session->config.keep_alive_s;
	uint64_t next_us = KG_NEVER_US;

	if (ch->protocol == KG_PROTOCOL_MUX)
		next_us = mux_probe_us(ch);
	if (keep_alive_s != 0)
		return KG_MIN(next_us, ch->last_alive_us + S(keep_alive_s));
	if (ch->protocol == KG_PROTOCOL_TCP && ch->probes < PROBES)
		return ch->last_input_us + probe_us[ch->probes];
	return next_us;
}

/* After a word that brought data, if little, that is enough. */
static bool was_stream(const struct kg_channel *ch)
{
	if (ch->words == 0 || ch->words == KG_WORDS_MAX)
		return ch->flowing == KG_FLOWING;
	return ch->last_data_us > ch->last_alive_us;
}

static uint64_t stopped_us(const struct kg_channel *ch)
{
	uint64_t wait_us = is_server(ch) ? STOPPED_SERVER_MIN_US : STOPPED_MIN_US;

	if (!was_stream(ch) || (is_server(ch) && ch->capabilities == 0))
		return KG_NEVER_US;
	wait_us = KG_MAX(2ull * kg_kcp_rtt_us(ch->line.kcp), wait_us) << ch->words;
	return (ch->last_input_us | (STOPPED_GRID_US - 1)) + wait_us;
}

static uint64_t answer_us(const struct kg_channel *ch)
{
	if ((ch->ends & KG_ENDS_OURS) == 0 || kg_channel_ends_way(ch) != KG_ENDS_ANSWERED)
		return KG_NEVER_US;
	return ch->last_data_us + S(ch->line.session->config.answer_wait_s);
}

static uint64_t closing_us(const struct kg_channel *ch)
{
	const struct kg_kcp *kcp = ch->line.kcp;
	bool only_disconnect = kg_kcp_unacked(kcp) <= 1 && kg_kcp_peer_window(kcp) > 0;

	return KG_MAX(ch->end_us, ch->last_input_us) + (only_disconnect ? CLOSING_US : SILENCE_US);
}

static bool is_listening(const struct kg_channel *ch)
{
	return ch->line.open && (ch->state == KG_CHANNEL_OPEN || ch->state == KG_CHANNEL_CLOSING);
}

static uint64_t timeout_us(const struct kg_channel *ch, uint64_t now_us)
{
	uint64_t next_us = ch->owed != 0 ? now_us + OWED_US : KG_NEVER_US;

	if (ch->roam != NULL)
		next_us = KG_MIN(next_us, kg_roam_timeout_us(ch));
	if (is_listening(ch))
		next_us = KG_MIN(next_us, kg_forgotten_due_us(ch, now_us));

	switch ((enum kg_channel_state)ch->state) {
	case KG_CHANNEL_HANDSHAKE:
		return KG_MIN(next_us, ch->opened_us + HANDSHAKE_US);
	case KG_CHANNEL_OPEN:
		next_us = KG_MIN(next_us, silence_us(ch));
		next_us = KG_MIN(next_us, unheard_us(ch));
		next_us = KG_MIN(next_us, idle_us(ch));
		next_us = KG_MIN(next_us, answer_us(ch));
		next_us = KG_MIN(next_us, stopped_us(ch));
		return KG_MIN(next_us, keep_alive_us(ch));
	case KG_CHANNEL_CLOSING:
		return KG_MIN(next_us, closing_us(ch));
	case KG_CHANNEL_CLOSED:
		break;
	}
	return ch->line.hooked ? KG_MIN(next_us, ch->end_us) : KG_NEVER_US;
}

uint64_t kg_channel_timeout_us(struct kg_line *line, uint64_t now_us)
{
	struct kg_channel *ch = kg_line_channel(line);

	if (kg_stale_is_untold(ch))
		return now_us;
	if (ch->state != KG_CHANNEL_OPEN)
		return timeout_us(ch, now_us);
	if (ch->timeout_us <= now_us)
		ch->timeout_us = timeout_us(ch, now_us);
	return ch->timeout_us;
}

/* Data under way asks the peer already. */
static void speak_up(struct kg_channel *ch, uint64_t now_us)
{
	ch->flowing = 0;
	if (kg_kcp_unacked(ch->line.kcp) == 0)
		kg_channel_say(ch, KG_FEATURE_KEEP_ALIVE, now_us);
}

static void keep_alive(struct kg_channel *ch, uint64_t now_us)
{
	ch->last_alive_us = now_us;
	ch->probes++;
	speak_up(ch, now_us);
}

static void ask_for_stream(struct kg_channel *ch, uint64_t now_us)
{
	ch->last_alive_us = now_us;
	if (ch->words < KG_WORDS_MAX)
		ch->words++;
	speak_up(ch, now_us);
}

static void handshake_failed(struct kg_channel *ch, uint64_t now_us)
{
	ch->line.session->stats.handshakes_failed++;
	kg_channel_close(ch, KG_CLOSE_HANDSHAKE, 0, "", now_us);
}

static void open_on_timer(struct kg_channel *ch, uint64_t now_us)
{
	if (now_us >= silence_us(ch))
		kg_channel_close(ch, KG_CLOSE_SILENCE, 0, "", now_us);
	else if (now_us >= unheard_us(ch))
		kg_channel_close(ch, KG_CLOSE_UNHEARD, 0, "", now_us);
	else if (now_us >= idle_us(ch))
		kg_channel_close(ch, KG_CLOSE_IDLE, 0, "", now_us);
	else if (now_us >= answer_us(ch))
		kg_channel_on_end(ch, KG_ENDS_HAS_WAITED, now_us);
	else if (now_us >= keep_alive_us(ch))
		keep_alive(ch, now_us);
	else if (now_us >= stopped_us(ch))
		ask_for_stream(ch, now_us);
}

void kg_channel_closed_on_timer(struct kg_channel *ch, uint64_t now_us)
{
	if (now_us < ch->end_us || !ch->line.hooked)
		return;
	if (ch->line.home == KG_HOME_LINGERING)
		kg_line_retire(&ch->line);
	else
		kg_line_unhook(&ch->line);
}

void kg_channel_on_timer(struct kg_line *line, uint64_t now_us)
{
	struct kg_channel *ch = kg_line_channel(line);

	kg_channel_pay(ch, now_us);
	kg_stale_tell(ch);
	if (kg_kcp_take_repeating(ch->line.kcp))
		kg_peers_on_heard(ch, KG_KCP_REPEATING, now_us);
	if (now_us >= kg_roam_timeout_us(ch))
		kg_roam_on_timer(ch, now_us);
	if (is_listening(ch) && now_us >= kg_forgotten_due_us(ch, now_us))
		kg_forgotten_ask(ch, now_us);
	switch ((enum kg_channel_state)ch->state) {
	case KG_CHANNEL_HANDSHAKE:
		if (now_us >= ch->opened_us + HANDSHAKE_US)
			handshake_failed(ch, now_us);
		break;
	case KG_CHANNEL_OPEN:
		open_on_timer(ch, now_us);
		break;
	case KG_CHANNEL_CLOSING:
		if (now_us >= closing_us(ch))
			kg_channel_close(ch, KG_CLOSE_ABORTED, 0, "", now_us);
		break;
	case KG_CHANNEL_CLOSED:
		kg_channel_closed_on_timer(ch, now_us);
		break;
	}
}
