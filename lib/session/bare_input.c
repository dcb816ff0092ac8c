/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What comes in on a wire without KCP, at either end. Tests and signs of life are answered where
 * they came from, with what they said, and cost a server no memory; a datagram of an application
 * makes the channel that it is for (docs/udphop.md §2).
 */
#include "session/bare.h"

#include <string.h>

/* Stamps have whole seconds, by two clocks. What is older than the newest by more is no news. */
#define NEWS_S 2
/* Clocks are wrong, and are set: how wrong a peer's is, what was heard in this time says, or in the
 * one before. */
#define AGES_US (60ull * KG_US_PER_S)

/* What says whether a peer is a box, so often and so far apart. */
#define INTRODUCTIONS_MAX 3
#define AGAIN_US          KG_US_PER_S

/* Groups that a client has hardly counted to when a server hears it for the first time. */
#define GROUPS_MAX (1u << 20)

/* ---- with FEC ---- */

/* The shard's header in front of the rest; false: there is none. */
static bool read_shard(const struct kg_session *s, const struct kg_udphop_body *body, uint32_t *sn,
		       uint8_t *sub)
{
	if (s->config.fec == NULL || body->rest_bytes < KG_FEC_HEADER_BYTES)
		return false;
	*sn = kg_load_be32(body->rest);
	*sub = body->rest[KG_FEC_HEADER_BYTES - 1];
	return true;
}

/* What came and what parity has brought back; of a sign of life the latter alone. */
static enum kg_drop take_shard(struct kg_channel *ch, const struct kg_udphop_body *body,
			       uint64_t now_us)
{
	struct kg_fec_decoder *decoder = ch->line.framing.decoder;
	enum kg_drop drop = kg_fec_decoder_input(decoder, body->rest, body->rest_bytes);
	bool own = body->feature != KG_UDPHOP_RAW_DATA;
	const uint8_t *datagram;
	uint16_t len;

	while (drop == KG_DROP_NONE && kg_fec_decoder_output(decoder, &datagram, &len)) {
		if (!own)
			drop = kg_bare_take(ch, NULL, datagram, len, now_us);
		own = false;
	}
	return drop;
}

/* With FEC it matters early whether the peer is a box: it is asked, and again, as the answer may be
 * lost. */
static void introduce(struct kg_channel *ch, uint64_t now_us)
{
	struct kg_bare *bare = kg_bare_of(ch);

	if (bare->introductions == INTRODUCTIONS_MAX ||
	    (bare->introductions > 0 && now_us < bare->introduced_us + AGAIN_US))
		return;
	bare->introductions++;
	bare->introduced_us = now_us;
	bare->alive_due = true;
	kg_line_touch(&ch->line, now_us);
}

static enum kg_drop take(struct kg_channel *ch, const struct kg_datagram *in,
			 const struct kg_udphop_body *body, uint64_t now_us)
{
	if (ch->line.framing.decoder == NULL)
		return kg_bare_take(ch, in, body->rest, body->rest_bytes, now_us);
	introduce(ch, now_us);
	return take_shard(ch, body, now_us);
}

/* A shard of either kind, of a group that a client may have counted to. */
static bool has_shard(const struct kg_session *s, const struct kg_udphop_body *body)
{
	const struct kg_fec *fec = s->config.fec;
	uint8_t sub;
	uint32_t sn;

	return read_shard(s, body, &sn, &sub) && sn < GROUPS_MAX &&
	       sub < kg_fec_data(fec) + kg_fec_parity(fec);
}

/* Originals' clients leave the header out of their first datagram, and ours begin with group 0:
 * what can be no header is the application's. */
static enum kg_drop take_first(struct kg_channel *ch, const struct kg_datagram *in,
			       const struct kg_udphop_body *body, uint64_t now_us)
{
	const struct kg_session *s = ch->line.session;

	if (s->config.fec == NULL || has_shard(s, body))
		return take(ch, in, body, now_us);
	return kg_bare_take(ch, in, body->rest, body->rest_bytes, now_us);
}

/* Clients of v1.1.4 have their signs of life take part in a group; others say group 0, and we one
 * that is far away. */
