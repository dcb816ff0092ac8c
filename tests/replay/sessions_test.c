/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Recordings between two originals, with our session in the place of either end. What it sends is
 * looked at only for its ports: the recorded peer goes on as it did. Our server chooses a uid of
 * its own, so the recorded client's conv is replaced by it; everything else is heard as it was
 * sent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "fec/rs_isal.h"
#include "kcp/kcp_segment.h"
#include "replay/capture.h"
#include "replay/recordings.h"
#include "session/framing.h"
#include "session/session.h"

#define SEED          4711u
#define BUFFERS       4096
#define FLOWS         2
#define SUB_OFFSET    4    /* of a shard */
#define PIECE_BYTES   2048 /* of each read that the recorded client made */
#define UDP_TIMEOUT_S 180

/* Not among the others: the recordings' reader knows nothing of shards. */
static const struct recording with_fec = {
	"fec-3-2", 3260923597, 20000, 2294657950, 5, NULL, 3, 2,
};

/* One application flow and what our end heard of it. */
struct flow {
	struct kg_channel *ch;
	enum kg_protocol protocol;
	uint8_t heard[STREAM_MAX];
	size_t heard_bytes, heard_messages;
	bool opened, closed;
	enum kg_close why;
	char text[KG_MESSAGE_TEXT_MAX_BYTES + 1];
};

struct bench {
	const struct recording *recording;
	enum kg_role role;
	struct capture capture;
	struct kg_session *session;
	struct kg_fec *fec; /* NULL: off */
	struct kg_mem mem;
	struct kg_buf_malloc_pool pool;
	struct kg_twheel *wheel;
	struct kg_rng rng;
	struct kg_seen *seen;
	struct flow flows[FLOWS];
	size_t flow_count;
	uint16_t next_port;
	uint16_t handshake_port, data_port; /* client: where our latest datagrams came from */
	uint64_t now_us;
};

/* ---- the application ---- */

static void say(struct bench *b, struct flow *flow, const uint8_t *bytes, size_t len)
{
	struct kg_buf *chain =
		kg_buf_chain_copy(&b->pool.pool, bytes, len, kg_session_first_bytes(b->session),
				  kg_session_rest_bytes(b->session));

	assert_non_null(chain);
	assert_true(kg_channel_send(flow->ch, chain, b->now_us));
}

static void say_stream(struct bench *b, struct flow *flow)
{
	uint8_t piece[PIECE_BYTES];

	for (size_t at = 0, len; at < b->recording->tcp_bytes; at += len) {
		len = KG_MIN(b->recording->tcp_bytes - at, (size_t)PIECE_BYTES);
		stream_fill(piece, at, len);
		say(b, flow, piece, len);
	}
}

static void say_flow(struct bench *b, struct flow *flow)
{
	uint8_t datagram[FLOW_BYTES];

	if (flow->heard_messages == b->recording->udp_datagrams)
		return;
	flow_fill(datagram, flow->heard_messages);
	say(b, flow, datagram, sizeof(datagram));
}

/* Our server's application echoes. Our client's sends the next datagram, or ends when the stream
 * has come back. */
static void react(struct bench *b, struct flow *flow, const uint8_t *bytes, size_t len)
{
	if (b->role == KG_ROLE_SERVER)
		say(b, flow, bytes, len);
	else if (flow->protocol == KG_PROTOCOL_UDP)
		say_flow(b, flow);
	else if (flow->heard_bytes == b->recording->tcp_bytes)
		kg_channel_finish(flow->ch, b->now_us);
}

/* ---- what the session asks of its host ---- */

static uint16_t port_acquire(void *host, const struct kg_endpoint *remote, bool alone)
{
	struct bench *b = host;

	return b->next_port++;
}

static void port_release(void *host, uint16_t port)
{
	(void)host;
	(void)port;
}

static struct flow *adopt(struct bench *b, enum kg_protocol protocol)
{
	struct flow *flow = &b->flows[b->flow_count];

	assert_true(b->flow_count++ < FLOWS);
	flow->protocol = protocol;
	return flow;
}

