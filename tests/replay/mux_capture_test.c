/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The recording with mux_tunnels=2 between two originals, with our streams in the place of either
 * end: two channels, a TCP connection on one and a UDP flow on the other. What we send is looked at
 * only for its ports. Our server chooses its own uids, so the recorded client's conv is replaced;
 * our client chooses its own ids, so its streams are given the recorded ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "kcp/kcp_segment.h"
#include "mux/mux_int.h"
#include "replay/capture.h"
#include "replay/recordings.h"

#define SEED        4712u
#define BUFFERS     4096
#define STREAMS     2
#define TCP_BYTES   20000
#define DATAGRAMS   5
#define PIECE_BYTES 2048 /* of each read that the recorded client made */

/* What the recording calls its channels and connections. */
static const struct {
	enum kg_protocol protocol;
	uint32_t uid, id;
} recorded[STREAMS] = {
	{ KG_PROTOCOL_TCP, 135046834, 0xd8a8e973 },
	{ KG_PROTOCOL_UDP, 2163771881, 0x7b3fb7b1 },
};

struct app {
	struct kg_stream stream;
	enum kg_protocol protocol;
	uint8_t heard[STREAM_MAX];
	size_t heard_bytes, heard_messages;
	bool accepted, closed;
	enum kg_close why;
};

struct bench {
	enum kg_role role;
	struct capture capture;
	struct kg_streams *streams;
	struct kg_mem mem;
	struct kg_buf_malloc_pool pool;
	struct kg_twheel *wheel;
	struct kg_rng rng;
	struct kg_seen *seen;
	struct app apps[STREAMS];
	size_t app_count;
	uint16_t next_port;
	uint16_t handshake_ports[STREAMS]; /* client: ours, in the order of the recording's */
	size_t handshakes;
	uint16_t data_ports[STREAMS]; /* client: as `recorded` */
	uint64_t now_us;
};

/* ---- the applications ---- */

static void say(struct bench *b, struct app *app, const uint8_t *bytes, size_t len)
{
	struct kg_buf *chain =
		kg_buf_chain_copy(&b->pool.pool, bytes, len, kg_streams_first_bytes(b->streams),
				  kg_streams_rest_bytes(b->streams));

	assert_non_null(chain);
	assert_true(kg_stream_send(&app->stream, chain, b->now_us));
}

static void say_stream(struct bench *b, struct app *app)
{
	uint8_t piece[PIECE_BYTES];

	for (size_t at = 0, len; at < TCP_BYTES; at += len) {
		len = KG_MIN((size_t)(TCP_BYTES - at), (size_t)PIECE_BYTES);
		stream_fill(piece, at, len);
		say(b, app, piece, len);
	}
}

static void say_datagram(struct bench *b, struct app *app)
{
	uint8_t datagram[FLOW_BYTES];

	if (app->heard_messages == DATAGRAMS)
		return;
	flow_fill(datagram, app->heard_messages);
	say(b, app, datagram, sizeof(datagram));
}

/* Our server's applications echo. Our client's send the next datagram, or end when the stream has
 * come back. */
static void react(struct bench *b, struct app *app, const uint8_t *bytes, size_t len)
{
	if (b->role == KG_ROLE_SERVER)
		say(b, app, bytes, len);
	else if (app->protocol == KG_PROTOCOL_UDP)
		say_datagram(b, app);
	else if (app->heard_bytes == TCP_BYTES)
		kg_stream_finish(&app->stream, b->now_us);
}

/* ---- what the streams ask of their host ---- */

static struct app *app_of(struct kg_stream *stream)
{
	return KG_CONTAINER_OF(stream, struct app, stream);
}

static uint16_t port_acquire(void *host, const struct kg_endpoint *remote, bool alone)
{
	struct bench *b = host;

	if (alone)
		b->handshake_ports[b->handshakes++] = b->next_port;
	return b->next_port++;
}

static void port_release(void *host, uint16_t port)
{
}

static struct app *adopt(struct bench *b, enum kg_protocol protocol)
{
	struct app *app = &b->apps[protocol == KG_PROTOCOL_UDP];

	assert_int_equal(app->protocol, 0);
	app->protocol = protocol;
	b->app_count++;
	return app;
}

static struct kg_stream *accept_stream(void *host, enum kg_protocol protocol,
				       const struct kg_target *target)
{
	struct app *app = adopt(host, protocol);

	app->accepted = true;
	return &app->stream;
}

static void opened(void *host, struct kg_stream *stream)
{
}

