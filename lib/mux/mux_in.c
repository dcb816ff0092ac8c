/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Brings messages from a mux channel to its streams. A message is sorted by the id in its header,
 * which may lie in several fragments; whatever does not fit its stream is dropped and counted.
 */
#include "mux/internal.h"

/* The longest message that is no payload: pre_connect with an address. */
#define CONTROL_MAX_BYTES 512

/* Of the room for streams, what those of one channel may have against what they leave. */
#define STREAMS_PARTS 15

static void count_drop(struct kg_mux *mux)
{
	kg_session_count_dropped_message(mux->streams->session);
}

/* ---- to the host ---- */

void kg_mux_stream_tell_readable(struct kg_mux_stream *ms)
{
	struct kg_streams *s = ms->streams;

	if (ms->told_readable || ms->state != KG_MUX_OPEN)
		return;
	ms->told_readable = true;
	s->ops.readable(s->host, ms->stream);
}

/* So much counts what is promised: all streams together are promised a quarter of the memory. */
#define PROMISED_WEIGHT 4

/* Of the memory, without a division: each message that is read asks. */
static int64_t share_bytes(const struct kg_mux_stream *ms)
{
	const struct kg_streams *s = ms->streams;
	int64_t share = (int64_t)kg_buf_fair_share(s->pool) * kg_session_rest_bytes(s->session);

	if (ms->mux->returns)
		share -= PROMISED_WEIGHT * s->promised_bytes / KG_BUF_SHARE_DIVISOR;
	return share;
}

uint32_t kg_mux_stream_grant(const struct kg_mux_stream *ms)
{
	int64_t segment = kg_session_rest_bytes(ms->streams->session);
	int64_t window = kg_channel_receive_window(ms->mux->channel) * segment;
	int64_t share = share_bytes(ms);
	/* Twice what the channel's window holds, so that the window alone is the limit. */
	int64_t most = 2 * KG_MAX(KG_MIN(window, share), 2 * segment);
	int64_t more;

	if (!ms->was_read)
		most = KG_MIN(most, (int64_t)KG_MUX_CREDIT_BYTES);
	more = most - ms->in_credit_bytes - (int64_t)ms->in_bytes;
	return more >= most / 4 ? (uint32_t)more : 0;
}

/* What the reader has taken may come again. */
static void after_read(struct kg_mux_stream *ms, size_t bytes, uint64_t now_us)
{
	struct kg_mux *mux = ms->mux;

	ms->in_bytes -= kg_mux_cost(bytes);
	ms->was_read = true;
	kg_mux_stream_on_taken(ms, now_us);
	if (mux == NULL)
		return;
	kg_mux_unstall(mux, ms, now_us);
	if (ms->state == KG_MUX_OPEN && kg_mux_stream_has_credit(ms) &&
	    (ms->ends & KG_ENDS_PEERS) == 0 && kg_mux_stream_grant(ms) > 0) {
		ms->grant_due = true;
		kg_mux_wake(ms, now_us);
	}
}

bool kg_mux_stream_peek(struct kg_mux_stream *ms, size_t *bytes, uint64_t now_us)
{
	if (ms->in.head != NULL) {
		*bytes = kg_buf_queue_first_bytes(&ms->in);
		return true;
	}
	ms->told_readable = false;
	kg_mux_stream_tell_ends(ms, now_us);
	return false;
}

struct kg_buf *kg_mux_stream_recv(struct kg_mux_stream *ms, uint64_t now_us)
{
	struct kg_buf *chain = kg_buf_queue_pop(&ms->in);

	if (chain != NULL) {
		after_read(ms, kg_buf_chain_len(chain), now_us);
		return chain;
	}
	ms->told_readable = false;
	kg_mux_stream_tell_ends(ms, now_us);
	return NULL;
}

void kg_mux_stream_discard(struct kg_mux_stream *ms, uint64_t now_us)
{
	kg_buf_queue_clear(&ms->in);
	ms->in_bytes = 0;
	kg_mux_stream_on_taken(ms, now_us);
	if (ms->mux != NULL)
		kg_mux_unstall(ms->mux, ms, now_us);
}

/* ---- payload ---- */

/* Does the peer keep to what it may send? */
static bool has_place(struct kg_mux_stream *ms)
{
	if (kg_mux_stream_has_credit(ms))
		return ms->in_credit_bytes > 0;
	return ms->protocol == KG_PROTOCOL_TCP || !kg_mux_stream_is_full(ms);
}

