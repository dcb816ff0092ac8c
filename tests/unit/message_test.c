/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages against bytes drawn by hand, cut, prolonged, and made of noise. */
#include "wire/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"
#include "base/rng.h"

#define SEED 20240531u

/* clang-format off */
static const uint8_t initialise[] = {
	0x20, 0x48, 0x3a, 0xef, 0x40, 0x0b, 0xb8, 0x0b, 0xc2,
	0, 0, 0, 0, 0, 0xc8, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2,
	0x1f, 0x90, 'h', 'o', 's', 't', 0,
};
static const uint8_t initialise_bare[28] = { 0x30 };
static const uint8_t initialise_extended[28 + 7] = {
	0x20, [27] = 0, 'K', 'G', 1, 0x80, 0, 0, 1,
};
static const uint8_t initialise_relayed[28 + 8] = {
	0x20, [27] = 0, 'K', 'G', 1, 0, 0, 0, 1, 3,
};
static const uint8_t failure[] = { 0x21, 'n', 'o', 0 };
static const uint8_t disconnect[] = { 0x22, 0, 0 };
static const uint8_t finish[] = { 0x29, 0, 0 };
static const uint8_t test_connection[] = { 0x03, 0, 0 };
static const uint8_t keep_alive_response[] = { 0x34, 0, 0 };
static const uint8_t raw_data[] = { 0x25, 'd', 'a', 't', 'a' };
static const uint8_t mux_transfer[] = { 0x26, 1, 2, 3, 4, 'd', 'a', 't', 'a' };
static const uint8_t mux_cancel[] = { 0x37, 1, 2, 3, 4, 0 };
static const uint8_t mux_finish[] = { 0x2a, 1, 2, 3, 4, 0 };
static const uint8_t mux_credit[] = { 0x2b, 1, 2, 3, 4, 0, 1, 0, 2 };
static const uint8_t mux_return[] = { 0x2c, 1, 2, 3, 4, 0, 1, 0, 2 };
static const uint8_t pre_connect[] = { 0x28, 1, 2, 3, 4, 0, 53, ':', ':', '1', 0 };
/* clang-format on */

#define TEXT(text) .data = (const uint8_t *)(text), .len = sizeof(text) - 1

static const struct {
	const uint8_t *bytes;
	size_t len;
	size_t least; /* shortest prefix that is still a message */
	struct kg_message msg;
} drawn[] = {
	{ initialise,
	  sizeof(initialise),
	  28,
	  { .feature = KG_FEATURE_INITIALISE,
	    .protocol = KG_PROTOCOL_TCP,
	    .initialise = { .uid = 0x483aef40,
			    .port_start = 3000,
			    .port_end = 3010,
			    .outbound_Bps = 13107200,
			    .inbound_Bps = 0x100000002,
			    .custom_port = 8080,
			    .custom_address = (const uint8_t *)"host",
			    .custom_address_len = 4 } } },
	{ initialise_bare,
	  sizeof(initialise_bare),
	  28,
	  { .feature = KG_FEATURE_INITIALISE, .protocol = KG_PROTOCOL_UDP } },
	{ initialise_extended,
	  sizeof(initialise_extended),
	  28,
	  { .feature = KG_FEATURE_INITIALISE,
	    .protocol = KG_PROTOCOL_TCP,
	    .initialise = { .capabilities = 0x80000001 } } },
	{ initialise_relayed,
	  sizeof(initialise_relayed),
	  28,
	  { .feature = KG_FEATURE_INITIALISE,
	    .protocol = KG_PROTOCOL_TCP,
	    .initialise = { .capabilities = 1, .relays = 3 } } },
	{ finish,
	  sizeof(finish),
	  3,
	  { .feature = KG_FEATURE_FINISH, .protocol = KG_PROTOCOL_TCP } },
	{ failure,
	  sizeof(failure),
	  2,
	  { .feature = KG_FEATURE_FAILURE, .protocol = KG_PROTOCOL_TCP, TEXT("no") } },
	{ disconnect,
	  sizeof(disconnect),
	  3,
	  { .feature = KG_FEATURE_DISCONNECT, .protocol = KG_PROTOCOL_TCP } },
	{ test_connection,
	  sizeof(test_connection),
	  3,
	  { .feature = KG_FEATURE_KEEP_ALIVE, .protocol = KG_PROTOCOL_NOT_CARE } },
	{ keep_alive_response,
	  sizeof(keep_alive_response),
	  3,
	  { .feature = KG_FEATURE_KEEP_ALIVE_RESPONSE, .protocol = KG_PROTOCOL_UDP } },
	{ raw_data,
	  sizeof(raw_data),
	  1,
	  { .feature = KG_FEATURE_RAW_DATA, .protocol = KG_PROTOCOL_TCP, TEXT("data") } },
	{ mux_transfer,
	  sizeof(mux_transfer),
	  5,
	  { .feature = KG_FEATURE_MUX_TRANSFER,
	    .protocol = KG_PROTOCOL_TCP,
	    .connection_id = 0x01020304,
	    TEXT("data") } },
	{ mux_cancel,
	  sizeof(mux_cancel),
	  6,
	  { .feature = KG_FEATURE_MUX_CANCEL,
	    .protocol = KG_PROTOCOL_UDP,
	    .connection_id = 0x01020304 } },
	{ mux_finish,
	  sizeof(mux_finish),
	  6,
	  { .feature = KG_FEATURE_MUX_FINISH,
	    .protocol = KG_PROTOCOL_TCP,
	    .connection_id = 0x01020304 } },
	{ mux_credit,
	  sizeof(mux_credit),
	  9,
	  { .feature = KG_FEATURE_MUX_CREDIT,
	    .protocol = KG_PROTOCOL_TCP,
	    .connection_id = 0x01020304,
	    .credit_bytes = 0x00010002 } },
	{ mux_return,
	  sizeof(mux_return),
	  9,
	  { .feature = KG_FEATURE_MUX_RETURN,
	    .protocol = KG_PROTOCOL_TCP,
	    .connection_id = 0x01020304,
	    .credit_bytes = 0x00010002 } },
	{ pre_connect,
	  sizeof(pre_connect),
	  8,
	  { .feature = KG_FEATURE_PRE_CONNECT,
	    .protocol = KG_PROTOCOL_TCP,
	    .connection_id = 0x01020304,
	    .port = 53,
	    TEXT("::1") } },
};

