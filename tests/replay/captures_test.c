/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Recordings between two originals. Every datagram opens at the time it was recorded, holds a chain
 * of segments, and says what the independent listing beside it says; our engine, put in the place
 * of either end, hears every message.
 */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kcp/kcp_segment.h"
#include "replay/capture.h"
#include "replay/conversation.h"
#include "replay/listing.h"
#include "replay/recordings.h"

/* Those with an exchange of their own, or none that recordings.h knows of. */
static const char *const others[] = { "keep-alive", "hopping", "mux" };

static bool is_replayed(const char *name)
{
	bool found = strcmp(name, "fec-3-2") == 0;

	for (size_t i = 0; i < KG_ARRAY_SIZE(recordings); i++)
		found |= strcmp(recordings[i].name, name) == 0;
	for (size_t i = 0; i < KG_ARRAY_SIZE(others); i++)
		found |= strcmp(others[i], name) == 0;
	return found;
}

static void no_recording_is_left_out(void **state)
{
	char path[1024], name[256];
	glob_t files;

	assert_int_equal(glob(capture_path(path, "*", "pcap"), 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		snprintf(name, sizeof(name), "%s", strrchr(files.gl_pathv[i], '/') + 1);
		*strrchr(name, '.') = 0;
		if (!is_replayed(name))
			fail_msg("%s", name);
	}
	assert_int_equal(files.gl_pathc, KG_ARRAY_SIZE(recordings) + KG_ARRAY_SIZE(others) + 1);
	globfree(&files);
}

static void check_listing(const char *name, uint8_t fec_data)
{
	char theirs[LISTING_LINE_BYTES], ours[LISTING_LINE_BYTES];
	struct capture capture;
	struct listing listing;
	size_t i = 0;

	capture_load(&capture, name);
	listing_load(&listing, name);
	for (; listing_next(&listing, theirs); i++) {
		assert_true(i < capture.count);
		assert_true(listing_of_datagram(ours, &capture.datagrams[i], fec_data,
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
		check_listing(recordings[i].name, 0);
	for (size_t i = 0; i < KG_ARRAY_SIZE(others); i++)
		check_listing(others[i], 0);
	check_listing("fec-3-2", 3);
}

static void check_segments(const struct datagram *d)
{
	uint8_t ours[KG_KCP_MTU_MAX];
	struct kg_kcp_segment segment;
	size_t at = 0, bytes;

	while ((bytes = kg_kcp_segment_decode(d->body + at, d->body_len - at, &segment))) {
		kg_kcp_segment_encode(ours + at, &segment);
		memcpy(ours + at + KG_KCP_HEADER_BYTES, segment.payload, segment.len);
		at += bytes;
	}
	assert_int_equal(at, d->body_len);
	assert_memory_equal(ours, d->body, at);
}

static void check_bodies(const char *name)
{
	struct capture capture;

	capture_load(&capture, name);
	for (size_t i = 0; i < capture.count; i++)
		check_segments(&capture.datagrams[i]);
	capture_free(&capture);
}

/* As loading does for the envelope, fec_capture_test.c for shards and check_message for messages.
 */
static void segments_encode_to_the_same_bytes(void **state)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(recordings); i++)
		check_bodies(recordings[i].name);
	for (size_t i = 0; i < KG_ARRAY_SIZE(others); i++)
		check_bodies(others[i]);
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

/* The listing of the whole recording has the same words about the message; and it encodes to the
 * same bytes. */
static void check_message(const char *name, const struct heard *heard)
{
	char words[LISTING_LINE_BYTES];
	uint8_t again[KG_KCP_FRAGMENTS_MAX * KG_KCP_MTU_MAX];
	struct listing listing;

	assert_int_equal(kg_message_encode(again, sizeof(again), &heard->msg), heard->len);
	assert_memory_equal(again, heard->bytes, heard->len);
	listing_load(&listing, name);
	listing_of_message(words, &heard->msg, heard->len);
	if (!strstr(listing.text, words))
		fail_msg("%s.txt does not say %s", name, words);
	listing_free(&listing);
}

static void check_handshake(const struct recording *recording, const struct capture *capture,
			    unsigned int n, enum kg_protocol protocol, uint32_t uid)
{
	struct conversation c;

	conversation_replay(&c, capture, 0, capture_handshake_port(capture, n));
	assert_int_equal(c.client_messages, 1);
	assert_int_equal(c.server_messages, 1);
	check_initialise(&c.from_client[0].msg, protocol, 0, 0);
	check_message(recording->name, &c.from_client[0]);
	check_message(recording->name, &c.from_server[0]);
	if (recording->refusal) {
		const struct kg_message *answer = &c.from_server[0].msg;

		assert_int_equal(answer->feature, KG_FEATURE_FAILURE);
		assert_int_equal(answer->protocol, protocol);
		assert_int_equal(answer->len, strlen(recording->refusal));
		assert_memory_equal(answer->data, recording->refusal, answer->len);
	} else {
		check_initialise(&c.from_server[0].msg, protocol, uid, SERVER_PORT);
	}
	conversation_free(&c);
}

/* The messages are pieces of the stream. */
static void check_stream(const struct heard *heard, size_t count, size_t stream_bytes)
{
	uint8_t expected[STREAM_MAX];
	size_t at = 0;

	for (size_t i = 0; i < count; i++) {
		const struct kg_message *msg = &heard[i].msg;

		assert_int_equal(msg->feature, KG_FEATURE_RAW_DATA);
		assert_int_equal(msg->protocol, KG_PROTOCOL_TCP);
		assert_true(msg->len <= sizeof(expected));
		stream_fill(expected, at, msg->len);
		assert_memory_equal(msg->data, expected, msg->len);
		at += msg->len;
	}
	assert_int_equal(at, stream_bytes);
}

static void check_tcp(const struct recording *recording, const struct capture *capture)
{
	struct conversation c;

	conversation_replay(&c, capture, recording->tcp_uid, 0);
	assert_true(c.client_messages > 1);

	const struct heard *last = &c.from_client[c.client_messages - 1];

	check_stream(c.from_client, c.client_messages - 1, recording->tcp_bytes);
	assert_int_equal(last->msg.feature, KG_FEATURE_DISCONNECT);
	assert_int_equal(last->msg.protocol, KG_PROTOCOL_TCP);
	check_message(recording->name, last);
	check_stream(c.from_server, c.server_messages, recording->tcp_bytes);
	conversation_free(&c);
}

static void check_flow(const char *name, const struct heard *heard, size_t count)
{
	uint8_t expected[FLOW_BYTES];

	for (size_t i = 0; i < count; i++) {
		assert_int_equal(heard[i].msg.feature, KG_FEATURE_RAW_DATA);
		assert_int_equal(heard[i].msg.protocol, KG_PROTOCOL_UDP);
		assert_int_equal(heard[i].msg.len, FLOW_BYTES);
		flow_fill(expected, i);
		assert_memory_equal(heard[i].msg.data, expected, FLOW_BYTES);
		check_message(name, &heard[i]);
	}
}

static void check_udp(const struct recording *recording, const struct capture *capture)
{
	struct conversation c;

	conversation_replay(&c, capture, recording->udp_uid, 0);
	assert_int_equal(c.client_messages, recording->udp_datagrams);
	assert_int_equal(c.server_messages, recording->udp_datagrams);
	check_flow(recording->name, c.from_client, c.client_messages);
	check_flow(recording->name, c.from_server, c.server_messages);
	conversation_free(&c);
}

static void check_exchange(const struct recording *recording)
{
	struct capture capture;

	capture_load(&capture, recording->name);
	check_handshake(recording, &capture, 0, KG_PROTOCOL_TCP, recording->tcp_uid);
	if (!recording->refusal) {
		check_tcp(recording, &capture);
		check_handshake(recording, &capture, 1, KG_PROTOCOL_UDP, recording->udp_uid);
		check_udp(recording, &capture);
	}
	capture_free(&capture);
}

static void engine_hears_every_message(void **state)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(recordings); i++)
		check_exchange(&recordings[i]);
}

/* Is the first datagram of a conversation; handshakes are told apart by the client's port. */
static bool begins(const struct capture *capture, size_t nth)
{
	const struct datagram *d = &capture->datagrams[nth];

	for (size_t i = 0; i < nth; i++) {
		const struct datagram *before = &capture->datagrams[i];

		if (before->conv == d->conv &&
		    (d->conv != 0 || before->client_port == d->client_port))
			return false;
	}
	return true;
}

/* What a recording holds: conversations, and messages by feature. */
struct tally {
	unsigned int conversations, features[KG_FEATURE_FINISH + 1];
};

static void check_heard(const char *name, const struct heard *heard, size_t count,
			struct tally *tally)
{
	for (size_t i = 0; i < count; i++) {
		check_message(name, &heard[i]);
		tally->features[heard[i].msg.feature]++;
	}
}

static struct tally check_conversations(const char *name)
{
	struct tally tally = { 0 };
	struct capture capture;

	capture_load(&capture, name);
	for (size_t i = 0; i < capture.count; i++) {
		const struct datagram *d = &capture.datagrams[i];
		struct conversation c;

		if (!begins(&capture, i))
			continue;
		conversation_replay(&c, &capture, d->conv, d->client_port);
		check_heard(name, c.from_client, c.client_messages, &tally);
		check_heard(name, c.from_server, c.server_messages, &tally);
		conversation_free(&c);
		tally.conversations++;
	}
	capture_free(&capture);
	return tally;
}

static void keep_alives_are_heard(void **state)
{
	struct tally tally = check_conversations("keep-alive");

	assert_int_equal(tally.conversations, 2);
	assert_int_equal(tally.features[KG_FEATURE_INITIALISE], 2);
	assert_int_equal(tally.features[KG_FEATURE_KEEP_ALIVE], 5);
	assert_int_equal(tally.features[KG_FEATURE_KEEP_ALIVE_RESPONSE], 5);
	assert_int_equal(tally.features[KG_FEATURE_RAW_DATA], 1);
	assert_int_equal(tally.features[KG_FEATURE_DISCONNECT], 1);
}

/* Two hops, each with a test of the new port. */
static void hops_are_followed(void **state)
{
	struct tally tally = check_conversations("hopping");

	assert_int_equal(tally.conversations, 2 + 2);
	assert_int_equal(tally.features[KG_FEATURE_INITIALISE], 2);
	assert_int_equal(tally.features[KG_FEATURE_KEEP_ALIVE], 2 * 2);
	assert_int_equal(tally.features[KG_FEATURE_RAW_DATA], 2 * 48);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_recording_is_left_out),
		cmocka_unit_test(datagrams_are_as_listed),
		cmocka_unit_test(segments_encode_to_the_same_bytes),
		cmocka_unit_test(engine_hears_every_message),
		cmocka_unit_test(keep_alives_are_heard),
		cmocka_unit_test(hops_are_followed),
	};

	return cmocka_run_group_tests_name("captures", tests, NULL, NULL);
}
