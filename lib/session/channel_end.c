/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ends channels. KCPTube's disconnect ends both directions. Ends that both know half-close say
 * finish instead, each for its own direction, and need no disconnect when both have (ends.h). After
 * the end the line stays for a while to acknowledge what the peer repeats, and after an abort to
 * say so.
 */
#include "session/bare.h"
#include "session/internal.h"

/* A peer that did not hear our last acknowledgement asks again for this long. */
#define FINISHED_LINGER_US (5ull * KG_US_PER_S)
#define PEER_LINGER_US     (35ull * KG_US_PER_S)
#define ABORT_LINGER_US    (35ull * KG_US_PER_S)
/* Who had said its end before still wants all of it delivered. */
#define ABORT_AFTER_END_LINGER_US (255ull * KG_US_PER_S)

void kg_channel_close(struct kg_channel *ch, enum kg_close why, uint64_t linger_us,
		      const char *text, uint64_t now_us)
{
	struct kg_session *s = ch->line.session;

	if (ch->state == KG_CHANNEL_CLOSED)
		return;
	ch->state = KG_CHANNEL_CLOSED;
	ch->end_us = now_us + linger_us;
	if (ch->doubts != 0) /* no longer one that could give way */
		kg_line_move(&ch->line, KG_HOME_CHANNELS);
	s->stats.closed_by[why]++;
	s->stats.channels_closed++;
	if (linger_us == 0)
		kg_line_unhook(&ch->line);
	kg_line_touch(&ch->line, now_us);
	s->ops.closed(s->host, ch, why, text);
}

void kg_channel_discard_input(struct kg_channel *ch)
{
	struct kg_buf *chain;

	if (kg_channel_is_bare(ch)) {
		kg_bare_discard_input(ch);
		return;
	}
	kg_buf_free_chain(ch->inbox);
	ch->inbox = NULL;
	while ((chain = kg_kcp_recv(ch->line.kcp)) != NULL)
		kg_buf_free_chain(chain);
}

void kg_channel_free(struct kg_channel *ch)
{
	ch->user = NULL;
	if (!ch->line.hooked) {
		kg_line_retire(&ch->line);
		return;
	}
	kg_line_move(&ch->line, KG_HOME_LINGERING);
	kg_channel_discard_input(ch);
}

/* ---- ours ---- */

enum kg_ends_way kg_channel_ends_way(const struct kg_channel *ch)
{
	const struct kg_session_config *config = &ch->line.session->config;
	bool half_close = (ch->capabilities & KG_CAPABILITY_HALF_CLOSE) != 0;

	/* Datagrams have no end that could be told. */
	if (ch->protocol == KG_PROTOCOL_TCP && half_close)
		return KG_ENDS_EACH;
	return config->role == KG_ROLE_SERVER || config->answer_wait_s == 0 ? KG_ENDS_AT_ONCE
									    : KG_ENDS_ANSWERED;
}

/* What follows for the ends; what is to be done is the caller's. */
static enum kg_ends_deed note(struct kg_channel *ch, enum kg_ends_event event)
{
	struct kg_ends_step step = kg_ends_next(ch->ends, kg_channel_ends_way(ch), event);

	ch->ends = step.ends & (KG_ENDS_SETS - 1);
	return step.deed;
}

void kg_channel_disconnect(struct kg_channel *ch, enum kg_close why, uint64_t now_us)
{
	note(ch, KG_ENDS_FINISHES);
	ch->finishing = true;
	ch->why = (uint8_t)why;
	ch->end_us = now_us;
	if (ch->state == KG_CHANNEL_OPEN)
		ch->state = KG_CHANNEL_CLOSING;
	kg_channel_say(ch, KG_FEATURE_DISCONNECT, now_us);
}

/* Both directions have ended by themselves: what is left is the peer's last acknowledgement. */
void kg_channel_settle(struct kg_channel *ch, uint64_t now_us)
{
	bool both = kg_ends_are_over(ch->ends);

	if (ch->state == KG_CHANNEL_OPEN && both) {
		ch->state = KG_CHANNEL_CLOSING;
		ch->why = KG_CLOSE_FINISHED;
		ch->end_us = now_us;
	}
	if (ch->state == KG_CHANNEL_CLOSING && ch->owed == 0 && kg_kcp_unacked(ch->line.kcp) == 0)
		kg_channel_close(ch, ch->why, both ? PEER_LINGER_US : FINISHED_LINGER_US, "",
				 now_us);
}