static void take_sign(struct kg_channel *ch, const struct kg_udphop_body *body, uint64_t now_us)
{
	uint8_t sub;
	uint32_t sn;

	if (read_shard(ch->line.session, body, &sn, &sub) && (sn != 0 || sub != 0) &&
	    kg_fec_decoder_is_near(ch->line.framing.decoder, sn))
		(void)take_shard(ch, body, now_us);
}

/* Ours say nothing but words behind the header: they tell a peer with fec from one without. What it
 * says is not what our applications shall hear. */
static enum kg_drop compare_fec(const struct kg_session *s, const struct kg_udphop_body *body)
{
	bool with = body->rest_bytes == KG_FEC_HEADER_BYTES + KG_UDPHOP_WORDS_BYTES;
	bool without = body->rest_bytes == KG_UDPHOP_WORDS_BYTES;

	return (s->config.fec != NULL ? without : with) ? KG_DROP_FEC_MALFORMED : KG_DROP_NONE;
}

/* ---- answers ---- */

/* `group`: where it stands instead of the question's, of which it is none. */
static enum kg_drop answer(struct kg_session *s, const struct kg_datagram *in,
			   const struct kg_udphop_body *body, enum kg_udphop_feature feature,
			   uint32_t group)
{
	struct kg_bare_answer *to = &s->answers->waiting[s->answers->count];

	if (in->len > KG_BARE_ANSWER_BYTES)
		return KG_DROP_BARE_MALFORMED;
	if (s->answers->count == KG_BARE_ANSWERS_MAX) /* they ask again */
		return KG_DROP_NONE;
	s->answers->count++;
	*to = (struct kg_bare_answer){ .ends = { in->local, in->remote }, .len = in->len };
	kg_udphop_encode(to->bytes, body->iden, feature);
	memcpy(to->bytes + KG_UDPHOP_HEADER_BYTES, body->rest, body->rest_bytes);
	if (feature == KG_UDPHOP_KEEP_ALIVE_RESPONSE && s->config.fec != NULL &&
	    body->rest_bytes >= KG_FEC_HEADER_BYTES)
		kg_fec_header_encode(to->bytes + KG_UDPHOP_HEADER_BYTES, group, 0);
	return KG_DROP_NONE;
}

void kg_bare_answer_output(struct kg_session *s, struct kg_datagram *out)
{
	const struct kg_bare_answer *of = &s->answers->waiting[--s->answers->count];

	out->local = of->ends.local;
	out->remote = of->ends.remote;
	out->mtu = 0;
	out->len = of->len;
	memcpy(out->data, of->bytes, of->len);
}

/* ---- a server's channel begins ---- */

static bool hook(struct kg_channel *ch, const struct kg_datagram *in)
{
	struct kg_session *s = ch->line.session;
	struct kg_tuple ends = { in->local, in->remote };
	struct kg_path *path = kg_path_take(s, &ends);
	bool hooked = path != NULL && kg_channel_hook(ch, path);

	if (path != NULL)
		kg_path_give(s, path);
	return hooked;
}

/* The host may refuse at once; the channel is there until its timer frees it. */
static struct kg_channel *begin(struct kg_session *s, const struct kg_datagram *in, uint32_t iden,
				uint64_t now_us)
{
	struct kg_channel *ch = kg_bare_create(s, iden, now_us);

	if (ch == NULL)
		return NULL;
	if (!hook(ch, in)) {
		kg_line_destroy(&ch->line);
		return NULL;
	}
	ch->line.open = true;
	s->stats.channels_opened++;
	kg_line_touch(&ch->line, now_us);
	s->ops.connect(s->host, ch, NULL);
	return ch->state == KG_CHANNEL_CLOSED ? NULL : ch;
}

static enum kg_drop first_input(struct kg_session *s, const struct kg_datagram *in,
				const struct kg_udphop_body *body, uint64_t now_us)
{
	struct kg_channel *ch;

	if (body->feature == KG_UDPHOP_KEEP_ALIVE)
		return answer(s, in, body, KG_UDPHOP_KEEP_ALIVE_RESPONSE, 0);
	if (body->feature != KG_UDPHOP_RAW_DATA)
		return KG_DROP_CONV_UNKNOWN;
	if (!kg_session_make_room(s, KG_PROTOCOL_UDP, &in->remote.ip, now_us))
		return KG_DROP_CHANNEL_LIMIT;
	ch = begin(s, in, body->iden, now_us);
	if (ch == NULL)
		return KG_DROP_NO_BUFFER;
	return take_first(ch, in, body, now_us);
}

