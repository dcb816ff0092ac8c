/* SPDX-License-Identifier: BSD-3-Clause */
/* Plays the applications of most recordings. */
#include "replay/exchange.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define PIECE_BYTES 2048 /* of each read that the recorded client made */

static void say_stream(struct bench *b, struct flow *flow)
{
	uint8_t piece[PIECE_BYTES];

	for (size_t at = 0, len; at < b->recording->tcp_bytes; at += len) {
		len = KG_MIN(b->recording->tcp_bytes - at, (size_t)PIECE_BYTES);
		stream_fill(piece, at, len);
		bench_say(b, flow, piece, len);
	}
}

static void say_datagram(struct bench *b, struct flow *flow)
{
	uint8_t datagram[FLOW_BYTES];

	if (flow->heard_messages == b->recording->udp_datagrams)
		return;
	flow_fill(datagram, flow->heard_messages);
	bench_say(b, flow, datagram, sizeof(datagram));
}

void exchange_begin(struct bench *b, struct flow *flow)
{
	if (flow->protocol == KG_PROTOCOL_TCP)
		say_stream(b, flow);
	else
		say_datagram(b, flow);
}

static void react(struct bench *b, struct flow *flow, const uint8_t *bytes, size_t len)
{
	if (b->config.role == KG_ROLE_SERVER)
		bench_say(b, flow, bytes, len);
	else if (flow->protocol == KG_PROTOCOL_UDP)
		say_datagram(b, flow);
	else if (flow->heard_bytes == b->recording->tcp_bytes)
		kg_stream_finish(&flow->stream, b->now_us);
}

struct bench *exchange_create(const struct recording *recording, enum kg_role role)
{
	const struct bench_config config = {
		.recording = recording,
		.role = role,
		.react = react,
	};

	return bench_create(&config);
}

void exchange_check_stream(const struct bench *b, const struct flow *flow, enum kg_close why)
{
	uint8_t expected[STREAM_MAX];

	assert_int_equal(flow->protocol, KG_PROTOCOL_TCP);
	assert_int_equal(flow->heard_bytes, b->recording->tcp_bytes);
	stream_fill(expected, 0, flow->heard_bytes);
	assert_memory_equal(flow->heard, expected, flow->heard_bytes);
	assert_true(flow->closed);
	assert_int_equal(flow->why, why);
}

void exchange_check_flow(const struct bench *b, const struct flow *flow)
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
