/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Recordings between two originals. Every datagram opens at the time it was recorded, holds a chain
 * of segments, and says what the independent listing beside it says; our engine, put in the place
 * of either end, hears every message.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "replay/capture.h"
#include "replay/conversation.h"
#include "replay/listing.h"

#define SERVER_PORT   3000
#define BANDWIDTH_Bps (100 * 1024 * 1024 / 8) /* 100M of the settings */
#define FLOW_BYTES    101                     /* of each datagram of the UDP flow */

/* What was done while recording. */
static const struct facts {
	const char *name;
	uint32_t tcp_uid;
	size_t tcp_bytes; /* each way */
	uint32_t udp_uid;
	size_t udp_datagrams; /* each way */
	const char *refusal;  /* instead of all that */
} recordings[] = {
	{ "aes-gcm", 289001117, 20000, 2219860, 5, NULL },
	{ "none", 1211821888, 3000, 1977738468, 2, NULL },
	{ "refused", 0, 0, 0, 0, "Connection refused" },
};

static void check_listing(const char *name)
{
	char theirs[LISTING_LINE_BYTES], ours[LISTING_LINE_BYTES];
	struct capture capture;
	struct listing listing;
	size_t i = 0;

	capture_load(&capture, name);
	listing_load(&listing, name);
	for (; listing_next(&listing, theirs); i++) {
		assert_true(i < capture.count);
		assert_true(listing_of_datagram(ours, &capture.datagrams[i],
						capture.datagrams[0].time_us));
		assert_string_equal(ours, theirs);
	}
	assert_int_equal(i, capture.count);
	printf("%s: %zu datagrams\n", name, i);
	listing_free(&listing);
	capture_free(&capture);
}

static void datagrams_are_as_listed(void **state)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(recordings); i++)
		check_listing(recordings[i].name);
}

/* The client's port of its n-th handshake, n from 0. */
static uint16_t handshake_port(const struct capture *capture, unsigned int n)
{
	uint16_t last = 0;

	for (size_t i = 0; i < capture->count; i++) {
		const struct datagram *d = &capture->datagrams[i];

		if (d->conv != 0 || !d->from_client || d->client_port == last)
			continue;
		last = d->client_port;
		if (n-- == 0)
			return last;
	}
	fail_msg("no such handshake");
	return 0;
}

static void check_initialise(const struct kg_message *msg, enum kg_protocol protocol, uint32_t uid,
			     uint16_t port)
{
	const struct kg_initialise *init = &msg->initialise;

	assert_int_equal(msg->feature, KG_FEATURE_INITIALISE);
	assert_int_equal(msg->protocol, protocol);
	assert_int_equal(init->uid, uid);
	assert_int_equal(init->port_start, port);
	assert_int_equal(init->port_end, port);
	assert_int_equal(init->outbound_Bps, BANDWIDTH_Bps);
	assert_int_equal(init->inbound_Bps, BANDWIDTH_Bps);
	assert_int_equal(init->custom_port, 0);
	assert_int_equal(init->custom_address_len, 0);
}

/* The listing of the whole recording has the same words about the message. */
static void check_words(const char *name, const struct heard *heard)
{
	char words[LISTING_LINE_BYTES];
	struct listing listing;

	listing_load(&listing, name);
	listing_of_message(words, &heard->msg, heard->len);
	if (!strstr(listing.text, words))
		fail_msg("%s.txt does not say %s", name, words);
	listing_free(&listing);
}