static void assert_same(const struct kg_message *a, const struct kg_message *b)
{
	assert_int_equal(a->feature, b->feature);
	assert_int_equal(a->protocol, b->protocol);
	assert_int_equal(a->connection_id, b->connection_id);
	assert_int_equal(a->port, b->port);
	assert_int_equal(a->credit_bytes, b->credit_bytes);
	assert_int_equal(a->len, b->len);
	if (a->len)
		assert_memory_equal(a->data, b->data, a->len);
	if (a->feature != KG_FEATURE_INITIALISE)
		return;
	assert_int_equal(a->initialise.uid, b->initialise.uid);
	assert_int_equal(a->initialise.port_start, b->initialise.port_start);
	assert_int_equal(a->initialise.port_end, b->initialise.port_end);
	assert_int_equal(a->initialise.outbound_Bps, b->initialise.outbound_Bps);
	assert_int_equal(a->initialise.inbound_Bps, b->initialise.inbound_Bps);
	assert_int_equal(a->initialise.custom_port, b->initialise.custom_port);
	assert_int_equal(a->initialise.capabilities, b->initialise.capabilities);
	assert_int_equal(a->initialise.relays, b->initialise.relays);
	assert_int_equal(a->initialise.custom_address_len, b->initialise.custom_address_len);
	if (a->initialise.custom_address_len)
		assert_memory_equal(a->initialise.custom_address, b->initialise.custom_address,
				    a->initialise.custom_address_len);
}

/* Decodes a copy that ends where its allocation ends, so that a sanitizer sees one byte too far. */
static enum kg_drop decode_exact(const uint8_t *bytes, size_t len)
{
	struct kg_message msg;
	uint8_t *copy = malloc(len ? len : 1);

	memcpy(copy, bytes, len);
	enum kg_drop drop = kg_message_decode(&msg, copy + (len ? 0 : 1), len);

	free(copy);
	return drop;
}

static void decodes_what_is_drawn(void **state)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(drawn); i++) {
		struct kg_message msg;

		assert_int_equal(kg_message_decode(&msg, drawn[i].bytes, drawn[i].len), 0);
		assert_same(&msg, &drawn[i].msg);
	}
}

static void encodes_what_is_drawn(void **state)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(drawn); i++) {
		uint8_t out[64];
		size_t len = drawn[i].len;

		memset(out, 0xee, sizeof(out));
		assert_int_equal(kg_message_encode(out, len, &drawn[i].msg), len);
		assert_memory_equal(out, drawn[i].bytes, len);
		assert_int_equal(out[len], 0xee);
		for (size_t room = 0; room < len; room++)
			assert_int_equal(kg_message_encode(out, room, &drawn[i].msg), 0);
	}
}

static void short_arguments_are_refused(void **state)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(drawn); i++) {
		for (size_t len = 0; len <= drawn[i].len; len++) {
			enum kg_drop expected =
				len < drawn[i].least ? KG_DROP_MESSAGE_MALFORMED : KG_DROP_NONE;

			assert_int_equal(decode_exact(drawn[i].bytes, len), expected);
		}
	}
}

static void surplus_arguments_are_ignored(void **state)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(drawn); i++) {
		struct kg_message msg;
		uint8_t bytes[80];

		if (drawn[i].msg.feature == KG_FEATURE_RAW_DATA ||
		    drawn[i].msg.feature == KG_FEATURE_MUX_TRANSFER)
			continue;
		memset(bytes, 0xa5, sizeof(bytes));
		memcpy(bytes, drawn[i].bytes, drawn[i].len);
		bytes[drawn[i].len] = 0; /* of an extension that has none: relays */
		assert_int_equal(kg_message_decode(&msg, bytes, sizeof(bytes)), KG_DROP_NONE);
		assert_same(&msg, &drawn[i].msg);
	}
}