/* ---- where a server's peer is ---- */

static void note_age(struct kg_bare *bare, int16_t age_s, uint64_t now_us)
{
	if (bare->heard && now_us < bare->ages_us + AGES_US) {
		bare->ages_s[0] = KG_MIN(bare->ages_s[0], age_s);
		return;
	}
	bare->ages_s[1] = bare->heard ? bare->ages_s[0] : age_s;
	bare->ages_s[0] = age_s;
	bare->ages_us = now_us;
}

/* How far its clock is behind ours; of what was said just now the age. */
static int16_t behind_s(const struct kg_bare *bare)
{
	return KG_MIN(bare->ages_s[0], bare->ages_s[1]);
}

/* It is not older than what was heard already, or than what is said just now: nobody has kept it
 * for long. */
static bool is_news(struct kg_bare *bare, const struct kg_datagram *in, uint64_t now_us)
{
	int64_t stamp_s = (int64_t)(now_us / KG_US_PER_S) - in->age_s;
	bool news;

	note_age(bare, in->age_s, now_us);
	news = !bare->heard || stamp_s + NEWS_S >= bare->newest_s ||
	       in->age_s <= behind_s(bare) + NEWS_S;
	bare->newest_s = bare->heard ? KG_MAX(bare->newest_s, stamp_s) : stamp_s;
	bare->heard = true;
	return news;
}

/* It brings that number back. */
static bool says(const struct kg_session *s, const struct kg_udphop_body *body, uint32_t number)
{
	uint16_t header = kg_framing_header_bytes(s->config.fec);

	return body->rest_bytes >= header + sizeof(number) &&
	       kg_load_be32(body->rest + header) == number;
}

/* A box brings the question's number back. An original answers with another, so of that one only
 * its time speaks, by its own clock: it was not said before it was asked for. */
static bool answers_question(const struct kg_bare *bare, const struct kg_datagram *in,
			     const struct kg_udphop_body *body, bool news, uint64_t now_us)
{
	const struct kg_roam *roam = bare->ch.roam;
	int64_t said_s = (int64_t)(now_us / KG_US_PER_S) - in->age_s + behind_s(bare);

	if (!kg_roam_asks(&bare->ch) || !roam->asked ||
	    body->feature != KG_UDPHOP_KEEP_ALIVE_RESPONSE)
		return false;
	return says(bare->ch.line.session, body, roam->ts) ||
	       (news && said_s + 1 >= (int64_t)(roam->asked_us / KG_US_PER_S));
}

/* As most are: then there is nothing to learn of where its peer is. A bare channel is not limited.
 */
static bool is_on_its_path(const struct kg_channel *ch, const struct kg_datagram *in)
{
	const struct kg_tuple *ends = &ch->line.path->ends;

	return kg_endpoint_equal(&ends->remote, &in->remote) &&
	       kg_endpoint_equal(&ends->local, &in->local);
}

static void note_source(struct kg_channel *ch, const struct kg_datagram *in,
			const struct kg_udphop_body *body, uint64_t now_us)
{
	bool news = is_news(kg_bare_of(ch), in, now_us), answered;

	if (is_on_its_path(ch, in))
		return;
	answered = answers_question(kg_bare_of(ch), in, body, news, now_us);
	kg_roam_heard(ch, in, (news ? KG_KCP_ADVANCED : 0) | (answered ? KG_KCP_ANSWERED : 0),
		      now_us);
}

/* ---- both ends ---- */

/* Who brings the number back is a box: its parity is right. v1.1.7 leaves it in place but for three
 * bytes of the first time it is said, where we look. */
static void on_answer(struct kg_channel *ch, const struct kg_udphop_body *body)
{
	struct kg_bare *bare = kg_bare_of(ch);

	if (bare->number == 0 || !says(ch->line.session, body, bare->number))
		return;
	bare->introductions = INTRODUCTIONS_MAX;
	kg_framing_trust(&ch->line.framing);
}