static void refuse_payload(struct kg_mux_stream *ms, uint64_t now_us)
{
	if (ms->protocol == KG_PROTOCOL_UDP) {
		ms->streams->stats.datagrams_dropped++;
		return;
	}
	/* A stream with a hole is worse than none. */
	count_drop(ms->mux);
	kg_mux_stream_cut(ms, KG_CLOSE_RESET, "", now_us);
}

static void on_payload(struct kg_mux_stream *ms, struct kg_buf *chain, uint64_t now_us)
{
	size_t bytes = kg_buf_chain_len(chain);
	bool greeting = bytes == 0 && ms->protocol == KG_PROTOCOL_TCP;
	bool has_ended = (ms->ends & KG_ENDS_PEERS) != 0;

	ms->last_data_us = now_us;
	if (greeting || ms->state == KG_MUX_CLOSED || has_ended || !has_place(ms)) {
		kg_buf_free_chain(chain);
		if (has_ended)
			count_drop(ms->mux);
		else if (!greeting && ms->state != KG_MUX_CLOSED)
			refuse_payload(ms, now_us);
		return;
	}
	if (ms->doubted)
		kg_mux_stream_on_exchange(ms, true);
	ms->in_bytes += kg_mux_cost(bytes);
	kg_mux_stream_promise(ms, -(int64_t)kg_mux_cost(bytes));
	kg_buf_queue_push(&ms->in, chain);
	kg_mux_stream_on_came(ms, kg_buf_queue_count(chain), now_us);
	kg_mux_stream_tell_readable(ms);
}

/* ---- new streams ---- */

/* As with channels of one origin (session/proof.c): no channel's streams have all the room. */
static bool has_enough(const struct kg_mux *mux)
{
	const struct kg_streams *s = mux->streams;
	uint32_t used = KG_MAX(kg_streams_count(s), s->held), max = s->config.session.channels_max;

	return mux->count > STREAMS_PARTS * (max > used ? max - used : 0);
}

/* NULL: this id means nothing here, and the peer has been told. */
static struct kg_mux_stream *accept_stream(struct kg_mux *mux, const struct kg_message *message,
					   const struct kg_target *target, uint64_t now_us)
{
	struct kg_streams *s = mux->streams;
	struct kg_mux_stream *ms = NULL;

	if (!has_enough(mux) &&
	    (message->protocol == KG_PROTOCOL_TCP || message->protocol == KG_PROTOCOL_UDP))
		ms = kg_mux_stream_create(s, message->protocol, now_us);
	if (ms != NULL && kg_mux_stream_join(ms, mux, message->connection_id)) {
		ms->state = KG_MUX_CONNECTING;
		ms->stream = s->ops.accept(s->host, message->protocol, target);
	}
	if (ms != NULL && ms->stream != NULL) {
		*ms->stream = (struct kg_stream){ .mux = ms };
		kg_mux_wake(ms, now_us);
		return ms;
	}
	if (ms != NULL) {
		kg_mux_stream_leave(ms, now_us);
		kg_mux_stream_destroy(ms);
	}
	kg_mux_disown(mux, message->protocol, message->connection_id, now_us);
	return NULL;
}

/* A server whose clients say where to opens nothing for one that does not. */
static bool may_accept(const struct kg_mux *mux, const struct kg_target *target)
{
	const struct kg_streams *s = mux->streams;

	return kg_streams_is_server(s) && !s->stopping &&
	       (target != NULL || !s->config.session.custom_targets);
}

static void count_payload(struct kg_streams *s, enum kg_protocol protocol, size_t bytes)
{
	if (protocol == KG_PROTOCOL_UDP)
		s->stats.udp_received += bytes;
	else
		s->stats.tcp_received += bytes;
}

/* `chain` begins with the payload. */
static void on_transfer(struct kg_mux *mux, const struct kg_message *message, struct kg_buf *chain,
			uint64_t now_us)
{
	struct kg_mux_stream *ms = kg_u32map_lookup(&mux->by_id, message->connection_id);
	bool over = ms == NULL && kg_mux_is_over(mux, message->connection_id);

	if (ms == NULL && !over && may_accept(mux, NULL))
		ms = accept_stream(mux, message, NULL, now_us);
	else if (ms == NULL && !over)
		kg_mux_disown(mux, message->protocol, message->connection_id, now_us);
	if (ms != NULL && ms->protocol == message->protocol) {
		on_payload(ms, chain, now_us);
		return;
	}
	kg_buf_free_chain(chain);
	if (ms != NULL)
		count_drop(mux);
}

