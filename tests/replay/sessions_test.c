/* SPDX-License-Identifier: BSD-3-Clause */
/* Recordings between two originals, with our session in the place of either end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "kcp/kcp_segment.h"
#include "replay/exchange.h"

#define SUB_OFFSET 4  /* of a shard */
#define NOTHING    -1 /* is lost */

/* Not among the others, whose datagrams hold segments. */
static const struct recording with_fec = {
	"fec-3-2", 3260923597, 20000, 2294657950, 5, NULL, 3, 2,
};
static const struct recording with_keep_alives = { .name = "keep-alive" };
static const struct recording with_hops = { .name = "hopping" };

#define HOPPING_LAST_PORT 3010
#define HOPPING_DATAGRAMS 48
#define HOPS              2
#define KEEP_ALIVES       5

/* ---- losses, with FEC ---- */

/* The stream goes on after this group: what follows there answers our end. */
static bool has_successor(const struct bench *b, const struct datagram *d)
{
	for (size_t i = 0; i < b->capture.count; i++) {
		const struct datagram *later = &b->capture.datagrams[i];

		if (later->from_client == d->from_client && later->conv == d->conv &&
		    kg_load_be32(later->body) == kg_load_be32(d->body) + 1)
			return true;
	}
	return false;
}

/* Of each of the stream's groups but the last this shard is lost. */
static void lose(struct bench *b, int shard)
{
	for (size_t i = 0; i < b->capture.count; i++) {
		struct datagram *d = &b->capture.datagrams[i];

		d->lost = d->conv == b->recording->tcp_uid && d->body[SUB_OFFSET] == shard &&
			  has_successor(b, d);
	}
}

/* ---- our client hears the recorded server ---- */

/* The application that the recorded client's new handshake was for. */
static void begin_flow(struct bench *b)
{
	enum kg_protocol protocol = b->flow_count == 0 ? KG_PROTOCOL_TCP : KG_PROTOCOL_UDP;

	exchange_begin(b, bench_open(b, protocol));
	bench_advance(b, b->now_us);
}

static void replay_server(struct bench *b)
{
	uint16_t client_port = 0;

	for (size_t i = 0; i < b->capture.count; i++) {
		const struct datagram *d = &b->capture.datagrams[i];

		bench_advance(b, d->time_us);
		if (!d->from_client) {
			bench_hear(b, d);
		} else if (d->conv == 0 && d->client_port != client_port) {
			client_port = d->client_port;
			begin_flow(b);
		}
	}
}

/* ---- what was heard ---- */

static void check_heard(const struct bench *b, enum kg_close stream_end)
{
	struct kg_session_stats stats;

	kg_session_get_stats(kg_streams_session(b->streams), &stats);
	if (b->recording->refusal) {
		assert_int_equal(b->flow_count, 1);
		assert_true(b->flows[0].closed);
		assert_int_equal(b->flows[0].why, KG_CLOSE_REFUSED);
		assert_string_equal(b->flows[0].text, b->recording->refusal);
		assert_int_equal(stats.handshakes_failed, 1);
		return;
	}
	assert_int_equal(b->flow_count, BENCH_FLOWS);
	exchange_check_stream(b, &b->flows[0], stream_end);
	exchange_check_flow(b, &b->flows[1]);
	assert_int_equal(stats.handshakes_done, BENCH_FLOWS);
	assert_int_equal(stats.handshakes_failed, 0);
}

static void check_server(const struct recording *recording, int lost)
{
	struct bench *b = exchange_create(recording, KG_ROLE_SERVER);

	lose(b, lost);
	bench_replay_client(b);
	check_heard(b, KG_CLOSE_PEER);
	bench_destroy(b);
}

static void check_client(const struct recording *recording, int lost)
{
	struct bench *b = exchange_create(recording, KG_ROLE_CLIENT);

	lose(b, lost);
	replay_server(b);
	check_heard(b, KG_CLOSE_FINISHED);
	for (size_t k = 0; k < b->flow_count; k++)
		assert_int_equal(b->flows[k].opened, b->recording->refusal == NULL);
	bench_destroy(b);
}

static void server_understands_the_original_client(void **state)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(recordings); i++)
		check_server(&recordings[i], NOTHING);
}

static void client_understands_the_original_server(void **state)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(recordings); i++)
		check_client(&recordings[i], NOTHING);
}

static void both_understand_it_with_fec(void **state)
{
	for (int lost = NOTHING; lost < with_fec.data; lost++) {
		check_server(&with_fec, lost);
		check_client(&with_fec, lost);
	}
}

/* ---- keep-alives, hops ---- */

/* The recorded application of either end did not answer. */
static void listen_only(struct bench *b, struct flow *flow, const uint8_t *bytes, size_t len)
{
}

static void echo(struct bench *b, struct flow *flow, const uint8_t *bytes, size_t len)
{
	bench_say(b, flow, bytes, len);
}

