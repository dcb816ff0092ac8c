/* SPDX-License-Identifier: BSD-3-Clause */
/* Lets our streams talk with a recorded end, at the recorded times. */
#include "replay/bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "fec/rs_isal.h"
#include "fec/shard.h"
#include "kcp/kcp_segment.h"
#include "session/framing.h"

#define BUFFERS       4096
#define UDP_TIMEOUT_S 180

/* ---- what the streams ask of their host ---- */

static struct flow *flow_of(struct kg_stream *stream)
{
	return KG_CONTAINER_OF(stream, struct flow, stream);
}

static uint16_t port_acquire(void *host, const struct kg_endpoint *remote, bool alone)
{
	struct bench *b = host;

	if (alone) {
		if (b->handshakes == BENCH_FLOWS) /* recordings answer no tests of paths */
			return 0;
		b->handshake_ports[b->handshakes++] = b->host.port_next;
	}
	return test_host_port_acquire(host, remote, alone);
}

static struct flow *adopt(struct bench *b, enum kg_protocol protocol)
{
	assert_true(b->flow_count < BENCH_FLOWS);
	b->flows[b->flow_count].protocol = protocol;
	return &b->flows[b->flow_count++];
}

static struct kg_stream *accept_stream(void *host, enum kg_protocol protocol,
				       const struct kg_target *target)
{
	struct flow *flow = adopt(host, protocol);

	flow->unanswered = true;
	return &flow->stream;
}

static void opened(void *host, struct kg_stream *stream)
{
	(void)host;
	flow_of(stream)->opened = true;
}

static void readable(void *host, struct kg_stream *stream)
{
	struct bench *b = host;
	struct flow *flow = flow_of(stream);
	struct kg_buf *chain;

	while ((chain = kg_stream_recv(stream, b->now_us))) {
		uint8_t *at = flow->heard + flow->heard_bytes;
		size_t len = kg_buf_chain_len(chain);

		assert_true(flow->heard_bytes + len <= sizeof(flow->heard));
		kg_buf_chain_gather(chain, at);
		kg_buf_free_chain(chain);
		flow->heard_bytes += len;
		flow->heard_messages++;
		b->config.react(b, flow, at, len);
	}
}

static void closed(void *host, struct kg_stream *stream, enum kg_close why, const char *text)
{
	struct flow *flow = flow_of(stream);

	(void)host;
	flow->closed = true;
	flow->why = why;
	snprintf(flow->text, sizeof(flow->text), "%s", text);
}

