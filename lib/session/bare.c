/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A bare channel: its making, its datagrams out and in, its end. What comes in is bare_input.c's,
 * what follows when nothing does bare_timers.c's.
 */
#include "session/bare.h"

#include "base/bytes.h"
#include "wire/profile.h"

/* Buffers that wait for the wire, or for the application: what is beyond is lost. */
#define QUEUE_SEGMENTS 512u
/* An application that has said nothing for so long does not wait any more. */
#define WAITS_US     (30ull * KG_US_PER_S)
#define REFUSED_US   (1ull * KG_US_PER_S)    /* in which who was refused is not dialled for again */
#define LAST_SEND_US (100ull * KG_US_PER_MS) /* for what was taken before the end */

/* ---- life ---- */

/* A server that is started anew counts from elsewhere, or a client took its groups for those that
 * it has had. A client begins with 0: by that a server knows what an original's client leaves out.
 */
static bool begin_fec(struct kg_channel *ch)
{
	struct kg_session *s = ch->line.session;
	struct kg_framing *framing = &ch->line.framing;
	uint32_t first_sn = s->config.role == KG_ROLE_CLIENT ? 0 : (uint32_t)kg_rng_next(s->rng);

	if (s->config.fec == NULL)
		return true;
	kg_framing_init(framing, s->config.fec);
	framing->encoder = kg_fec_encoder_create(s->config.fec, 0, first_sn);
	framing->decoder = kg_fec_decoder_create(s->config.fec, 0);
	return framing->encoder != NULL && framing->decoder != NULL;
}

struct kg_channel *kg_bare_create(struct kg_session *s, uint32_t iden, uint64_t now_us)
{
	struct kg_bare *bare = kg_mem_alloc(s->mem, sizeof(*bare));
	struct kg_channel *ch;

	if (bare == NULL)
		return NULL;
	kg_buf_queue_init(&bare->out);
	kg_buf_queue_init(&bare->in);
	ch = &bare->ch;
	ch->protocol = KG_PROTOCOL_UDP;
	ch->conv = iden;
	ch->opened_us = ch->last_input_us = ch->last_data_us = ch->last_alive_us = now_us;
	kg_line_init(&ch->line, s, KG_LINE_CHANNEL, NULL, now_us);
	kg_channel_doubt(ch);
	if (begin_fec(ch))
		return ch;
	kg_line_destroy(&ch->line);
	return NULL;
}

/* Among those of this worker, by which a server knows whose it is. */
static uint32_t pick_iden(struct kg_session *s)
{
	uint64_t iden = KG_UDPHOP_IDEN_MIN +
			kg_rng_below(s->rng, UINT32_MAX - s->config.workers - KG_UDPHOP_IDEN_MIN);

	return (uint32_t)(iden - iden % s->config.workers + s->config.worker);
}

struct kg_channel *kg_bare_open(struct kg_session *s, uint32_t iden, void *user, uint64_t now_us)
{
	const struct kg_endpoint nowhere = { 0 };
	struct kg_endpoint remote = kg_destination_pick(s, NULL, &nowhere, now_us);
	struct kg_channel *ch = kg_bare_create(s, iden != 0 ? iden : pick_iden(s), now_us);

	if (ch == NULL)
		return NULL;
	s->now_us = now_us;
	if (!kg_client_take_path(ch, &remote)) {
		kg_line_destroy(&ch->line);
		return NULL;
	}
	ch->user = user;
	ch->state = KG_CHANNEL_OPEN;
	ch->line.open = true;
	s->stats.channels_opened++;
	kg_line_touch(&ch->line, now_us);
	return ch;
}

void kg_bare_connected(struct kg_channel *ch, uint64_t now_us)
{
	if (ch->state != KG_CHANNEL_HANDSHAKE)
		return;
	ch->state = KG_CHANNEL_OPEN;
	ch->last_data_us = now_us;
	kg_channel_reckon(ch);
	kg_line_touch(&ch->line, now_us);
}

/* What waits to be sent still goes. */
void kg_bare_end(struct kg_channel *ch, enum kg_close why, const char *text, uint64_t now_us)
{
	uint64_t linger_us = kg_bare_of(ch)->out.head != NULL ? LAST_SEND_US : 0;

	if (ch->state == KG_CHANNEL_HANDSHAKE)
		linger_us = REFUSED_US;
	kg_channel_close(ch, why, linger_us, text, now_us);
}