static void on_pre_connect(struct kg_mux *mux, const struct kg_message *message, uint64_t now_us)
{
	bool custom = mux->streams->config.session.custom_targets;
	char text[KG_TARGET_TEXT_BYTES];
	struct kg_target target;

	if (!kg_streams_is_server(mux->streams) ||
	    kg_u32map_lookup(&mux->by_id, message->connection_id) != NULL) {
		count_drop(mux);
		return;
	}
	if (kg_mux_is_over(mux, message->connection_id))
		return;
	if (!custom)
		accept_stream(mux, message, NULL, now_us);
	else if (kg_target_decode(&target, text, message->port, message->data, message->len) ==
		 NULL)
		accept_stream(mux, message, &target, now_us);
	else
		kg_mux_disown(mux, message->protocol, message->connection_id, now_us);
}

/* ---- ends and credit ---- */

/* An original may have more to send behind its cancel. */
static void on_cancel(struct kg_mux_stream *ms, uint64_t now_us)
{
	kg_mux_stream_note(ms, KG_ENDS_PEER_CUTS);
	ms->heard_out = ms->mux->extended;
	kg_mux_stream_leave(ms, now_us);
	kg_mux_stream_tell_ends(ms, now_us);
}

static void on_return(struct kg_mux_stream *ms, uint32_t bytes)
{
	if (ms->state == KG_MUX_CLOSED)
		return;
	if (kg_mux_stream_returns(ms) && (int64_t)bytes <= ms->in_credit_bytes)
		kg_mux_stream_promise(ms, -(int64_t)bytes);
	else
		count_drop(ms->mux);
}

static void on_control(struct kg_mux *mux, const struct kg_message *message, uint64_t now_us)
{
	struct kg_mux_stream *ms = kg_u32map_lookup(&mux->by_id, message->connection_id);

	if (ms == NULL) /* it was on its way when our end's cancel was */
		return;
	if (message->feature == KG_FEATURE_MUX_CANCEL) {
		on_cancel(ms, now_us);
	} else if (!kg_mux_stream_has_credit(ms)) {
		count_drop(mux);
	} else if (message->feature == KG_FEATURE_MUX_RETURN) {
		on_return(ms, message->credit_bytes);
	} else if (message->feature == KG_FEATURE_MUX_FINISH) {
		kg_mux_stream_promise(ms, -ms->in_credit_bytes);
		kg_mux_stream_note(ms, KG_ENDS_PEER_FINISHES);
		ms->heard_out = true;
		kg_mux_stream_tell_ends(ms, now_us);
	} else {
		kg_mux_stream_on_credit(ms, message->credit_bytes, now_us);
	}
}

/* ---- from the channel ---- */

/* Takes the first `bytes` off, fragments that become empty too; the chain has more than that, or
 * ends as one empty buffer. */
static struct kg_buf *pull(struct kg_buf *chain, uint8_t *to, size_t bytes)
{
	for (;;) {
		uint16_t part = (uint16_t)KG_MIN(bytes, (size_t)chain->len);
		struct kg_buf *next = chain->next;

		for (uint16_t i = 0; i < part; i++)
			*to++ = chain->data[i];
		chain->data += part;
		chain->len = (uint16_t)(chain->len - part);
		bytes -= part;
		if (chain->len > 0 || next == NULL)
			return chain;
		kg_buf_free(chain);
		chain = next;
	}
}

static void on_message(struct kg_mux *mux, struct kg_buf *chain, uint64_t now_us)
{
	bool transfer = (chain->data[0] & 0x0f) == KG_FEATURE_MUX_TRANSFER;
	size_t len = kg_buf_chain_len(chain);
	size_t head = transfer ? KG_MESSAGE_MUX_BYTES : len;
	uint8_t bytes[CONTROL_MAX_BYTES];
	struct kg_message message;

	if (len < head || head > sizeof(bytes)) {
		kg_buf_free_chain(chain);
		count_drop(mux);
		return;
	}
	chain = pull(chain, bytes, head);
	if (kg_message_decode(&message, bytes, head) != KG_DROP_NONE) {
		kg_buf_free_chain(chain);
		count_drop(mux);
	} else if (transfer) {
		count_payload(mux->streams, message.protocol, len - head);
		on_transfer(mux, &message, chain, now_us);
	} else {
		kg_buf_free_chain(chain);
		if (message.feature == KG_FEATURE_PRE_CONNECT)
			on_pre_connect(mux, &message, now_us);
		else
			on_control(mux, &message, now_us);
	}
}

void kg_mux_read(struct kg_mux *mux, uint64_t now_us)
{
	struct kg_buf *chain;

	if (mux->reading)
		return;
	mux->reading = true;
	while (mux->channel != NULL && mux->staller == NULL &&
	       (chain = kg_channel_recv(mux->channel, now_us)) != NULL)
		on_message(mux, chain, now_us);
	mux->reading = false;
}
