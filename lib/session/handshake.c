/* SPDX-License-Identifier: BSD-3-Clause */
/* Holds the conversation on conv 0, in either role (docs/wire.md §4.1, §4.2). */
#include "session/internal.h"

struct kg_handshake *kg_handshake_create(struct kg_session *s, uint32_t ts_offset_ms,
					 uint64_t now_us)
{
	struct kg_handshake *hs = kg_mem_alloc(s->mem, sizeof(*hs));
	struct kg_kcp_params params = kg_kcp_handshake_params;

	if (hs == NULL)
		return NULL;
	params.mtu = s->config.kcp.mtu;
	/* An answer tells by its una that the request was heard; an ACK before it would draw two
	 * datagrams for one. */
	params.una_only = s->config.role == KG_ROLE_SERVER;
	params.ts_offset_ms = ts_offset_ms;
	hs->begun_us = hs->asked_us = now_us;
	hs->expires_us = KG_NEVER_US;
	if (!kg_line_init(&hs->line, s, KG_LINE_HANDSHAKE, &params, now_us)) {
		kg_mem_free(s->mem, hs, sizeof(*hs));
		return NULL;
	}
	kg_line_move(&hs->line, KG_HOME_HANDSHAKES);
	return hs;
}

static void weigh(struct kg_handshake *hs)
{
	hs->line.open = hs->credit_bytes >= hs->answer_bytes;
}

void kg_handshake_earn(struct kg_handshake *hs, uint16_t bytes)
{
	hs->credit_bytes += bytes + kg_framing_header_bytes(hs->line.framing.fec);
	weigh(hs);
}

static void spend(struct kg_line *line, uint16_t bytes)
{
	struct kg_handshake *hs = kg_line_handshake(line);

	hs->credit_bytes -= KG_MIN(bytes, hs->credit_bytes);
	weigh(hs);
}

void kg_handshake_settle(struct kg_handshake *hs, uint64_t now_us)
{
	if (hs->settled || hs->expires_us == KG_NEVER_US)
		return;
	hs->settled = true;
	if (hs->channel != NULL)
		hs->channel->answer_acked = true;
	kg_handshake_linger(hs, now_us);
}

static void unhook(struct kg_line *line)
{
	struct kg_handshake *hs = kg_line_handshake(line);

	if (hs->line.session->config.role == KG_ROLE_SERVER)
		kg_server_forget(hs);
	else if (hs->line.path->state == KG_PATH_TESTING && !hs->line.path->answered)
		kg_hop_unanswered(hs);
	if (hs->channel == NULL)
		return;
	hs->channel->handshake = NULL;
	if (hs->channel->line.open)
		kg_channel_fit_windows(hs->channel, hs);
	hs->channel = NULL;
}

void kg_handshake_linger(struct kg_handshake *hs, uint64_t now_us)
{
	bool server = hs->line.session->config.role == KG_ROLE_SERVER;
	enum kg_home home = server && !hs->settled ? KG_HOME_ANSWERED : KG_HOME_SETTLED;

	hs->expires_us = kg_handshake_kept_until_us(hs, now_us);
	if (hs->line.home != home && hs->line.home != KG_HOME_RETIRED)
		kg_line_move(&hs->line, home);
	kg_line_touch(&hs->line, now_us);
}

static uint64_t timeout_us(struct kg_line *line, uint64_t now_us)
{
	const struct kg_handshake *hs = kg_line_handshake(line);

	return KG_MIN(hs->expires_us, kg_handshake_hop_due_us(hs));
}

static void on_timer(struct kg_line *line, uint64_t now_us)
{
	struct kg_handshake *hs = kg_line_handshake(line);

	if (now_us >= hs->expires_us)
		kg_line_retire(line);
	else if (now_us >= kg_handshake_hop_due_us(hs))
		kg_handshake_hop(hs, now_us);
}

static void release(struct kg_line *line)
{
	kg_mem_free(line->session->mem, kg_line_handshake(line), sizeof(struct kg_handshake));
}

const struct kg_line_ops kg_handshake_line_ops = {
	.unhook = unhook,
	.spend = spend,
	.timeout_us = timeout_us,
	.on_timer = on_timer,
	.free = release,
};

bool kg_handshake_next(struct kg_handshake *hs, struct kg_message *message,
		       uint8_t bytes[KG_CONTROL_MAX_BYTES])
{
	struct kg_buf *chain;

	while ((chain = kg_kcp_recv(hs->line.kcp)) != NULL) {
		if (kg_line_hear(chain, message, bytes))
			return true;
		hs->line.session->stats.messages_dropped++;
	}
	return false;
}

const char *kg_message_text(const struct kg_message *message, char text[KG_TEXT_BYTES])
{
	size_t len = 0;

	if (message->feature == KG_FEATURE_FAILURE)
		len = KG_MIN(message->len, (size_t)KG_MESSAGE_TEXT_MAX_BYTES);
	for (size_t i = 0; i < len; i++)
		text[i] = message->data[i] < ' ' || message->data[i] > '~' ? '?'
									   : (char)message->data[i];
	text[len] = '\0';
	return text;
}