void kg_bare_discard_input(struct kg_channel *ch)
{
	kg_buf_queue_clear(&kg_bare_of(ch)->in);
}

static void release(struct kg_line *line)
{
	struct kg_bare *bare = kg_bare_of(kg_line_channel(line));

	kg_buf_queue_clear(&bare->out);
	kg_buf_queue_clear(&bare->in);
	kg_mem_free(line->session->mem, bare, sizeof(*bare));
}

/* ---- out ---- */

size_t kg_bare_datagram_max(const struct kg_session *s)
{
	/* Parity is as long as a datagram and its length. */
	size_t fec = s->config.fec != NULL ? KG_FEC_HEADER_BYTES + KG_FEC_LENGTH_BYTES : 0;

	return KG_DATAGRAM_MAX_BYTES - s->config.seal_bytes - KG_UDPHOP_HEADER_BYTES - fec;
}

void kg_bare_say_alive(struct kg_channel *ch, uint64_t now_us)
{
	struct kg_bare *bare = kg_bare_of(ch);

	bare->alive_due = true;
	if (bare->unanswered_us == 0)
		bare->unanswered_us = now_us;
	kg_line_touch(&ch->line, now_us);
}

/* From now on an answer is awaited. */
static void await(struct kg_bare *bare, uint64_t now_us)
{
	if (bare->unanswered_us != 0)
		return;
	bare->unanswered_us = now_us;
	bare->asked = false;
	kg_channel_reckon(&bare->ch);
}

uint32_t kg_bare_room(const struct kg_channel *ch)
{
	const struct kg_bare *bare = KG_CONTAINER_OF(ch, struct kg_bare, ch);
	uint32_t share = kg_buf_share_of_sender(ch->line.session->pool, true);
	uint32_t limit = KG_MIN(share, QUEUE_SEGMENTS);

	return limit > bare->out.segments ? limit - bare->out.segments : 0;
}

bool kg_bare_send(struct kg_channel *ch, struct kg_buf *chain, uint64_t now_us)
{
	struct kg_session *s = ch->line.session;
	struct kg_bare *bare = kg_bare_of(ch);
	size_t bytes = kg_buf_chain_len(chain);

	if (ch->state != KG_CHANNEL_OPEN || bytes > kg_bare_datagram_max(s))
		return false;
	kg_buf_queue_push(&bare->out, chain);
	s->stats.message_bytes_sent += bytes;
	ch->last_data_us = now_us;
	kg_channel_on_exchange(ch, false);
	await(bare, now_us);
	/* One that is ready is armed when it has said all. */
	if (!ch->line.ready)
		kg_line_touch(&ch->line, now_us);
	return true;
}

uint32_t kg_bare_no_group(const struct kg_channel *ch)
{
	const struct kg_fec_encoder *encoder = ch->line.framing.encoder;

	return encoder != NULL ? kg_fec_encoder_no_group(encoder) : 0;
}

static uint16_t put_sign(const struct kg_channel *ch, uint32_t number, uint8_t *body)
{
	uint8_t *rest = body + KG_UDPHOP_HEADER_BYTES;
	uint16_t header = kg_framing_header_bytes(ch->line.session->config.fec);

	kg_udphop_encode(body, ch->conv, KG_UDPHOP_KEEP_ALIVE);
	if (header > 0)
		kg_fec_header_encode(rest, kg_bare_no_group(ch), 0);
	return KG_UDPHOP_HEADER_BYTES + header + kg_udphop_put_words(rest + header, number);
}

static uint16_t put_alive(struct kg_bare *bare, uint64_t now_us, uint8_t *body)
{
	bare->alive_due = false;
	bare->asked_us = now_us;
	bare->number = (uint32_t)kg_rng_next(bare->ch.line.session->rng);
	return put_sign(&bare->ch, bare->number, body);
}