static void unknown_kinds_are_refused(void **state)
{
	for (unsigned int kind = 0; kind < 256; kind++) {
		uint8_t bytes[64] = { (uint8_t)kind };
		bool known = (kind & 15) <= KG_FEATURE_MUX_RETURN && kind >> 4 <= KG_PROTOCOL_UDP;

		assert_int_equal(decode_exact(bytes, sizeof(bytes)),
				 known ? KG_DROP_NONE : KG_DROP_MESSAGE_MALFORMED);
	}
}

static void text_may_fill_the_message(void **state)
{
	struct kg_message msg;

	assert_int_equal(kg_message_decode(&msg, failure, sizeof(failure) - 1), KG_DROP_NONE);
	assert_int_equal(msg.len, 2);
	assert_int_equal(kg_message_decode(&msg, initialise, sizeof(initialise) - 1), 0);
	assert_int_equal(msg.initialise.custom_address_len, 4);
	assert_int_equal(kg_message_decode(&msg, pre_connect, sizeof(pre_connect) - 1), 0);
	assert_int_equal(msg.len, 3);
}

static void text_has_a_longest_form(void **state)
{
	uint8_t bytes[512] = { kg_message_kind(KG_FEATURE_FAILURE, KG_PROTOCOL_TCP) };
	uint8_t out[512];
	struct kg_message msg;

	memset(bytes + 1, 'x', sizeof(bytes) - 1);
	assert_int_equal(kg_message_decode(&msg, bytes, sizeof(bytes)), KG_DROP_NONE);
	assert_int_equal(msg.len, KG_MESSAGE_TEXT_MAX_BYTES);
	assert_int_equal(kg_message_encode(out, sizeof(out), &msg), KG_MESSAGE_TEXT_MAX_BYTES + 2);
	msg.len++;
	assert_int_equal(kg_message_encode(out, sizeof(out), &msg), 0);
}

static void data_may_be_empty(void **state)
{
	const struct kg_message sent = { .feature = KG_FEATURE_RAW_DATA,
					 .protocol = KG_PROTOCOL_UDP };
	struct kg_message msg;
	uint8_t out[1];

	assert_int_equal(kg_message_encode(out, sizeof(out), &sent), 1);
	assert_int_equal(out[0], 0x35);
	assert_int_equal(kg_message_decode(&msg, out, 1), KG_DROP_NONE);
	assert_int_equal(msg.len, 0);
}

/* What follows the custom address of an original, or of somebody else, announces nothing. */
static void only_whole_extensions_count(void **state)
{
	static const struct {
		uint8_t at, value; /* what is wrong with it */
	} wrong[] = { { 27, 'x' }, { 28, 'k' }, { 29, 'g' }, { 30, 0 } };
	struct kg_message msg;

	for (size_t len = 28; len < sizeof(initialise_extended); len++) {
		assert_int_equal(kg_message_decode(&msg, initialise_extended, len), KG_DROP_NONE);
		assert_int_equal(msg.initialise.capabilities, 0);
	}
	for (size_t i = 0; i < KG_ARRAY_SIZE(wrong); i++) {
		uint8_t bytes[sizeof(initialise_extended)];

		memcpy(bytes, initialise_extended, sizeof(bytes));
		bytes[wrong[i].at] = wrong[i].value;
		assert_int_equal(kg_message_decode(&msg, bytes, sizeof(bytes)), KG_DROP_NONE);
		assert_int_equal(msg.initialise.capabilities, 0);
	}
}

/* Whatever decodes has one meaning: encoded and decoded again it is the same. */
static void noise_is_refused_or_understood(void **state)
{
	struct kg_rng rng;
	unsigned int understood = 0;

	printf("seed %u\n", SEED);
	kg_rng_init(&rng, SEED);
	for (int round = 0; round < 100000; round++) {
		size_t len = kg_rng_below(&rng, 64);
		uint8_t bytes[64], out[64];
		struct kg_message msg, again;

		for (size_t i = 0; i < len; i++)
			bytes[i] = (uint8_t)kg_rng_next(&rng);
		if (kg_message_decode(&msg, bytes, len) != KG_DROP_NONE)
			continue;
		understood++;

		/* one more than len: the 0 that a filling text did not bring */
		size_t encoded = kg_message_encode(out, len + 1, &msg);

		assert_true(encoded > 0);
		assert_int_equal(kg_message_decode(&again, out, encoded), KG_DROP_NONE);
		assert_same(&msg, &again);
	}
	assert_true(understood > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes_what_is_drawn),
		cmocka_unit_test(encodes_what_is_drawn),
		cmocka_unit_test(short_arguments_are_refused),
		cmocka_unit_test(surplus_arguments_are_ignored),
		cmocka_unit_test(unknown_kinds_are_refused),
		cmocka_unit_test(text_may_fill_the_message),
		cmocka_unit_test(text_has_a_longest_form),
		cmocka_unit_test(data_may_be_empty),
		cmocka_unit_test(only_whole_extensions_count),
		cmocka_unit_test(noise_is_refused_or_understood),
	};

	return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