static void connect_flow(void *host, struct kg_channel *ch, const struct kg_target *target)
{
	struct bench *b = host;
	struct flow *flow = adopt(b, kg_channel_protocol(ch));

	flow->ch = ch;
	kg_channel_set_user(ch, flow);
	if (b->recording->refusal)
		kg_channel_refused(ch, b->recording->refusal, b->now_us);
	else
		kg_channel_connected(ch, b->now_us);
}

static void opened(void *host, struct kg_channel *ch)
{
	struct flow *flow = kg_channel_user(ch);

	(void)host;
	flow->opened = true;
}

static void readable(void *host, struct kg_channel *ch)
{
	struct bench *b = host;
	struct flow *flow = kg_channel_user(ch);
	struct kg_buf *chain;

	while ((chain = kg_channel_recv(ch, b->now_us))) {
		uint8_t *at = flow->heard + flow->heard_bytes;
		size_t len = kg_buf_chain_len(chain);

		assert_true(flow->heard_bytes + len <= sizeof(flow->heard));
		kg_buf_chain_gather(chain, at);
		kg_buf_free_chain(chain);
		flow->heard_bytes += len;
		flow->heard_messages++;
		react(b, flow, at, len);
	}
}

static void acked(void *host, struct kg_channel *ch, uint32_t segments)
{
	(void)host;
	(void)ch;
	(void)segments;
}

static void closed(void *host, struct kg_channel *ch, enum kg_close why, const char *text)
{
	struct flow *flow = kg_channel_user(ch);

	(void)host;
	flow->closed = true;
	flow->why = why;
	snprintf(flow->text, sizeof(flow->text), "%s", text);
}

static const struct kg_session_ops ops = {
	.port_acquire = port_acquire,
	.port_release = port_release,
	.connect = connect_flow,
	.opened = opened,
	.readable = readable,
	.acked = acked,
	.closed = closed,
};

/* ---- the bench ---- */

static void name_datagrams(struct bench *b)
{
	for (size_t i = 0; i < b->capture.count; i++) {
		struct datagram *d = &b->capture.datagrams[i];

		assert_int_equal(kg_framing_conv(b->fec, d->body, d->body_len, &d->conv),
				 KG_DROP_NONE);
	}
}

static struct bench *setup(const struct recording *recording, enum kg_role role)
{
	struct bench *b = calloc(1, sizeof(*b));
	static const struct kg_port_range ports = { SERVER_PORT, SERVER_PORT };

	b->recording = recording;
	b->role = role;
	capture_load(&b->capture, recording->name);
	b->now_us = b->capture.datagrams[0].time_us;
	b->next_port = 40000;
	kg_mem_malloc_init(&b->mem);
	kg_buf_malloc_pool_init(&b->pool, BUFFERS);
	kg_rng_init(&b->rng, SEED);
	if (recording->parity > 0)
		b->fec = kg_fec_create(recording->data, recording->parity, &kg_rs_isal, &b->mem);
	name_datagrams(b);
	b->wheel = kg_twheel_create(&b->mem, b->now_us);
	if (role == KG_ROLE_SERVER)
		b->seen = kg_seen_create(&b->mem, 64, 512);

	const struct kg_session_config config = {
		.role = role,
		.kcp = { .mtu = 1418,
			 .snd_wnd = 1024,
			 .rcv_wnd = 1024,
			 .nodelay = 0,
			 .interval_ms = 1,
			 .resend = 2,
			 .nc = true,
			 .blast = true },
		.outbound_Bps = BANDWIDTH_Bps,
		.inbound_Bps = BANDWIDTH_Bps,
		.udp_timeout_s = UDP_TIMEOUT_S,
		.fec = b->fec,
		.workers = 1,
		.channels_max = FLOWS,
		.destinations = &b->capture.datagrams[0].destination.ip,
		.destination_count = 1,
		.destination_ports = &ports,
		.destination_port_count = 1,
		.announce_first = SERVER_PORT,
		.announce_last = SERVER_PORT,
	};

	b->session = kg_session_create(&config, &ops, b, &b->mem, &b->pool.pool, b->wheel, &b->rng,
				       b->seen, b->now_us);
	assert_non_null(b->session);
	return b;
}

