/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Gives datagrams of applications their time, and counts what became too old.
 *
 * What goes in the place of one is a keep_alive_response, for which nobody waits: boxes and
 * originals pass over it, on channels of either kind. (An empty message an original would never get
 * past.)
 */
#include "session/stale.h"

#include "session/crowd.h"

_Static_assert(KG_MESSAGE_MUX_BYTES + KG_KCP_BLANK_BYTES <= KG_BUF_HEADROOM, "both stand there");

bool kg_stale_may_be(const struct kg_buf *message)
{
	uint8_t kind = message->len > 0 ? message->data[0] : 0;

	return kind == kg_message_kind(KG_FEATURE_RAW_DATA, KG_PROTOCOL_UDP) ||
	       kind == kg_message_kind(KG_FEATURE_MUX_TRANSFER, KG_PROTOCOL_UDP);
}

void kg_stale_put_blank(struct kg_buf *message)
{
	const struct kg_message blank = {
		.feature = KG_FEATURE_KEEP_ALIVE_RESPONSE,
		.protocol = KG_PROTOCOL_UDP,
	};

	kg_message_encode(message->data - KG_KCP_BLANK_BYTES, KG_KCP_BLANK_BYTES, &blank);
}

static void drop(struct kg_channel *ch, uint64_t now_us)
{
	uint32_t held = kg_crowd_before(ch);

	ch->line.session->stats.datagrams_stale += kg_kcp_drop_stale(ch->line.kcp, now_us);
	kg_crowd_after(ch, held);
}

uint16_t kg_stale_output(struct kg_line *line, uint64_t now_us, uint8_t *body)
{
	uint16_t len;

	if (line->kind == KG_LINE_CHANNEL)
		drop(kg_line_channel(line), now_us);
	len = kg_framing_output(&line->framing, line->kcp, now_us, body);
	line->session->stats.datagrams_blanked += kg_kcp_take_blanked(line->kcp);
	return len;
}

void kg_stale_tell(struct kg_channel *ch)
{
	struct kg_session *s = ch->line.session;

	if (!kg_kcp_take_dropped(ch->line.kcp))
		return;
	ch->data_left = KG_MIN(ch->data_left, kg_kcp_unacked(ch->line.kcp));
	if (ch->state != KG_CHANNEL_CLOSED)
		s->ops.acked(s->host, ch, 0);
}
