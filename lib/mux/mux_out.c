/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Brings messages of streams to their mux channel. Streams that have something to send take turns,
 * a message each, while the channel has room; what waits for credit is not in the list.
 */
#include "mux/internal.h"

#include <string.h>

#include "base/bytes.h"
#include "base/until.h"

#define RETRY_US (100ull * KG_US_PER_MS) /* when memory was short */

static bool may_send_payload(const struct kg_mux_stream *ms)
{
	return !kg_mux_stream_has_credit(ms) || ms->out_credit_bytes > 0;
}

static bool is_due(const struct kg_mux_stream *ms)
{
	if (ms->greet || ms->grant_due || ms->return_due)
		return true;
	return ms->out.head != NULL ? may_send_payload(ms) : ms->last_word != 0;
}

static bool say(struct kg_mux *mux, const struct kg_message *message, uint64_t now_us)
{
	uint8_t bytes[KG_MESSAGE_MUX_BYTES + KG_MESSAGE_TEXT_MAX_BYTES + 3];
	size_t len = kg_message_encode(bytes, sizeof(bytes), message);
	struct kg_streams *s = mux->streams;
	uint16_t most = kg_session_rest_bytes(s->session);
	struct kg_buf *chain = kg_buf_chain_copy_for(s->pool, bytes, len, most, most, KG_BUF_VITAL);

	if (chain == NULL)
		return false;
	if (kg_channel_send_message(mux->channel, chain, now_us))
		return true;
	kg_buf_free_chain(chain);
	return false;
}

static bool say_of(struct kg_mux_stream *ms, struct kg_message message, uint64_t now_us)
{
	message.protocol = ms->protocol;
	message.connection_id = ms->id;
	return say(ms->mux, &message, now_us);
}

void kg_mux_disown(struct kg_mux *mux, enum kg_protocol protocol, uint32_t id, uint64_t now_us)
{
	const struct kg_message message = {
		.feature = KG_FEATURE_MUX_CANCEL,
		.protocol = protocol,
		.connection_id = id,
	};

	if (!kg_mux_is_over(mux, id))
		kg_mux_remember(mux, id, now_us);
	/* A peer that asks and never acknowledges is not answered without end. */
	if (kg_channel_room(mux->channel) > 0)
		say(mux, &message, now_us);
}

/* ---- one message of one stream; false: memory is short ---- */

static bool send_grant(struct kg_mux_stream *ms, uint64_t now_us)
{
	struct kg_message message = {
		.feature = KG_FEATURE_MUX_CREDIT,
		.credit_bytes = kg_mux_stream_grant(ms),
	};

	if (message.credit_bytes > 0 && !say_of(ms, message, now_us))
		return false;
	ms->grant_due = false;
	kg_mux_stream_promise(ms, message.credit_bytes);
	return true;
}

/* The peer may promise it to somebody else. */
static bool send_return(struct kg_mux_stream *ms, uint64_t now_us)
{
	int64_t unused = ms->out_credit_bytes - KG_MUX_CREDIT_FIRST_BYTES;
	struct kg_message message = {
		.feature = KG_FEATURE_MUX_RETURN,
		.credit_bytes = (uint32_t)KG_MIN(KG_MAX(unused, 0), (int64_t)UINT32_MAX),
	};

	if (message.credit_bytes > 0 && !say_of(ms, message, now_us))
		return false;
	ms->return_due = false;
	ms->out_credit_bytes -= message.credit_bytes;
	return true;
}

static void put_header(struct kg_mux_stream *ms, struct kg_buf *chain)
{
	chain->data -= KG_MESSAGE_MUX_BYTES;
	chain->len += KG_MESSAGE_MUX_BYTES;
	chain->data[0] = kg_message_kind(KG_FEATURE_MUX_TRANSFER, ms->protocol);
	kg_store_be32(chain->data + KG_MESSAGE_KIND_BYTES, ms->id);
}

static void count_payload(struct kg_streams *s, enum kg_protocol protocol, size_t bytes)
{
	if (protocol == KG_PROTOCOL_UDP)
		s->stats.udp_sent += bytes;
	else
		s->stats.tcp_sent += bytes;
}

static bool has_deadline(const struct kg_mux_stream *ms)
{
	return ms->protocol == KG_PROTOCOL_UDP && ms->streams->config.session.udp_deadline_ms != 0;
}