static void teardown(struct bench *b)
{
	kg_session_destroy(b->session);
	kg_fec_destroy(b->fec);
	kg_twheel_destroy(b->wheel);
	if (b->seen)
		kg_seen_destroy(b->seen);
	assert_int_equal(b->pool.in_use, 0);
	assert_int_equal(b->mem.in_use_bytes, 0);
	capture_free(&b->capture);
	free(b);
}

static void drain(struct bench *b)
{
	uint8_t room[KG_KCP_MTU_MAX + KG_FEC_OVERHEAD_BYTES];
	struct kg_datagram out = { .data = room };
	uint32_t conv;

	while (kg_session_output(b->session, &out, b->now_us)) {
		assert_int_equal(kg_framing_conv(b->fec, room, out.len, &conv), KG_DROP_NONE);
		if (conv == 0)
			b->handshake_port = out.local.port;
		else
			b->data_port = out.local.port;
	}
}

static void advance(struct bench *b, uint64_t now_us)
{
	b->now_us = now_us;
	kg_twheel_advance(b->wheel, now_us);
	drain(b);
}

static void hear(struct bench *b, const struct datagram *d, uint16_t local_port)
{
	const struct kg_datagram in = {
		.local = { d->destination.ip, local_port },
		.remote = d->source,
		.data = d->body,
		.len = (uint16_t)d->body_len,
		.digest = d->sealed_digest,
	};

	assert_int_equal(kg_session_input(b->session, &in, b->now_us), KG_DROP_NONE);
	drain(b);
}

/* ---- our server hears the recorded client ---- */

static void replace_conv(struct bench *b, struct datagram *d)
{
	const struct flow *flow = &b->flows[d->conv == b->recording->udp_uid];
	struct kg_channel_info info;
	struct kg_kcp_segment segment;
	size_t at = 0, bytes;

	assert_non_null(flow->ch);
	kg_channel_get_info(flow->ch, &info, b->now_us);
	while ((bytes = kg_kcp_segment_decode(d->body + at, d->body_len - at, &segment))) {
		kg_store_le32(d->body + at, info.conv);
		at += bytes;
	}
}

static void replay_client(struct bench *b)
{
	for (size_t i = 0; i < b->capture.count; i++) {
		struct datagram *d = &b->capture.datagrams[i];

		advance(b, d->time_us);
		if (!d->from_client)
			continue;
		if (d->conv != 0)
			replace_conv(b, d);
		hear(b, d, SERVER_PORT);
	}
}

/* ---- our client hears the recorded server ---- */

/* The application that the recorded client's new handshake was for. */
static void begin_flow(struct bench *b)
{
	enum kg_protocol protocol = b->flow_count == 0 ? KG_PROTOCOL_TCP : KG_PROTOCOL_UDP;
	struct flow *flow = adopt(b, protocol);

	flow->ch = kg_session_open(b->session, protocol, NULL, flow, b->now_us);
	assert_non_null(flow->ch);
	if (protocol == KG_PROTOCOL_TCP)
		say_stream(b, flow);
	else
		say_flow(b, flow);
	drain(b);
}

static void replay_server(struct bench *b)
{
	uint16_t client_port = 0;

	for (size_t i = 0; i < b->capture.count; i++) {
		struct datagram *d = &b->capture.datagrams[i];

		advance(b, d->time_us);
		if (!d->from_client) {
			hear(b, d, d->conv == 0 ? b->handshake_port : b->data_port);
		} else if (d->conv == 0 && d->client_port != client_port) {
			client_port = d->client_port;
			begin_flow(b);
		}
	}
}

/* Is of the stream to us, but not of its last group: what follows there answers our end. */
static bool has_successor(const struct bench *b, size_t nth)
{
	const struct datagram *d = &b->capture.datagrams[nth];

	for (size_t i = nth; i < b->capture.count; i++) {
		const struct datagram *later = &b->capture.datagrams[i];

		if (!later->from_client && later->conv == b->recording->tcp_uid &&
		    kg_load_be32(later->body) == kg_load_be32(d->body) + 1)
			return !d->from_client && d->conv == later->conv;
	}
	return false;
}