void kg_channel_on_end(struct kg_channel *ch, enum kg_ends_event event, uint64_t now_us)
{
	switch (note(ch, event)) {
	case KG_ENDS_SAY_FINISH:
		kg_channel_say(ch, KG_FEATURE_FINISH, now_us);
		kg_channel_settle(ch, now_us);
		break;
	case KG_ENDS_SAY_CUT:
		kg_channel_disconnect(ch, KG_CLOSE_FINISHED, now_us);
		break;
	case KG_ENDS_AWAIT:
		ch->last_data_us = now_us; /* from now on */
		kg_channel_reckon(ch);
		break;
	default:
		break;
	}
}

/* A server's channel that has not been answered is refused instead; true when it was. */
static bool refuse_unanswered(struct kg_channel *ch, uint64_t now_us)
{
	bool unanswered = ch->state == KG_CHANNEL_HANDSHAKE &&
			  ch->line.session->config.role == KG_ROLE_SERVER;

	if (unanswered)
		kg_channel_refused(ch, "the destination closed the connection", now_us);
	return unanswered;
}

void kg_channel_finish(struct kg_channel *ch, uint64_t now_us)
{
	if (kg_channel_is_bare(ch)) {
		kg_bare_end(ch, KG_CLOSE_FINISHED, "", now_us);
		return;
	}
	if ((ch->ends & KG_ENDS_OURS) != 0 || ch->state == KG_CHANNEL_CLOSED ||
	    refuse_unanswered(ch, now_us))
		return;
	note(ch, KG_ENDS_FINISHES);
	if (ch->state == KG_CHANNEL_OPEN)
		kg_channel_on_end(ch, KG_ENDS_MAY_SPEAK, now_us);
	kg_line_touch(&ch->line, now_us);
}

void kg_channel_abort(struct kg_channel *ch, uint64_t now_us)
{
	uint64_t linger_us = ABORT_LINGER_US;

	if (kg_channel_is_bare(ch)) {
		kg_bare_end(ch, KG_CLOSE_ABORTED, "", now_us);
		return;
	}
	if (ch->state == KG_CHANNEL_CLOSED || refuse_unanswered(ch, now_us))
		return;
	if (note(ch, KG_ENDS_ABORTS) == KG_ENDS_DROP_AND_CUT)
		kg_kcp_discard_queue(ch->line.kcp);
	else if (kg_kcp_unacked(ch->line.kcp) > 0)
		linger_us = ABORT_AFTER_END_LINGER_US;
	if (!ch->finishing)
		kg_channel_disconnect(ch, KG_CLOSE_ABORTED, now_us);
	kg_channel_close(ch, KG_CLOSE_ABORTED, linger_us, "", now_us);
}

void kg_channel_stop(struct kg_channel *ch, uint64_t now_us)
{
	if (kg_channel_is_bare(ch)) {
		kg_bare_end(ch, KG_CLOSE_ABORTED, "", now_us);
		return;
	}
	if (ch->state == KG_CHANNEL_CLOSED || refuse_unanswered(ch, now_us))
		return;
	if (!ch->finishing)
		kg_channel_disconnect(ch, KG_CLOSE_ABORTED, now_us);
	kg_channel_close(ch, KG_CLOSE_ABORTED, ABORT_LINGER_US, "", now_us);
}

/* ---- the peer's ---- */

void kg_channel_on_disconnect(struct kg_channel *ch, const char *text, uint64_t now_us)
{
	bool all_acked = ch->state == KG_CHANNEL_CLOSING && kg_kcp_unacked(ch->line.kcp) == 0;
	enum kg_close theirs = KG_CLOSE_PEER;

	note(ch, KG_ENDS_PEER_CUTS);
	if (note(ch, KG_ENDS_ALL_READ) == KG_ENDS_CLOSE_RESET)
		theirs = KG_CLOSE_RESET;
	kg_kcp_discard_queue(ch->line.kcp); /* nobody would read it */
	kg_channel_close(ch, all_acked ? ch->why : theirs, PEER_LINGER_US, text, now_us);
}

void kg_channel_on_finish(struct kg_channel *ch, uint64_t now_us)
{
	struct kg_session *s = ch->line.session;

	if (ch->state != KG_CHANNEL_OPEN)
		return;
	note(ch, KG_ENDS_PEER_FINISHES);
	if (note(ch, KG_ENDS_ALL_READ) != KG_ENDS_TELL)
		return;
	s->ops.finished(s->host, ch);
	kg_channel_settle(ch, now_us);
}