/* Our client's application says and does what the recorded one did, when it did. */
static void say_the_same(struct bench *b, struct flow *flow, const struct datagram *d,
			 uint32_t *next_sn)
{
	struct kg_kcp_segment segment;
	struct kg_message message;
	size_t at = 0, bytes;

	while ((bytes = kg_kcp_segment_decode(d->body + at, d->body_len - at, &segment))) {
		at += bytes;
		if (segment.cmd != KG_KCP_PUSH || segment.sn < *next_sn)
			continue;
		*next_sn = segment.sn + 1;
		assert_int_equal(kg_message_decode(&message, segment.payload, segment.len),
				 KG_DROP_NONE);
		if (message.feature == KG_FEATURE_RAW_DATA)
			bench_say(b, flow, message.data, message.len);
		else if (message.feature == KG_FEATURE_DISCONNECT)
			kg_stream_finish(&flow->stream, b->now_us);
	}
	bench_advance(b, b->now_us);
}

/* Tests of ports were not ours. */
static void replay_flow(struct bench *b, enum kg_protocol protocol)
{
	struct flow *flow = bench_open(b, protocol);
	uint16_t first_port = b->capture.datagrams[0].client_port;
	uint32_t next_sn = 0;

	for (size_t i = 0; i < b->capture.count; i++) {
		const struct datagram *d = &b->capture.datagrams[i];

		bench_advance(b, d->time_us);
		if (d->from_client && d->conv != 0)
			say_the_same(b, flow, d, &next_sn);
		else if (!d->from_client && (d->conv != 0 || d->client_port == first_port))
			bench_hear(b, d);
	}
}

static void check_nothing_was_strange(const struct bench *b)
{
	struct kg_session_stats stats;

	kg_session_get_stats(kg_streams_session(b->streams), &stats);
	assert_int_equal(stats.messages_dropped, 0);
	assert_int_equal(stats.handshakes_done, 1);
	assert_int_equal(b->flow_count, 1);
}

static void server_answers_keep_alives(void **state)
{
	const struct bench_config config = {
		.recording = &with_keep_alives,
		.role = KG_ROLE_SERVER,
		.react = listen_only,
	};
	struct bench *b = bench_create(&config);

	bench_replay_client(b);
	check_nothing_was_strange(b);
	assert_int_equal(b->said[KG_FEATURE_KEEP_ALIVE_RESPONSE], KEEP_ALIVES);
	assert_int_equal(b->flows[0].heard_bytes, 1);
	assert_int_equal(b->flows[0].why, KG_CLOSE_PEER);
	bench_destroy(b);
}

/* Somewhat more often than the recorded client, so that each answer comes after its question. */
static void client_asks_and_is_answered(void **state)
{
	const struct bench_config config = {
		.recording = &with_keep_alives,
		.role = KG_ROLE_CLIENT,
		.keep_alive_s = 2,
		.react = listen_only,
	};
	struct bench *b = bench_create(&config);

	replay_flow(b, KG_PROTOCOL_TCP);
	check_nothing_was_strange(b);
	assert_true(b->said[KG_FEATURE_KEEP_ALIVE] >= KEEP_ALIVES); /* some of them again */
	assert_true(b->said[KG_FEATURE_RAW_DATA] > 0);
	assert_int_equal(b->flows[0].why, KG_CLOSE_FINISHED);
	bench_destroy(b);
}

static void server_follows_a_client_that_hops(void **state)
{
	const struct bench_config config = {
		.recording = &with_hops,
		.role = KG_ROLE_SERVER,
		.last_port = HOPPING_LAST_PORT,
		.react = echo,
	};
	struct bench *b = bench_create(&config);
	struct kg_session_stats stats;

	bench_replay_client(b);
	check_nothing_was_strange(b);
	kg_session_get_stats(kg_streams_session(b->streams), &stats);
	assert_int_equal(stats.peer_moves, HOPS);
	assert_int_equal(b->flows[0].heard_messages, HOPPING_DATAGRAMS);
	assert_int_equal(b->said[KG_FEATURE_RAW_DATA], HOPPING_DATAGRAMS);
	assert_true(b->said[KG_FEATURE_KEEP_ALIVE] >= HOPS); /* answers to tests */
	bench_destroy(b);
}

/* The server answers to wherever the recorded client was; ours stays where it is. */
static void client_hears_a_server_that_follows(void **state)
{
	const struct bench_config config = {
		.recording = &with_hops,
		.role = KG_ROLE_CLIENT,
		.last_port = HOPPING_LAST_PORT,
		.react = listen_only,
	};
	struct bench *b = bench_create(&config);

	replay_flow(b, KG_PROTOCOL_UDP);
	check_nothing_was_strange(b);
	assert_int_equal(b->flows[0].heard_messages, HOPPING_DATAGRAMS);
	bench_destroy(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(server_understands_the_original_client),
		cmocka_unit_test(client_understands_the_original_server),
		cmocka_unit_test(both_understand_it_with_fec),
		cmocka_unit_test(server_answers_keep_alives),
		cmocka_unit_test(client_asks_and_is_answered),
		cmocka_unit_test(server_follows_a_client_that_hops),
		cmocka_unit_test(client_hears_a_server_that_follows),
	};

	printf("seed %u\n", BENCH_SEED);
	return cmocka_run_group_tests_name("sessions", tests, NULL, NULL);
}