static const struct kg_stream_ops ops = {
	.port_acquire = port_acquire,
	.accept = accept_stream,
	.opened = opened,
	.readable = readable,
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

struct bench *bench_create(const struct bench_config *bench_config)
{
	const struct recording *recording = bench_config->recording;
	enum kg_role role = bench_config->role;
	struct bench *b = calloc(1, sizeof(*b));

	b->config = *bench_config;
	b->recording = recording;
	b->ports =
		(struct kg_port_range){ SERVER_PORT, KG_MAX(SERVER_PORT, bench_config->last_port) };
	capture_load(&b->capture, recording->name);
	b->now_us = b->capture.datagrams[0].time_us;
	test_host_init(&b->host, BENCH_SEED, BUFFERS, b->now_us);
	if (recording->parity > 0)
		b->fec = kg_fec_create(recording->data, recording->parity, &kg_rs_isal,
				       &kg_session_fec_content, &b->host.mem);
	name_datagrams(b);
	if (role == KG_ROLE_SERVER)
		b->host.seen = kg_seen_create(&b->host.mem, 64, 512, 0);

	const struct kg_streams_config config = {
		.session = { .role = role,
			     .kcp = capture_kcp,
			     .outbound_Bps = BANDWIDTH_Bps,
			     .inbound_Bps = BANDWIDTH_Bps,
			     .udp_timeout_s = UDP_TIMEOUT_S,
			     .keep_alive_s = bench_config->keep_alive_s,
			     .fec = b->fec,
			     .workers = 1,
			     .channels_max = BENCH_FLOWS,
			     .destinations = &b->capture.datagrams[0].destination.ip,
			     .destination_count = 1,
			     .destination_ports = &b->ports,
			     .destination_port_count = 1,
			     .announce_first = SERVER_PORT,
			     .announce_last = b->ports.last },
		.mux_channels = role == KG_ROLE_CLIENT ? recording->mux_channels : 0,
	};

	b->streams = test_host_streams(&b->host, &config, ops, b->now_us);
	assert_non_null(b->streams);
	return b;
}

void bench_destroy(struct bench *b)
{
	kg_streams_destroy(b->streams);
	for (size_t i = 0; i < BENCH_FLOWS; i++)
		kg_fec_encoder_destroy(b->peers[i].encoder);
	kg_fec_destroy(b->fec);
	assert_true(test_host_fini(&b->host));
	capture_free(&b->capture);
	free(b);
}

/* Counts what a datagram says for the first time, or again. */
static void count_messages(struct bench *b, const uint8_t *body, size_t len)
{
	struct kg_kcp_segment segment;
	size_t at = 0, bytes;

	while ((bytes = kg_kcp_segment_decode(body + at, len - at, &segment))) {
		at += bytes;
		if (segment.cmd == KG_KCP_PUSH && segment.frg == 0 && segment.len > 0)
			b->said[segment.payload[0] % BENCH_FEATURES]++;
	}
}

static void get_nth_channel(const struct bench *b, size_t n, struct kg_channel_info *info)
{
	struct kg_session *session = kg_streams_session(b->streams);
	struct kg_channel *ch;

	kg_session_tour_begin(session);
	do {
		ch = kg_session_tour_next(session);
		assert_non_null(ch);
	} while (n-- > 0);
	kg_channel_get_info(ch, info, b->now_us);
}

/* Client: when our handshake asked. */
static void note_request(struct bench *b, const struct kg_datagram *out)
{
	const uint8_t *segment = out->data + (b->fec != NULL ? KG_FEC_HEADER_BYTES : 0);
	uint32_t conv;

	if (b->config.role != KG_ROLE_CLIENT || segment[4] != KG_KCP_PUSH ||
	    kg_framing_conv(b->fec, out->data, out->len, &conv) != KG_DROP_NONE || conv != 0)
		return;
	for (size_t n = 0; n < b->handshakes; n++) {
		if (b->handshake_ports[n] == out->local.port)
			b->handshake_ts[n] = kg_load_le32(segment + 8);
	}
}

/* Server: asks an address that is not the channel's, which the recorded client was not asked then.
 */
static bool is_question(const struct bench *b, const struct kg_datagram *out)
{
	struct kg_channel_info info;
	uint32_t conv;

	if (b->config.role != KG_ROLE_SERVER || b->fec != NULL ||
	    kg_framing_conv(NULL, out->data, out->len, &conv) != KG_DROP_NONE || conv == 0)
		return false;
	get_nth_channel(b, 0, &info);
	return info.conv == conv && !kg_endpoint_equal(&info.remote, &out->remote);
}

/* As every KCP does: the ts of what was heard comes back. */
static void answer_question(struct bench *b, const struct kg_datagram *out)
{
	struct kg_kcp_segment segment = { 0 };
	uint8_t bytes[KG_KCP_HEADER_BYTES];
	const struct kg_datagram in = {
		.local = out->local, .remote = out->remote, .data = bytes, .len = sizeof(bytes)
	};

	assert_true(kg_kcp_segment_decode(out->data, out->len, &segment) > 0);
	assert_int_equal(segment.cmd, KG_KCP_PUSH);
	segment.cmd = KG_KCP_ACK;
	segment.una = segment.sn + 1;
	segment.len = 0;
	kg_kcp_segment_encode(bytes, &segment);
	assert_int_equal(kg_session_input(kg_streams_session(b->streams), &in, b->now_us),
			 KG_DROP_NONE);
}

static void drain(struct bench *b)
{
	uint8_t room[KG_KCP_MTU_MAX + KG_FEC_OVERHEAD_BYTES];
	struct kg_datagram out = { .data = room };
	uint32_t conv;

	while (kg_session_output(kg_streams_session(b->streams), &out, b->now_us)) {
		assert_int_equal(kg_framing_conv(b->fec, room, out.len, &conv), KG_DROP_NONE);
		if (b->fec == NULL)
			count_messages(b, room, out.len);
		note_request(b, &out);
		if (is_question(b, &out))
			answer_question(b, &out);
	}
}

static void answer(struct bench *b, struct flow *flow)
{
	flow->unanswered = false;
	if (b->recording->refusal)
		kg_stream_refused(&flow->stream, b->recording->refusal, b->now_us);
	else
		kg_stream_connected(&flow->stream, b->now_us);
}

void bench_advance(struct bench *b, uint64_t now_us)
{
	b->now_us = now_us;
	kg_twheel_advance(b->host.wheel, now_us);
	for (size_t i = 0; i < b->flow_count; i++) {
		if (b->flows[i].unanswered)
			answer(b, &b->flows[i]);
	}
	drain(b);
}

/* Client: our handshake for the recorded one. */
static size_t nth_handshake(const struct bench *b, uint16_t recorded_port)
{
	size_t n = 0;

	while (capture_handshake_port(&b->capture, n) != recorded_port)
		n++;
	assert_true(n < b->handshakes);
	return n;
}

/* Client: of our channel. */
static uint16_t data_port(const struct bench *b, uint32_t conv)
{
	struct kg_channel_info info;
	size_t n = 0;

	do {
		get_nth_channel(b, n++, &info);
	} while (info.conv != conv);
	return info.local.port;
}

/* Which of our ports a recorded datagram is for. */
static uint16_t local_port(const struct bench *b, const struct datagram *d)
{
	if (b->config.role == KG_ROLE_SERVER)
		return d->destination.port;
	return d->conv == 0 ? b->handshake_ports[nth_handshake(b, d->client_port)]
			    : data_port(b, d->conv);
}

/* Client: the ts of what was heard comes back. */
static void replace_echo(const struct bench *b, const struct datagram *d)
{
	uint32_t ts = b->handshake_ts[nth_handshake(b, d->client_port)];
	struct kg_kcp_segment segment;
	size_t at = b->fec != NULL ? KG_FEC_HEADER_BYTES : 0, bytes;

	while ((bytes = kg_kcp_segment_decode(d->body + at, d->body_len - at, &segment))) {
		if (segment.cmd == KG_KCP_ACK)
			kg_store_le32(d->body + at + 8, ts);
		at += bytes;
	}
}

void bench_hear(struct bench *b, const struct datagram *d)
{
	const struct kg_datagram in = {
		.local = { d->destination.ip, local_port(b, d) },
		.remote = d->source,
		.data = d->body,
		.len = (uint16_t)d->body_len,
		.digest = d->sealed_digest,
	};

	if (d->lost)
		return;
	if (b->config.role == KG_ROLE_CLIENT && d->conv == 0)
		replace_echo(b, d);
	assert_int_equal(kg_session_input(kg_streams_session(b->streams), &in, b->now_us),
			 KG_DROP_NONE);
	drain(b);
}

/* ---- our server's conv in the place of the recorded one ---- */

static void replace_conv(uint8_t *body, size_t len, uint32_t conv)
{
	struct kg_kcp_segment segment;
	size_t at = 0, bytes;

	while ((bytes = kg_kcp_segment_decode(body + at, len - at, &segment))) {
		kg_store_le32(body + at, conv);
		at += bytes;
	}
}

/* The recorded client's shards as it would have made them for this conv. */
static void replace_shard(struct bench *b, struct peer *peer, struct datagram *d, uint32_t conv)
{
	struct kg_fec_shard shard;

	if (peer->encoder == NULL)
		peer->encoder = kg_fec_encoder_create(b->fec, conv, 0);
	assert_true(kg_fec_shard_decode(&shard, &kg_session_fec_content, b->recording->data,
					d->body, d->body_len));
	if (shard.parity) {
		assert_int_equal(kg_fec_encoder_output(peer->encoder, d->body, 0), d->body_len);
		return;
	}
	replace_conv(d->body + KG_FEC_HEADER_BYTES, shard.len, conv);
	assert_int_equal(kg_fec_encode(peer->encoder, d->body, shard.len, 0), d->body_len);
}

/* Makes a datagram of the recorded client one for a channel that we have opened. Its channels and
 * ours belong together in the order of their first datagrams. */
static void translate(struct bench *b, struct datagram *d)
{
	struct kg_channel_info info;
	size_t n = 0;

	if (d->conv == 0)
		return;
	while (b->peers[n].uid != d->conv && b->peers[n].uid != 0) {
		n++;
		assert_true(n < BENCH_FLOWS);
	}
	b->peers[n].uid = d->conv;
	get_nth_channel(b, n, &info);
	if (b->fec != NULL)
		replace_shard(b, &b->peers[n], d, info.conv);
	else
		replace_conv(d->body, d->body_len, info.conv);
}

void bench_replay_client(struct bench *b)
{
	for (size_t i = 0; i < b->capture.count; i++) {
		struct datagram *d = &b->capture.datagrams[i];

		bench_advance(b, d->time_us);
		if (!d->from_client)
			continue;
		translate(b, d);
		bench_hear(b, d);
	}
}

/* ---- applications ---- */

void bench_say(struct bench *b, struct flow *flow, const uint8_t *bytes, size_t len)
{
	struct kg_buf *chain = kg_buf_chain_copy(&b->host.pool.pool, bytes, len,
						 kg_streams_first_bytes(b->streams),
						 kg_streams_rest_bytes(b->streams));

	assert_non_null(chain);
	assert_true(kg_stream_send(&flow->stream, chain, b->now_us));
}

struct flow *bench_open(struct bench *b, enum kg_protocol protocol)
{
	struct flow *flow = adopt(b, protocol);

	assert_true(kg_streams_open(b->streams, &flow->stream, protocol, NULL, b->now_us));
	return flow;
}