static uint16_t put_datagram(struct kg_bare *bare, struct kg_buf *chain, uint64_t now_us,
			     uint8_t *body)
{
	struct kg_fec_encoder *encoder = bare->ch.line.framing.encoder;
	uint8_t *rest = body + KG_UDPHOP_HEADER_BYTES;
	uint16_t len;

	kg_udphop_encode(body, bare->ch.conv, KG_UDPHOP_RAW_DATA);
	if (encoder == NULL)
		return KG_UDPHOP_HEADER_BYTES + (uint16_t)kg_buf_chain_gather(chain, rest);
	len = (uint16_t)kg_buf_chain_gather(chain, rest + KG_FEC_HEADER_BYTES);
	return KG_UDPHOP_HEADER_BYTES + kg_fec_encode(encoder, rest, len, now_us);
}

static bool parity_is_due(const struct kg_bare *bare)
{
	const struct kg_fec_encoder *encoder = bare->ch.line.framing.encoder;

	return encoder != NULL && kg_fec_encoder_is_full(encoder);
}

static uint16_t put_parity(struct kg_bare *bare, uint64_t now_us, uint8_t *body)
{
	kg_udphop_encode(body, bare->ch.conv, KG_UDPHOP_RAW_DATA);
	return KG_UDPHOP_HEADER_BYTES + kg_fec_encoder_output(bare->ch.line.framing.encoder,
							      body + KG_UDPHOP_HEADER_BYTES,
							      now_us);
}

static uint16_t output(struct kg_line *line, uint64_t now_us, uint8_t *body)
{
	struct kg_bare *bare = kg_bare_of(kg_line_channel(line));
	struct kg_session *s = line->session;
	struct kg_buf *chain;
	uint32_t segments;
	uint16_t len;

	if (bare->alive_due)
		return put_alive(bare, now_us, body);
	if (parity_is_due(bare))
		return put_parity(bare, now_us, body);
	chain = kg_buf_queue_pop(&bare->out);
	if (chain == NULL)
		return 0;
	segments = kg_buf_queue_count(chain);
	len = put_datagram(bare, chain, now_us, body);
	kg_buf_free_chain(chain);
	if (bare->ch.state != KG_CHANNEL_CLOSED)
		s->ops.acked(s->host, &bare->ch, segments);
	return len;
}

static uint64_t due_us(const struct kg_line *line)
{
	const struct kg_bare *bare = kg_bare_of(kg_line_channel((struct kg_line *)(uintptr_t)line));

	return bare->alive_due || bare->out.head != NULL || parity_is_due(bare) ? 0 : KG_NEVER_US;
}

/* ---- in ---- */

void kg_bare_heard(struct kg_channel *ch, uint64_t now_us)
{
	struct kg_bare *bare = kg_bare_of(ch);

	ch->last_input_us = now_us;
	bare->unanswered_us = 0;
}

/* Datagrams come in bursts, and what is refused does not come again. */
static enum kg_buf_use use_of_next(const struct kg_bare *bare)
{
	if (bare->in.head == NULL)
		return KG_BUF_FIRST;
	return bare->in.segments < KG_BUF_BURST / 4 ? KG_BUF_FEW : KG_BUF_MORE;
}

/* Where it lies, or a copy. */
static struct kg_buf *chain_of(const struct kg_bare *bare, const struct kg_datagram *in,
			       const uint8_t *bytes, uint16_t len)
{
	const struct kg_session *s = bare->ch.line.session;
	struct kg_buf *kept = NULL;
	uint16_t part;

	if (in != NULL && in->keep != NULL)
		kept = in->keep(in, in->data + (bytes - in->data), len);
	if (kept != NULL)
		return kept;
	part = kg_session_buffer_bytes(s);
	return kg_buf_chain_copy_for(s->pool, bytes, len, part, part, use_of_next(bare));
}

enum kg_drop kg_bare_take(struct kg_channel *ch, const struct kg_datagram *in, const uint8_t *bytes,
			  uint16_t len, uint64_t now_us)
{
	struct kg_session *s = ch->line.session;
	struct kg_bare *bare = kg_bare_of(ch);
	struct kg_buf *chain;

	if (bare->in.segments >= QUEUE_SEGMENTS)
		return KG_DROP_BARE_FULL;
	chain = chain_of(bare, in, bytes, len);
	if (chain == NULL)
		return KG_DROP_NO_BUFFER;
	kg_buf_queue_push(&bare->in, chain);
	bare->received++;
	s->stats.message_bytes_received += len;
	ch->last_data_us = now_us;
	kg_channel_on_exchange(ch, true);
	if (!ch->told_readable) {
		ch->told_readable = true;
		s->ops.readable(s->host, ch);
	}
	return KG_DROP_NONE;
}

