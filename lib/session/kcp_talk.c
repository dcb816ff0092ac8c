/* SPDX-License-Identifier: BSD-3-Clause */
/* Tells paths, and who follows peers, what channels with a KCP say and hear. */
#include "session/internal.h"

static bool is_quiet(const struct kg_line *line)
{
	return kg_kcp_unacked(line->kcp) == 0;
}

/* ---- hop.h ---- */

static struct kg_handshake *test(struct kg_session *s, const struct kg_channel *ch, uint64_t now_us)
{
	struct kg_handshake *hs = kg_handshake_create(s, (uint32_t)kg_rng_next(s->rng), now_us);
	struct kg_message question = {
		.feature = KG_FEATURE_KEEP_ALIVE,
		.protocol = ch->protocol,
	};

	if (hs == NULL || kg_line_say(&hs->line, &question, now_us) > 0)
		return hs;
	kg_line_destroy(&hs->line);
	return NULL;
}

static bool has_asked_once(const struct kg_handshake *hs)
{
	struct kg_kcp_stats stats;

	kg_kcp_get_stats(hs->line.kcp, &stats);
	return stats.resent_fast + stats.resent_timeout == 0;
}

static bool waits(const struct kg_channel *ch)
{
	return kg_kcp_unacked(ch->line.kcp) > 0;
}

/* The server learns where a channel is by hearing from there. What left on a silent path is lost.
 */
static void follow(struct kg_channel *ch, bool silent, uint64_t now_us)
{
	struct kg_kcp *kcp = ch->line.kcp;

	if (silent)
		kg_kcp_lose_before(kcp, kg_kcp_next_order(kcp));
	/* One that has been told already, in vain, has something under way. */
	if (ch->state == KG_CHANNEL_OPEN && ch->proofs == 0)
		kg_channel_say(ch, KG_FEATURE_KEEP_ALIVE, now_us);
	kg_line_touch(&ch->line, now_us);
}

/* ---- roam.h ---- */

static uint32_t next_order(const struct kg_channel *ch)
{
	return kg_kcp_next_order(ch->line.kcp);
}

static void lose_before(struct kg_channel *ch, uint32_t before)
{
	kg_kcp_lose_before(ch->line.kcp, before);
}

/* The first message is one that fits into a question. */
static void prepare_question(struct kg_channel *ch, uint64_t now_us)
{
	if (!kg_kcp_was_heard(ch->line.kcp) && kg_kcp_unacked(ch->line.kcp) == 0)
		kg_channel_say(ch, KG_FEATURE_KEEP_ALIVE, now_us);
}

static uint16_t question(struct kg_channel *ch, uint32_t ts, uint16_t room, uint64_t now_us,
			 uint8_t *body)
{
	return kg_framing_question(&ch->line.framing, ch->line.kcp, ts, room, now_us, body);
}

const struct kg_talk kg_kcp_talk = {
	.kinds = {
		[KG_LINE_CHANNEL] = &kg_channel_line_ops,
		[KG_LINE_HANDSHAKE] = &kg_handshake_line_ops,
	},
	.is_quiet = is_quiet,
	.test = test,
	.has_asked_once = has_asked_once,
	.waits = waits,
	.follow = follow,
	.on_proof = kg_forgotten_on_proof,
	.next_order = next_order,
	.lose_before = lose_before,
	.prepare_question = prepare_question,
	.question = question,
};
