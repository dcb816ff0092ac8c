/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The recording fec-3-2: two originals whose parity is right. Our encoder makes every parity shard
 * again from the data, the tests of the peer all pass, and whichever two shards of a group are
 * lost, all datagrams come out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fec/fec.h"
#include "fec/rs_isal.h"
#include "replay/capture.h"
#include "session/session.h"

#define DATA       3
#define PARITY     2
#define SHARDS     (DATA + PARITY)
#define BODY_BYTES 2048

static struct kg_mem mem;
static struct kg_fec *fec;
static struct capture capture;

static int set_up(void **state)
{
	kg_mem_malloc_init(&mem);
	fec = kg_fec_create(DATA, PARITY, &kg_rs_isal, &kg_session_fec_content, &mem);
	capture_load(&capture, "fec-3-2");
	return fec == NULL;
}

static int tear_down(void **state)
{
	capture_free(&capture);
	kg_fec_destroy(fec);
	return mem.in_use_bytes != 0;
}

/* The shard of a datagram; its bytes are in `body`. */
static struct kg_fec_shard shard_of(const struct datagram *d, uint8_t body[BODY_BYTES])
{
	struct kg_fec_shard shard;

	memcpy(body, d->body, d->body_len);
	assert_true(kg_fec_shard_decode(&shard, &kg_session_fec_content, DATA, body, d->body_len));
	assert_true(shard.sub < SHARDS);
	return shard;
}

static void handshakes_belong_to_no_group(void **state)
{
	unsigned int count = 0;

	for (size_t i = 0; i < capture.count; i++) {
		uint8_t body[BODY_BYTES];
		struct kg_fec_shard shard = shard_of(&capture.datagrams[i], body);

		if (shard.conv != 0)
			continue;
		assert_int_equal(shard.sn, 0);
		assert_int_equal(shard.sub, 0);
		count++;
	}
	assert_true(count >= 6); /* two connections: request, answer, acknowledgement */
}

/* A direction of a channel, named by the first of its datagrams. */
static bool same_direction(const struct datagram *d, const struct datagram *first)
{
	return d->from_client == first->from_client && d->client_port == first->client_port;
}

/* Calls `check` with the first datagram of each direction of each channel. */
static unsigned int for_each_direction(void (*check)(size_t first, uint32_t conv))
{
	unsigned int count = 0;

	for (size_t i = 0; i < capture.count; i++) {
		uint8_t body[BODY_BYTES];
		uint32_t conv = shard_of(&capture.datagrams[i], body).conv;
		bool begins = conv != 0;

		for (size_t k = 0; k < i && begins; k++)
			begins = !same_direction(&capture.datagrams[k], &capture.datagrams[i]);
		if (!begins)
			continue;
		check(i, conv);
		count++;
	}
	return count;
}

/* The original sends from several threads, but these were recorded in order. */
static void encode_again(size_t first, uint32_t conv)
{
	struct kg_fec_encoder *encoder = kg_fec_encoder_create(fec, conv, 0);

	for (size_t i = first; i < capture.count; i++) {
		const struct datagram *d = &capture.datagrams[i];
		uint8_t theirs[BODY_BYTES], ours[BODY_BYTES];
		uint16_t len;

		if (!same_direction(d, &capture.datagrams[first]))
			continue;
		struct kg_fec_shard shard = shard_of(d, theirs);

		if (shard.parity) {
			len = kg_fec_encoder_output(encoder, ours, 0);
		} else {
			memcpy(ours + KG_FEC_HEADER_BYTES, shard.bytes, shard.len);
			len = kg_fec_encode(encoder, ours, shard.len, 0);
		}
		assert_int_equal(len, d->body_len);
		assert_memory_equal(ours, d->body, len);
	}
	kg_fec_encoder_destroy(encoder);
}

static void encoder_makes_the_same_bytes(void **state)
{
	assert_int_equal(for_each_direction(encode_again), 4);
}

/* Runs a direction through a decoder without the shards whose bit is in `lost`, and counts the
 * datagrams that come out. */
static unsigned int decode(size_t first, uint32_t conv, uint32_t lost, struct kg_fec_stats *stats)
{
	struct kg_fec_decoder *decoder = kg_fec_decoder_create(fec, conv);
	unsigned int out = 0;

	kg_fec_decoder_trust(decoder);
	for (size_t i = first; i < capture.count; i++) {
		const struct datagram *d = &capture.datagrams[i];
		uint8_t body[BODY_BYTES];
		const uint8_t *datagram;
		uint16_t len;

		if (!same_direction(d, &capture.datagrams[first]) ||
		    lost >> shard_of(d, body).sub & 1)
			continue;
		assert_int_equal(kg_fec_decoder_input(decoder, body, d->body_len), KG_DROP_NONE);
		while (kg_fec_decoder_output(decoder, &datagram, &len))
			out++;
	}
	*stats = (struct kg_fec_stats){ 0 };
	kg_fec_decoder_add_stats(decoder, stats);
	kg_fec_decoder_destroy(decoder);
	return out;
}

static void decode_with_losses(size_t first, uint32_t conv)
{
	struct kg_fec_stats all, some;
	unsigned int total = decode(first, conv, 0, &all);
	uint64_t last_group = all.received % DATA; /* is not full and has no parity */

	assert_int_equal(all.received, total);
	/* the first parity shard of a full group tests it, the others are late */
	assert_int_equal(all.parity_received, all.received / DATA);
	assert_int_equal(all.unneeded, all.parity_received * (PARITY - 1));
	assert_int_equal(all.parity_wrong + all.padding_wrong + all.refused, 0);
	for (uint32_t lost = 1; lost < 1u << SHARDS; lost++) {
		unsigned int expected = total;

		if (__builtin_popcount(lost) > PARITY)
			continue;
		for (unsigned int sub = 0; sub < last_group; sub++)
			expected -= lost >> sub & 1;
		assert_int_equal(decode(first, conv, lost, &some), expected);
		assert_true(some.recovered > 0 || !(lost & ((1u << DATA) - 1)));
		assert_int_equal(some.parity_wrong + some.padding_wrong + some.refused, 0);
	}
}

static void any_two_may_be_lost(void **state)
{
	for_each_direction(decode_with_losses);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handshakes_belong_to_no_group),
		cmocka_unit_test(encoder_makes_the_same_bytes),
		cmocka_unit_test(any_two_may_be_lost),
	};

	return cmocka_run_group_tests_name("fec capture", tests, set_up, tear_down);
}