bool kg_bare_peek(struct kg_channel *ch, size_t *bytes)
{
	const struct kg_bare *bare = kg_bare_of(ch);

	if (bare->in.head != NULL)
		*bytes = kg_buf_queue_first_bytes(&bare->in);
	else
		ch->told_readable = false;
	return bare->in.head != NULL;
}

struct kg_buf *kg_bare_recv(struct kg_channel *ch)
{
	struct kg_buf *chain = kg_buf_queue_pop(&kg_bare_of(ch)->in);

	ch->told_readable = chain != NULL;
	return chain;
}

static bool waits(const struct kg_channel *ch)
{
	const struct kg_bare *bare = KG_CONTAINER_OF(ch, struct kg_bare, ch);

	return bare->unanswered_us != 0 && ch->line.session->now_us < ch->last_data_us + WAITS_US;
}

/* Those that have been conversations come behind those that have not. */
bool kg_bare_asks(const struct kg_session *s, struct kg_endpoint *remote, uint64_t *since_us)
{
	static const enum kg_home homes[] = { KG_HOME_DOUBTED_UDP, KG_HOME_CHANNELS };

	for (size_t i = 0; i < KG_ARRAY_SIZE(homes); i++) {
		struct kg_line *line = TAILQ_FIRST(&s->homes[homes[i]]);
		const struct kg_bare *bare;

		if (line == NULL || line->path == NULL)
			continue;
		bare = kg_bare_of(kg_line_channel(line));
		*remote = line->path->ends.remote;
		*since_us = bare->unanswered_us;
		if (bare->unanswered_us != 0 && bare->asked && waits(&bare->ch))
			return true;
	}
	return false;
}

uint32_t kg_bare_queued(const struct kg_channel *ch)
{
	return KG_CONTAINER_OF(ch, struct kg_bare, ch)->out.segments;
}

uint32_t kg_bare_received(const struct kg_channel *ch)
{
	return KG_CONTAINER_OF(ch, struct kg_bare, ch)->received;
}

const struct kg_line_ops kg_bare_line_ops = {
	.unhook = kg_channel_unhook,
	.timeout_us = kg_bare_timeout_us,
	.on_timer = kg_bare_on_timer,
	.due_us = due_us,
	.output = output,
	.free = release,
};

/* ---- what paths ask ---- */

static bool is_quiet(const struct kg_line *line)
{
	return line->kind != KG_LINE_CHANNEL || due_us(line) == KG_NEVER_US;
}

/* The server learns where a channel is by hearing from there. */
static void follow(struct kg_channel *ch, bool silent, uint64_t now_us)
{
	kg_bare_say_alive(ch, now_us);
}

static void on_proof(struct kg_channel *ch, bool at_once, uint64_t now_us)
{
}

/* What has left is gone. */
static uint32_t next_order(const struct kg_channel *ch)
{
	return 0;
}

static void lose_before(struct kg_channel *ch, uint32_t before)
{
}

static void prepare_question(struct kg_channel *ch, uint64_t now_us)
{
}

/* A sign of life, which is answered where it is heard. It may be a little longer than what came. */
static uint16_t question(struct kg_channel *ch, uint32_t ts, uint16_t room, uint64_t now_us,
			 uint8_t *body)
{
	return put_sign(ch, ts, body);
}

const struct kg_talk kg_bare_talk = {
	.kinds = {
		[KG_LINE_CHANNEL] = &kg_bare_line_ops,
		[KG_LINE_HANDSHAKE] = &kg_bare_test_line_ops,
	},
	.is_quiet = is_quiet,
	.test = kg_bare_test_create,
	.has_asked_once = kg_bare_test_has_asked_once,
	.waits = waits,
	.follow = follow,
	.on_proof = on_proof,
	.next_order = next_order,
	.lose_before = lose_before,
	.prepare_question = prepare_question,
	.question = question,
};