/* Of the stream's groups on their way to us, all but the last, the shard `lost`. */
static void lose_shards(struct bench *b, uint8_t lost)
{
	struct capture *capture = &b->capture;
	size_t kept = 0;

	for (size_t i = 0; i < capture->count; i++) {
		struct datagram *d = &capture->datagrams[i];

		if (d->body[SUB_OFFSET] == lost && has_successor(b, i))
			free(d->body);
		else
			capture->datagrams[kept++] = *d;
	}
	assert_true(kept < capture->count);
	capture->count = kept;
}

/* ---- what was heard ---- */

static void check_stream(const struct bench *b, const struct flow *flow, enum kg_close why)
{
	uint8_t expected[STREAM_MAX];

	assert_int_equal(flow->protocol, KG_PROTOCOL_TCP);
	assert_int_equal(flow->heard_bytes, b->recording->tcp_bytes);
	stream_fill(expected, 0, flow->heard_bytes);
	assert_memory_equal(flow->heard, expected, flow->heard_bytes);
	assert_true(flow->closed);
	assert_int_equal(flow->why, why);
}

static void check_flow(const struct bench *b, const struct flow *flow)
{
	uint8_t expected[FLOW_BYTES];

	assert_int_equal(flow->protocol, KG_PROTOCOL_UDP);
	assert_int_equal(flow->heard_messages, b->recording->udp_datagrams);
	assert_int_equal(flow->heard_bytes, b->recording->udp_datagrams * FLOW_BYTES);
	for (size_t i = 0; i < flow->heard_messages; i++) {
		flow_fill(expected, i);
		assert_memory_equal(flow->heard + i * FLOW_BYTES, expected, FLOW_BYTES);
	}
	assert_false(flow->closed);
}

static void check_heard(const struct bench *b, enum kg_close stream_end)
{
	struct kg_session_stats stats;

	kg_session_get_stats(b->session, &stats);
	if (b->recording->refusal) {
		assert_int_equal(b->flow_count, 1);
		assert_true(b->flows[0].closed);
		assert_int_equal(b->flows[0].why, KG_CLOSE_REFUSED);
		assert_string_equal(b->flows[0].text, b->recording->refusal);
		assert_int_equal(stats.handshakes_failed, 1);
		return;
	}
	assert_int_equal(b->flow_count, FLOWS);
	check_stream(b, &b->flows[0], stream_end);
	check_flow(b, &b->flows[1]);
	assert_int_equal(stats.handshakes_done, FLOWS);
	assert_int_equal(stats.handshakes_failed, 0);
}

static void server_understands_the_original_client(void **state)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(recordings); i++) {
		struct bench *b = setup(&recordings[i], KG_ROLE_SERVER);

		replay_client(b);
		check_heard(b, KG_CLOSE_PEER);
		teardown(b);
	}
}

static void client_understands_the_original_server(void **state)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(recordings); i++) {
		struct bench *b = setup(&recordings[i], KG_ROLE_CLIENT);

		replay_server(b);
		check_heard(b, KG_CLOSE_FINISHED);
		for (size_t k = 0; k < b->flow_count; k++)
			assert_int_equal(b->flows[k].opened, b->recording->refusal == NULL);
		teardown(b);
	}
}

/* Our own conv would make another parity, so only this way round. */
static void client_understands_the_original_server_with_fec(void **state)
{
	for (int lost = -1; lost < with_fec.data; lost++) {
		struct bench *b = setup(&with_fec, KG_ROLE_CLIENT);

		if (lost >= 0)
			lose_shards(b, (uint8_t)lost);
		replay_server(b);
		check_heard(b, KG_CLOSE_FINISHED);
		teardown(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(server_understands_the_original_client),
		cmocka_unit_test(client_understands_the_original_server),
		cmocka_unit_test(client_understands_the_original_server_with_fec),
	};

	printf("seed %u\n", SEED);
	return cmocka_run_group_tests_name("sessions", tests, NULL, NULL);
}