/* Until when a message that came with the note is of use. */
static uint64_t until_us(const struct kg_mux_stream *ms, uint32_t note, uint64_t now_us)
{
	return has_deadline(ms) ? kg_until_us(note, now_us) : KG_NEVER_US;
}

uint64_t kg_mux_stream_stale_us(const struct kg_mux_stream *ms)
{
	uint64_t now_us = kg_session_now_us(ms->streams->session);

	if (ms->out.head == NULL)
		return KG_NEVER_US;
	return until_us(ms, kg_buf_queue_note(ms->out.head), now_us);
}

bool kg_mux_stream_drop_stale(struct kg_mux_stream *ms, uint64_t now_us)
{
	struct kg_streams *s = ms->streams;
	uint32_t before = ms->out.segments;

	while (ms->out.head != NULL &&
	       until_us(ms, kg_buf_queue_note(ms->out.head), now_us) <= now_us) {
		kg_buf_free_chain(kg_buf_queue_pop(&ms->out));
		kg_session_count_stale(s->session);
	}
	if (ms->out.segments == before)
		return false;
	if (ms->state != KG_MUX_CLOSED)
		s->ops.acked(s->host, ms->stream, before - ms->out.segments);
	return true;
}

static bool send_payload(struct kg_mux_stream *ms, uint64_t now_us)
{
	struct kg_streams *s = ms->streams;
	struct kg_buf *chain = kg_buf_queue_pop(&ms->out);
	size_t bytes = kg_buf_chain_len(chain);
	uint32_t segments = kg_buf_queue_count(chain);
	uint64_t ends_us = until_us(ms, kg_buf_queue_note(chain), now_us);

	put_header(ms, chain);
	if (!kg_channel_send_until(ms->mux->channel, chain, ends_us, now_us)) {
		chain->data += KG_MESSAGE_MUX_BYTES;
		chain->len -= KG_MESSAGE_MUX_BYTES;
		kg_buf_queue_return(&ms->out, chain);
		return false;
	}
	count_payload(s, ms->protocol, bytes);
	ms->out_credit_bytes -= kg_mux_cost(bytes);
	ms->last_data_us = ms->used_us = now_us;
	if (ms->state != KG_MUX_CLOSED)
		s->ops.acked(s->host, ms->stream, segments);
	return true;
}

/* Payload that goes at once tells the server as well as an empty message does. Nothing goes before:
 * what is said of a stream that it does not know it ignores. */
static bool send_greeting(struct kg_mux_stream *ms, uint64_t now_us)
{
	struct kg_message message = { .feature = KG_FEATURE_MUX_TRANSFER };
	const struct kg_target *target = ms->target;

	if (target != NULL) {
		message.feature = KG_FEATURE_PRE_CONNECT;
		message.port = target->port;
		message.data = (const uint8_t *)target->address;
		message.len = strlen(target->address);
	}
	if (target == NULL && kg_mux_stream_drop_stale(ms, now_us) && ms->out.head == NULL)
		ms->greet = false; /* the next datagram tells it as well */
	else if (target == NULL && ms->out.head != NULL)
		ms->greet = !send_payload(ms, now_us);
	else
		ms->greet = !say_of(ms, message, now_us);
	return !ms->greet;
}

static bool send_last_word(struct kg_mux_stream *ms, uint64_t now_us)
{
	struct kg_message message = { .feature = ms->last_word };

	if (ms->finish_due)
		message.feature = KG_FEATURE_MUX_FINISH;
	if (!say_of(ms, message, now_us))
		return false;
	if (ms->finish_due) {
		ms->finish_due = false;
		return true;
	}
	ms->last_word = 0;
	if (message.feature == KG_FEATURE_MUX_FINISH) {
		kg_mux_stream_settle(ms, now_us);
	} else {
		kg_mux_stream_leave(ms, now_us);
		kg_mux_stream_close(ms, KG_CLOSE_FINISHED, "", now_us);
	}
	return true;
}

static bool send_one(struct kg_mux_stream *ms, uint64_t now_us)
{
	if (ms->greet)
		return send_greeting(ms, now_us);
	if (ms->grant_due)
		return send_grant(ms, now_us);
	if (ms->return_due)
		return send_return(ms, now_us);
	if (kg_mux_stream_drop_stale(ms, now_us))
		return true;
	if (ms->out.head != NULL)
		return send_payload(ms, now_us);
	return send_last_word(ms, now_us);
}