static void readable(void *host, struct kg_stream *stream)
{
	struct bench *b = host;
	struct app *app = app_of(stream);
	struct kg_buf *chain;

	while ((chain = kg_stream_recv(stream, b->now_us))) {
		uint8_t *at = app->heard + app->heard_bytes;
		size_t len = kg_buf_chain_len(chain);

		assert_true(app->heard_bytes + len <= sizeof(app->heard));
		kg_buf_chain_gather(chain, at);
		kg_buf_free_chain(chain);
		app->heard_bytes += len;
		app->heard_messages++;
		react(b, app, at, len);
	}
}

static void acked(void *host, struct kg_stream *stream, uint32_t segments)
{
}

static void closed(void *host, struct kg_stream *stream, enum kg_close why, const char *text)
{
	struct app *app = app_of(stream);

	app->closed = true;
	app->why = why;
}

static const struct kg_stream_ops ops = {
	.port_acquire = port_acquire,
	.port_release = port_release,
	.accept = accept_stream,
	.opened = opened,
	.readable = readable,
	.acked = acked,
	.closed = closed,
};

/* ---- the bench ---- */

static struct bench *setup(enum kg_role role)
{
	struct bench *b = calloc(1, sizeof(*b));
	static const struct kg_port_range ports = { SERVER_PORT, SERVER_PORT };

	b->role = role;
	capture_load(&b->capture, "mux");
	b->now_us = b->capture.datagrams[0].time_us;
	b->next_port = 40000;
	kg_mem_malloc_init(&b->mem);
	kg_buf_malloc_pool_init(&b->pool, BUFFERS);
	kg_rng_init(&b->rng, SEED);
	b->wheel = kg_twheel_create(&b->mem, b->now_us);
	if (role == KG_ROLE_SERVER)
		b->seen = kg_seen_create(&b->mem, 64, 512);

	const struct kg_streams_config config = {
		.session = { .role = role,
			     .kcp = { .mtu = 1418,
				      .snd_wnd = 1024,
				      .rcv_wnd = 1024,
				      .interval_ms = 1,
				      .resend = 2,
				      .nc = true,
				      .blast = true },
			     .outbound_Bps = BANDWIDTH_Bps,
			     .inbound_Bps = BANDWIDTH_Bps,
			     .udp_timeout_s = 180,
			     .workers = 1,
			     .channels_max = 8,
			     .destinations = &b->capture.datagrams[0].destination.ip,
			     .destination_count = 1,
			     .destination_ports = &ports,
			     .destination_port_count = 1,
			     .announce_first = SERVER_PORT,
			     .announce_last = SERVER_PORT },
		.mux_channels = role == KG_ROLE_CLIENT ? STREAMS : 0,
	};

	b->streams = kg_streams_create(&config, &ops, b, &b->mem, &b->pool.pool, b->wheel, &b->rng,
				       b->seen, b->now_us);
	assert_non_null(b->streams);
	return b;
}