static void measure(struct kg_channel *ch, uint64_t now_us)
{
	struct kg_destination *destination =
		kg_destination_of(ch->line.session, &ch->line.path->ends.remote.ip);
	uint64_t asked_us = kg_bare_of(ch)->asked_us;

	if (destination != NULL && asked_us != 0)
		destination->rtt_us = (uint32_t)(now_us - asked_us);
	kg_bare_of(ch)->asked_us = 0;
}

static enum kg_drop hear_sign(struct kg_channel *ch, const struct kg_datagram *in,
			      const struct kg_udphop_body *body, uint64_t now_us)
{
	enum kg_drop drop = KG_DROP_NONE;

	if (body->feature == KG_UDPHOP_KEEP_ALIVE)
		drop = answer(ch->line.session, in, body, KG_UDPHOP_KEEP_ALIVE_RESPONSE,
			      kg_bare_no_group(ch));
	else
		on_answer(ch, body);
	take_sign(ch, body, now_us);
	return drop != KG_DROP_NONE ? drop : compare_fec(ch->line.session, body);
}

/* All that a datagram of the application does by itself is to move time-outs away. */
static bool wants_touch(struct kg_channel *ch, const struct kg_udphop_body *body)
{
	return body->feature != KG_UDPHOP_RAW_DATA || ch->roam != NULL || ch->line.asking != 0 ||
	       kg_bare_of(ch)->alive_due;
}

static enum kg_drop channel_input(struct kg_channel *ch, const struct kg_datagram *in,
				  const struct kg_udphop_body *body, uint64_t now_us)
{
	enum kg_drop drop;

	if (ch->state == KG_CHANNEL_CLOSED)
		return KG_DROP_CONV_UNKNOWN;
	if (ch->line.session->config.role == KG_ROLE_SERVER)
		note_source(ch, in, body, now_us);
	else if (body->feature == KG_UDPHOP_KEEP_ALIVE_RESPONSE)
		measure(ch, now_us);
	kg_bare_heard(ch, now_us);
	drop = body->feature == KG_UDPHOP_RAW_DATA ? take(ch, in, body, now_us)
						   : hear_sign(ch, in, body, now_us);
	if (wants_touch(ch, body))
		kg_line_touch(&ch->line, now_us);
	return drop;
}

static enum kg_drop client_input(struct kg_session *s, const struct kg_datagram *in,
				 const struct kg_udphop_body *body, uint64_t now_us)
{
	struct kg_channel *ch;
	struct kg_path *path;

	if (body->feature == KG_UDPHOP_TEST)
		return kg_bare_test_input(s, in, body, now_us);
	ch = kg_client_channel_of(s, in, body->iden, &path);
	if (ch == NULL)
		return KG_DROP_CONV_UNKNOWN;
	if (!kg_client_is_from_server(s, path, in))
		return KG_DROP_SOURCE_UNKNOWN;
	path->heard = true;
	return channel_input(ch, in, body, now_us);
}

static enum kg_drop server_input(struct kg_session *s, const struct kg_datagram *in,
				 const struct kg_udphop_body *body, uint64_t now_us)
{
	struct kg_channel *ch;

	if (body->feature == KG_UDPHOP_TEST)
		return answer(s, in, body, KG_UDPHOP_TEST, 0);
	if (body->iden == 0)
		return KG_DROP_CONV_UNKNOWN;
	ch = kg_channel_find(s, body->iden);
	return ch != NULL ? channel_input(ch, in, body, now_us) : first_input(s, in, body, now_us);
}

enum kg_drop kg_bare_input(struct kg_session *s, const struct kg_datagram *in, uint64_t now_us)
{
	struct kg_udphop_body body;
	enum kg_drop drop = kg_udphop_decode(&body, in->data, in->len);

	if (drop != KG_DROP_NONE)
		return drop;
	s->now_us = now_us;
	return s->config.role == KG_ROLE_CLIENT ? client_input(s, in, &body, now_us)
						: server_input(s, in, &body, now_us);
}