/* ---- in turn ---- */

static void enlist(struct kg_mux_stream *ms)
{
	if (ms->mux == NULL || ms->ready || !is_due(ms))
		return;
	ms->ready = true;
	TAILQ_INSERT_TAIL(&ms->mux->ready, ms, ready_link);
}

void kg_mux_wake(struct kg_mux_stream *ms, uint64_t now_us)
{
	struct kg_mux *mux = ms->mux;

	enlist(ms);
	if (mux != NULL && ms->ready)
		kg_mux_pump(mux, now_us);
}

static void try_later(struct kg_mux_stream *ms, uint64_t now_us)
{
	struct kg_mux *mux = ms->mux;

	mux->retry_us = now_us + RETRY_US;
	kg_mux_arm(mux);
	enlist(ms);
}

void kg_mux_pump(struct kg_mux *mux, uint64_t now_us)
{
	struct kg_mux_stream *ms;

	if (mux->pumping)
		return;
	mux->pumping = true;
	mux->retry_us = KG_NEVER_US;
	while (mux->open && kg_mux_has_room(mux) && (ms = TAILQ_FIRST(&mux->ready)) != NULL) {
		TAILQ_REMOVE(&mux->ready, ms, ready_link);
		ms->ready = false;
		if (is_due(ms) && !send_one(ms, now_us)) {
			try_later(ms, now_us);
			break;
		}
		enlist(ms);
		kg_mux_expect(mux, now_us);
	}
	mux->pumping = false;
	kg_mux_settle(mux, now_us);
}

/* ---- what the host sends ---- */

/* As kg_kcp_send wants it, header included. */
static bool is_sendable(const struct kg_mux_stream *ms, const struct kg_buf *chain)
{
	uint16_t most = kg_session_rest_bytes(ms->streams->session);
	uint32_t count = 0;

	if (chain->len + KG_MESSAGE_MUX_BYTES > most)
		return false;
	for (const struct kg_buf *buf = chain; buf != NULL; buf = buf->next) {
		if (++count > KG_KCP_FRAGMENTS_MAX || buf->len > most ||
		    (buf != chain && buf->len == 0))
			return false;
	}
	return true;
}

/* Of a message that comes now. */
static uint32_t note(const struct kg_mux_stream *ms, uint64_t now_us)
{
	if (!has_deadline(ms))
		return 0;
	return kg_until(kg_until_end_us(now_us, ms->streams->config.session.udp_deadline_ms));
}

bool kg_mux_stream_send(struct kg_mux_stream *ms, struct kg_buf *chain, uint64_t now_us)
{
	if ((ms->ends & KG_ENDS_OURS) != 0 || ms->state == KG_MUX_CLOSED || !is_sendable(ms, chain))
		return false;
	/* As if it were on its way when the end came. */
	if ((ms->ends & KG_ENDS_CUT) != 0) {
		kg_buf_free_chain(chain);
		return true;
	}
	ms->last_data_us = now_us;
	if (ms->doubted)
		kg_mux_stream_on_exchange(ms, false);
	kg_buf_queue_push_noted(&ms->out, chain, note(ms, now_us));
	kg_mux_wake(ms, now_us);
	if (ms->out.head == chain && has_deadline(ms))
		kg_mux_stream_arm(ms);
	return true;
}

uint32_t kg_mux_stream_room(const struct kg_mux_stream *ms)
{
	int64_t credit = KG_MAX(ms->out_credit_bytes, (int64_t)0);
	uint32_t share = kg_buf_share_of_sender(ms->streams->pool, ms->protocol == KG_PROTOCOL_UDP);
	uint32_t limit = KG_MIN(KG_MUX_QUEUE_SEGMENTS, share);

	/* What waits for credit takes buffers from who has some. */
	if (kg_mux_stream_returns(ms))
		limit = (uint32_t)KG_MIN(
			(int64_t)limit,
			KG_BUF_FLOOR + credit / kg_session_rest_bytes(ms->streams->session));
	return limit > ms->out.segments ? limit - ms->out.segments : 0;
}
