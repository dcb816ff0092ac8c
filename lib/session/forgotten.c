/* SPDX-License-Identifier: BSD-3-Clause */
/* Asks peers that have fallen silent whether they know a channel, and answers such questions. */
#include "session/forgotten.h"

#include "session/internal.h"

/* The nth question follows so much later than the one before, and n times that. */
#define ASK_EVERY_US (450ull * KG_US_PER_MS)
#define ASK_MORE_US  (100ull * KG_US_PER_MS)
/* By chance tests are answered so often, and the channel not once, in four of a million silences
 * where a third of all datagrams is lost (docs/decisions/0046-who-has-forgotten.md). */
#define PROOFS 5
/* In which a client that lives says something, beyond its keep-alive. */
#define LIVING_US KG_US_PER_S

/* ---- asking ---- */

/* Only a box denies; a client may find out by tests. A peer that has ended and is rightly gone has
 * said so in what is still to be read. */
static bool can_find_out(const struct kg_channel *ch)
{
	return !ch->told_readable &&
	       (ch->capabilities != 0 || ch->line.session->config.role == KG_ROLE_CLIENT);
}

static uint64_t silent_since_us(const struct kg_channel *ch, uint64_t now_us)
{
	uint64_t since_us = kg_kcp_waits_since_us(ch->line.kcp);

	if (since_us == KG_NEVER_US) /* it is about to leave, or the peer has no room */
		since_us = kg_kcp_peer_window(ch->line.kcp) > 0 ? now_us : 0;
	return KG_MAX(since_us, ch->last_input_us);
}

uint64_t kg_forgotten_due_us(const struct kg_channel *ch, uint64_t now_us)
{
	uint64_t wait_us = KG_MAX(KG_SILENT_MIN_MS * KG_US_PER_MS,
				  KG_SILENT_RTTS * kg_kcp_rtt_us(ch->line.kcp));

	if (kg_kcp_unacked(ch->line.kcp) == 0 || ch->asks == UINT8_MAX || !can_find_out(ch))
		return KG_NEVER_US;
	return silent_since_us(ch, now_us) + wait_us + ch->asks * ASK_EVERY_US +
	       ch->asks * (ch->asks - 1u) / 2 * ASK_MORE_US;
}

static void ask(struct kg_channel *ch, uint64_t now_us)
{
	ch->line.asking |= KG_ASKING_KNOWN;
	kg_line_touch(&ch->line, now_us);
}

void kg_forgotten_ask(struct kg_channel *ch, uint64_t now_us)
{
	ch->asks++;
	kg_channel_reckon(ch);
	ask(ch, now_us);
	if (ch->line.session->config.role == KG_ROLE_CLIENT)
		kg_hop_doubt(ch->line.path, now_us);
}

/* Of the questions about a channel: nobody else knows it. */
static uint32_t ts_of(const struct kg_channel *ch)
{
	return (uint32_t)kg_siphash(&ch->line.session->source_key, &ch->conv, sizeof(ch->conv));
}

bool kg_forgotten_output(struct kg_channel *ch, struct kg_datagram *out, uint64_t now_us)
{
	struct kg_line *line = &ch->line;

	out->len = kg_framing_ask(&line->framing, line->kcp, ts_of(ch), now_us, out->data);
	if (out->len > 0)
		line->asking &= (uint8_t)~KG_ASKING_KNOWN;
	return out->len > 0;
}

/* ---- finding out ---- */

/* Where we have said our end, the peer may have taken it and gone, and its last word was lost. */
static void close(struct kg_channel *ch, uint64_t now_us)
{
	enum kg_close why = ch->state == KG_CHANNEL_CLOSING ? KG_CLOSE_ABORTED : KG_CLOSE_FORGOTTEN;

	if (can_find_out(ch))
		kg_channel_close(ch, why, 0, "", now_us);
}

void kg_forgotten_on_proof(struct kg_channel *ch, bool at_once, uint64_t now_us)
{
	if (ch->asks == 0) /* nothing waits, or not for long */
		return;
	ch->proofs += at_once;
	if (ch->proofs >= PROOFS)
		close(ch, now_us);
	else
		ask(ch, now_us);
}

/* A NAT may have given a client's port to another box, which truly does not know the channel. The
 * client says from elsewhere that it lives. */
static bool may_have_moved(const struct kg_channel *ch, uint64_t now_us)
{
	const struct kg_session_config *config = &ch->line.session->config;
	uint64_t speaks_us = config->keep_alive_s * (uint64_t)KG_US_PER_S + LIVING_US;

	return config->role == KG_ROLE_SERVER && now_us < silent_since_us(ch, now_us) + speaks_us;
}

bool kg_forgotten_input(struct kg_channel *ch, const struct kg_datagram *in, uint64_t now_us)
{
	uint16_t header = kg_framing_header_bytes(ch->line.framing.fec);

	if (!kg_kcp_is_denied(in->data + header, in->len - header, ts_of(ch)))
		return false;
	if (!may_have_moved(ch, now_us))
		close(ch, now_us);
	return true;
}

/* ---- answering ---- */

static bool is_asked(const struct kg_session *s, const struct kg_datagram *in, uint32_t *ts)
{
	uint16_t header = kg_framing_header_bytes(s->config.fec);

	return kg_kcp_is_asked(in->data + header, in->len - header, ts);
}

bool kg_denials_is_asked(const struct kg_session *s, const struct kg_datagram *in)
{
	uint32_t ts;

	return is_asked(s, in, &ts);
}

void kg_denials_input(struct kg_session *s, const struct kg_datagram *in, uint32_t conv)
{
	struct kg_denials *denials = &s->denials;
	uint32_t ts;

	if (denials->count == KG_DENIALS_MAX || /* they ask again */
	    !is_asked(s, in, &ts))
		return;
	denials->waiting[denials->count++] = (struct kg_denial){
		.ends = { in->local, in->remote },
		.conv = conv,
		.ts = ts,
	};
}

void kg_session_take_back_denial(struct kg_session *s, const struct kg_datagram *in)
{
	struct kg_denials *denials = &s->denials;
	const struct kg_denial *last;
	uint32_t conv;

	if (denials->count == 0 ||
	    kg_framing_conv(s->config.fec, in->data, in->len, &conv) != KG_DROP_NONE)
		return;
	last = &denials->waiting[denials->count - 1];
	if (last->conv == conv && kg_endpoint_equal(&last->ends.local, &in->local) &&
	    kg_endpoint_equal(&last->ends.remote, &in->remote))
		denials->count--;
}

void kg_denials_output(struct kg_session *s, struct kg_datagram *out)
{
	const struct kg_denial *denial = &s->denials.waiting[--s->denials.count];

	out->local = denial->ends.local;
	out->remote = denial->ends.remote;
	out->mtu = 0;
	out->len = kg_framing_deny(s->config.fec, denial->conv, denial->ts, out->data);
	s->stats.denials++;
}