static void teardown(struct bench *b)
{
	kg_streams_destroy(b->streams);
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
	uint8_t room[KG_KCP_MTU_MAX];
	struct kg_datagram out = { .data = room };

	while (kg_session_output(kg_streams_session(b->streams), &out, b->now_us)) {
		for (size_t i = 0; i < STREAMS; i++) {
			if (kg_load_le32(room) == recorded[i].uid)
				b->data_ports[i] = out.local.port;
		}
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

	assert_int_equal(kg_session_input(kg_streams_session(b->streams), &in, b->now_us),
			 KG_DROP_NONE);
	drain(b);
}

/* Of the recording's handshakes, the how-maniest is from this port? */
static size_t handshake_number(const struct bench *b, uint16_t port)
{
	size_t number = 0;
	uint16_t last = 0;

	for (size_t i = 0;; i++) {
		const struct datagram *d = &b->capture.datagrams[i];

		assert_true(i < b->capture.count);
		if (d->client_port == port)
			return number;
		if (d->conv == 0 && d->client_port != last) {
			last = d->client_port;
			number++;
		}
	}
}

/* ---- our server hears the recorded client ---- */

/* Our mux of the nth handshake. */
static uint32_t conv_of_mux(const struct bench *b, size_t nth)
{
	const struct kg_mux *mux = TAILQ_FIRST(&b->streams->muxes);
	struct kg_channel_info info;

	while (nth-- > 0)
		mux = TAILQ_NEXT(mux, link);
	kg_channel_get_info(mux->channel, &info, b->now_us);
	return info.conv;
}

/* The recorded client's first handshake was for the UDP flow's channel. */
static void replace_conv(struct bench *b, struct datagram *d)
{
	uint32_t conv = conv_of_mux(b, d->conv == recorded[0].uid);
	struct kg_kcp_segment segment;
	size_t at = 0, bytes;

	while ((bytes = kg_kcp_segment_decode(d->body + at, d->body_len - at, &segment))) {
		kg_store_le32(d->body + at, conv);
		at += bytes;
	}
}

/* As late as the next datagram: what comes meanwhile waits. */
static void connect_accepted(struct bench *b)
{
	for (size_t i = 0; i < STREAMS; i++) {
		if (b->apps[i].accepted)
			kg_stream_connected(&b->apps[i].stream, b->now_us);
		b->apps[i].accepted = false;
	}
	drain(b);
}

static void replay_client(struct bench *b)
{
	for (size_t i = 0; i < b->capture.count; i++) {
		struct datagram *d = &b->capture.datagrams[i];

		advance(b, d->time_us);
		connect_accepted(b);
		if (!d->from_client)
			continue;
		if (d->conv != 0)
			replace_conv(b, d);
		hear(b, d, SERVER_PORT);
	}
}

/* ---- our client hears the recorded server ---- */

/* The streams go to the muxes in turn: the UDP flow's first if its channel is the first. */
static void open_stream(struct bench *b, size_t which)
{
	struct app *app = adopt(b, recorded[which].protocol);
	struct kg_mux_stream *ms;

	assert_true(kg_streams_open(b->streams, &app->stream, app->protocol, NULL, b->now_us));
	ms = app->stream.mux;
	assert_ptr_equal(kg_u32map_remove(&ms->mux->by_id, ms->id), ms);
	ms->id = recorded[which].id;
	assert_true(kg_u32map_insert(&ms->mux->by_id, ms->id, ms));
}

static void begin(struct bench *b)
{
	size_t first = conv_of_mux(b, 0) == recorded[1].uid;

	open_stream(b, first);
	open_stream(b, !first);
	say_stream(b, &b->apps[0]);
	say_datagram(b, &b->apps[1]);
	drain(b);
}

static void replay_server(struct bench *b)
{
	for (size_t i = 0; i < b->capture.count; i++) {
		struct datagram *d = &b->capture.datagrams[i];

		advance(b, d->time_us);
		if (d->from_client && d->conv != 0 && b->app_count == 0)
			begin(b);
		if (d->from_client)
			continue;
		if (d->conv == 0)
			hear(b, d, b->handshake_ports[handshake_number(b, d->client_port)]);
		else
			hear(b, d, b->data_ports[d->conv == recorded[1].uid]);
	}
}

/* ---- what was heard ---- */

static void check_heard(const struct bench *b, enum kg_close stream_end)
{
	const struct app *tcp = &b->apps[0], *udp = &b->apps[1];
	struct kg_streams_stats stats;
	uint8_t expected[STREAM_MAX];

	assert_int_equal(b->app_count, STREAMS);
	stream_fill(expected, 0, TCP_BYTES);
	assert_int_equal(tcp->heard_bytes, TCP_BYTES);
	assert_memory_equal(tcp->heard, expected, TCP_BYTES);
	assert_true(tcp->closed);
	assert_int_equal(tcp->why, stream_end);

	assert_int_equal(udp->heard_messages, DATAGRAMS);
	for (size_t i = 0; i < DATAGRAMS; i++) {
		flow_fill(expected, i);
		assert_memory_equal(udp->heard + i * FLOW_BYTES, expected, FLOW_BYTES);
	}
	assert_false(udp->closed);

	kg_streams_get_stats(b->streams, &stats);
	assert_int_equal(stats.muxes, 2);
	assert_int_equal(stats.streams, 1);
	assert_int_equal(stats.messages_dropped + stats.datagrams_dropped, 0);
}

static void server_understands_the_original_client(void **state)
{
	struct bench *b = setup(KG_ROLE_SERVER);

	replay_client(b);
	check_heard(b, KG_CLOSE_PEER);
	teardown(b);
}

static void client_understands_the_original_server(void **state)
{
	struct bench *b = setup(KG_ROLE_CLIENT);

	replay_server(b);
	check_heard(b, KG_CLOSE_FINISHED);
	teardown(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(server_understands_the_original_client),
		cmocka_unit_test(client_understands_the_original_server),
	};

	printf("seed %u\n", SEED);
	return cmocka_run_group_tests_name("mux", tests, NULL, NULL);
}