static void check_handshake(const struct facts *facts, const struct capture *capture,
			    unsigned int n, enum kg_protocol protocol, uint32_t uid)
{
	struct conversation c;

	conversation_replay(&c, capture, 0, handshake_port(capture, n));
	assert_int_equal(c.client_messages, 1);
	assert_int_equal(c.server_messages, 1);
	check_initialise(&c.from_client[0].msg, protocol, 0, 0);
	check_words(facts->name, &c.from_client[0]);
	check_words(facts->name, &c.from_server[0]);
	if (facts->refusal) {
		const struct kg_message *answer = &c.from_server[0].msg;

		assert_int_equal(answer->feature, KG_FEATURE_FAILURE);
		assert_int_equal(answer->protocol, protocol);
		assert_int_equal(answer->len, strlen(facts->refusal));
		assert_memory_equal(answer->data, facts->refusal, answer->len);
	} else {
		check_initialise(&c.from_server[0].msg, protocol, uid, SERVER_PORT);
	}
	conversation_free(&c);
}

/* What was sent: the byte at `at` of the stream. */
static uint8_t pattern(size_t at)
{
	return (uint8_t)(at * 31 + (at >> 8) * 7);
}

/* The messages are pieces of the stream. */
static void check_stream(const struct heard *heard, size_t count, size_t stream_bytes)
{
	size_t at = 0;

	for (size_t i = 0; i < count; i++) {
		assert_int_equal(heard[i].msg.feature, KG_FEATURE_RAW_DATA);
		assert_int_equal(heard[i].msg.protocol, KG_PROTOCOL_TCP);
		for (size_t k = 0; k < heard[i].msg.len; k++, at++)
			assert_int_equal(heard[i].msg.data[k], pattern(at));
	}
	assert_int_equal(at, stream_bytes);
}

static void check_tcp(const struct facts *facts, const struct capture *capture)
{
	struct conversation c;

	conversation_replay(&c, capture, facts->tcp_uid, 0);
	assert_true(c.client_messages > 1);

	const struct heard *last = &c.from_client[c.client_messages - 1];

	check_stream(c.from_client, c.client_messages - 1, facts->tcp_bytes);
	assert_int_equal(last->msg.feature, KG_FEATURE_DISCONNECT);
	assert_int_equal(last->msg.protocol, KG_PROTOCOL_TCP);
	check_words(facts->name, last);
	check_stream(c.from_server, c.server_messages, facts->tcp_bytes);
	conversation_free(&c);
}

/* Each datagram of the flow is its number and the beginning of the stream. */
static void check_flow(const char *name, const struct heard *heard, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(heard[i].msg.feature, KG_FEATURE_RAW_DATA);
		assert_int_equal(heard[i].msg.protocol, KG_PROTOCOL_UDP);
		assert_int_equal(heard[i].msg.len, FLOW_BYTES);
		assert_int_equal(heard[i].msg.data[0], i);
		for (size_t k = 1; k < FLOW_BYTES; k++)
			assert_int_equal(heard[i].msg.data[k], pattern(k - 1));
		check_words(name, &heard[i]);
	}
}

static void check_udp(const struct facts *facts, const struct capture *capture)
{
	struct conversation c;

	conversation_replay(&c, capture, facts->udp_uid, 0);
	assert_int_equal(c.client_messages, facts->udp_datagrams);
	assert_int_equal(c.server_messages, facts->udp_datagrams);
	check_flow(facts->name, c.from_client, c.client_messages);
	check_flow(facts->name, c.from_server, c.server_messages);
	conversation_free(&c);
}

static void check_exchange(const struct facts *facts)
{
	struct capture capture;

	capture_load(&capture, facts->name);
	check_handshake(facts, &capture, 0, KG_PROTOCOL_TCP, facts->tcp_uid);
	if (!facts->refusal) {
		check_tcp(facts, &capture);
		check_handshake(facts, &capture, 1, KG_PROTOCOL_UDP, facts->udp_uid);
		check_udp(facts, &capture);
	}
	capture_free(&capture);
}

static void engine_hears_every_message(void **state)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(recordings); i++)
		check_exchange(&recordings[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(datagrams_are_as_listed),
		cmocka_unit_test(engine_hears_every_message),
	};

	return cmocka_run_group_tests_name("captures", tests, NULL, NULL);
}
