/* SPDX-License-Identifier: BSD-3-Clause */
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

#define SEED          4711u
#define BUFFERS       4096
#define UDP_TIMEOUT_S 180

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

	assert_true(b->flow_count++ < BENCH_FLOWS);
	flow->protocol = protocol;
	flow->uid = protocol == KG_PROTOCOL_TCP ? b->recording->tcp_uid : b->recording->udp_uid;
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
		b->config.react(b, flow, at, len);
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
		.keep_alive_s = bench_config->keep_alive_s,
		.fec = b->fec,
		.workers = 1,
		.channels_max = BENCH_FLOWS,
		.destinations = &b->capture.datagrams[0].destination.ip,
		.destination_count = 1,
		.destination_ports = &b->ports,
		.destination_port_count = 1,
		.announce_first = SERVER_PORT,
		.announce_last = b->ports.last,
	};

	b->session = kg_session_create(&config, &ops, b, &b->mem, &b->pool.pool, b->wheel, &b->rng,
				       b->seen, b->now_us);
	assert_non_null(b->session);
	return b;
}

void bench_destroy(struct bench *b)
{
	kg_session_destroy(b->session);
	for (size_t i = 0; i < b->flow_count; i++)
		kg_fec_encoder_destroy(b->flows[i].encoder);
	kg_fec_destroy(b->fec);
	kg_twheel_destroy(b->wheel);
	if (b->seen)
		kg_seen_destroy(b->seen);
	assert_int_equal(b->pool.in_use, 0);
	assert_int_equal(b->mem.in_use_bytes, 0);
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
		if (b->fec == NULL)
			count_messages(b, room, out.len);
	}
}

void bench_advance(struct bench *b, uint64_t now_us)
{
	b->now_us = now_us;
	kg_twheel_advance(b->wheel, now_us);
	drain(b);
}

void bench_hear(struct bench *b, const struct datagram *d, uint16_t local_port)
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
static void replace_shard(struct bench *b, struct flow *flow, struct datagram *d, uint32_t conv)
{
	struct kg_fec_shard shard;

	if (flow->encoder == NULL)
		flow->encoder = kg_fec_encoder_create(b->fec, conv, 0);
	assert_true(kg_fec_shard_decode(&shard, b->recording->data, d->body, d->body_len));
	if (shard.parity) {
		assert_int_equal(kg_fec_encoder_output(flow->encoder, d->body, 0), d->body_len);
		return;
	}
	replace_conv(d->body + KG_FEC_HEADER_BYTES, shard.len, conv);
	assert_int_equal(kg_fec_encode(flow->encoder, d->body, shard.len, 0), d->body_len);
}

void bench_translate(struct bench *b, struct datagram *d)
{
	struct flow *flow = &b->flows[0];
	struct kg_channel_info info;

	if (d->conv == 0)
		return;
	if (flow->uid != d->conv)
		flow++;
	assert_non_null(flow->ch);
	kg_channel_get_info(flow->ch, &info, b->now_us);
	if (b->fec != NULL)
		replace_shard(b, flow, d, info.conv);
	else
		replace_conv(d->body, d->body_len, info.conv);
}

/* ---- applications ---- */

void bench_say(struct bench *b, struct flow *flow, const uint8_t *bytes, size_t len)
{
	struct kg_buf *chain =
		kg_buf_chain_copy(&b->pool.pool, bytes, len, kg_session_first_bytes(b->session),
				  kg_session_rest_bytes(b->session));

	assert_non_null(chain);
	assert_true(kg_channel_send(flow->ch, chain, b->now_us));
}

struct flow *bench_open(struct bench *b, enum kg_protocol protocol)
{
	struct flow *flow = adopt(b, protocol);

	flow->ch = kg_session_open(b->session, protocol, NULL, flow, b->now_us);
	assert_non_null(flow->ch);
	return flow;
}
