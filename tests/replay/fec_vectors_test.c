/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vectors/fec.json: the matrix, parity and packets that KCPTube's own functions made. Ours are the
 * same, and what was lost comes back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "fec/code.h"
#include "fec/fec.h"
#include "fec/rs_isal.h"
#include "replay/kcp_script.h"
#include "session/session.h"
#include "wire/envelope.h"

#define SHARDS 256
#define BLOCK  64
#define BODY   256

static struct kg_mem mem;

static json_t *load(void)
{
	char path[1024];
	json_error_t error;

	snprintf(path, sizeof(path), "%s/fec.json", getenv("KG_VECTORS"));
	json_t *all = json_load_file(path, 0, &error);

	if (!all)
		fail_msg("%s:%d: %s", path, error.line, error.text);
	return all;
}

/* Element `i` of a list of hexadecimal texts. */
static size_t hex_at(const json_t *object, const char *key, size_t i, uint8_t *to, size_t room)
{
	const char *hex = json_string_value(json_array_get(json_object_get(object, key), i));

	assert_non_null(hex);
	return kcp_from_hex(hex, to, room);
}

static size_t count_of(const json_t *object, const char *key)
{
	return json_array_size(json_object_get(object, key));
}

/* ---- matrix ---- */

static void check_matrix(const json_t *row)
{
	struct kg_fec_code code;
	uint8_t data = (uint8_t)kcp_number(row, "K"),
		parity = (uint8_t)(kcp_number(row, "N") - data), expected[SHARDS];

	kg_fec_code_init(&code, data, parity);
	assert_int_equal(count_of(row, "parity_rows"), parity);
	for (uint8_t r = 0; r < parity; r++) {
		assert_int_equal(hex_at(row, "parity_rows", r, expected, sizeof(expected)), data);
		for (uint8_t c = 0; c < data; c++)
			assert_int_equal(kg_fec_code_coefficient(&code, r, c), expected[c]);
	}
}

static void matrices(void **state)
{
	json_t *all = load(), *row;
	size_t i;

	assert_int_equal(count_of(all, "matrices"), 12);
	json_array_foreach (json_object_get(all, "matrices"), i, row)
		check_matrix(row);
	json_decref(all);
}

/* ---- blocks ---- */

struct group {
	struct kg_fec_code code;
	uint8_t *tables;
	size_t block;
	uint8_t shards[SHARDS][BLOCK]; /* data, then parity */
};

static void group_load(struct group *group, const json_t *row)
{
	uint8_t data = (uint8_t)kcp_number(row, "K"), parity = (uint8_t)kcp_number(row, "R"),
		*matrix;

	kg_fec_code_init(&group->code, data, parity);
	group->block = (size_t)kcp_number(row, "block");
	for (unsigned int i = 0; i < data; i++)
		assert_int_equal(hex_at(row, "data", i, group->shards[i], BLOCK), group->block);
	for (unsigned int i = 0; i < parity; i++)
		assert_int_equal(hex_at(row, "parity", i, group->shards[data + i], BLOCK),
				 group->block);
	matrix = malloc((size_t)data * parity);
	for (uint8_t r = 0; r < parity; r++) {
		for (uint8_t c = 0; c < data; c++)
			matrix[r * data + c] = kg_fec_code_coefficient(&group->code, r, c);
	}
	group->tables = aligned_alloc(64, (size_t)SHARDS * SHARDS * KG_RS_TABLE_BYTES);
	kg_rs_isal.expand(group->tables, matrix, parity, data);
	free(matrix);
}

/* What is missing of the parity when these data shards are not there. */
static void sums_of(const struct group *group, const bool lost[SHARDS], uint8_t sums[][BLOCK])
{
	const struct kg_fec_code *code = &group->code;
	uint8_t *rows[SHARDS];

	for (unsigned int r = 0; r < code->parity; r++) {
		rows[r] = sums[r];
		memcpy(rows[r], group->shards[code->data + r], group->block);
	}
	for (unsigned int i = 0; i < code->data; i++) {
		if (!lost[i])
			kg_rs_isal.add(group->tables, code->parity, code->data, (uint8_t)i,
				       group->shards[i], group->block, rows);
	}
}

static void check_parity(const struct group *group)
{
	static const uint8_t zeros[BLOCK];
	static const bool none[SHARDS];
	uint8_t sums[SHARDS][BLOCK];

	sums_of(group, none, sums);
	for (unsigned int r = 0; r < group->code.parity; r++)
		assert_memory_equal(sums[r], zeros, group->block);
}

static void parity(void **state)
{
	struct group *group = malloc(sizeof(*group));
	json_t *all = load(), *row;
	size_t i;

	assert_int_equal(count_of(all, "raw_groups"), 13);
	json_array_foreach (json_object_get(all, "raw_groups"), i, row) {
		group_load(group, row);
		check_parity(group);
		free(group->tables);
	}
	free(group);
	json_decref(all);
}

static uint8_t number_at(const json_t *object, const char *key, size_t i)
{
	return (uint8_t)json_integer_value(json_array_get(json_object_get(object, key), i));
}

static void check_case(const struct group *group, const json_t *row)
{
	uint8_t n = (uint8_t)count_of(row, "lost"), lost[SHARDS], rows[SHARDS];
	uint8_t sums[SHARDS][BLOCK], inverse[SHARDS * SHARDS], *out[SHARDS];
	bool is_lost[SHARDS] = { false };
	const uint8_t *in[SHARDS];
	uint8_t *tables = aligned_alloc(64, (size_t)SHARDS * SHARDS * KG_RS_TABLE_BYTES);

	for (uint8_t i = 0; i < n; i++) {
		lost[i] = number_at(row, "lost", i);
		rows[i] = (uint8_t)(number_at(row, "parity_ids_available", i) - group->code.data);
		is_lost[lost[i]] = true;
		in[i] = sums[rows[i]];
		out[i] = malloc(BLOCK);
	}
	sums_of(group, is_lost, sums);
	kg_fec_code_invert(&group->code, rows, lost, n, inverse);
	kg_rs_isal.expand(tables, inverse, n, n);
	kg_rs_isal.multiply(tables, n, n, in, group->block, out);
	for (uint8_t i = 0; i < n; i++) {
		assert_memory_equal(out[i], group->shards[lost[i]], group->block);
		free(out[i]);
	}
	free(tables);
}

static void lost_blocks_come_back(void **state)
{
	struct group *group = malloc(sizeof(*group));
	json_t *all = load(), *row;
	size_t i;

	assert_int_equal(count_of(all, "decode_cases"), 35);
	json_array_foreach (json_object_get(all, "decode_cases"), i, row) {
		group_load(group, json_array_get(json_object_get(all, "raw_groups"),
						 (size_t)kcp_number(row, "raw_group")));
		check_case(group, row);
		free(group->tables);
	}
	free(group);
	json_decref(all);
}

/* ---- packets ---- */

/* Packet i of the group has this body. */
static void expect_body(const json_t *row, size_t i, const uint8_t *body, size_t len)
{
	uint8_t packet[BODY];
	size_t packet_len = hex_at(row, "plain_packets", i, packet, sizeof(packet));

	assert_int_equal(kg_load_le32(packet), kcp_number(row, "timestamp"));
	assert_int_equal(len, packet_len - KG_ENVELOPE_BYTES);
	assert_memory_equal(body, packet + KG_ENVELOPE_BYTES, len);
}

static void check_encoder(struct kg_fec *fec, const json_t *row)
{
	struct kg_fec_encoder *encoder = kg_fec_encoder_create(
		fec, (uint32_t)kcp_number(row, "conv"), (uint32_t)kcp_number(row, "fec_sn"));
	size_t data = count_of(row, "kcp_datagrams"), i = 0;
	uint8_t body[BODY];

	for (; i < data; i++) {
		size_t len = hex_at(row, "kcp_datagrams", i, body + KG_FEC_HEADER_BYTES,
				    sizeof(body) - KG_FEC_HEADER_BYTES);

		assert_int_equal(kg_fec_encoder_output(encoder, body, 0), 0);
		expect_body(row, i, body, kg_fec_encode(encoder, body, (uint16_t)len, 0));
	}
	for (uint16_t len; (len = kg_fec_encoder_output(encoder, body, 0)) > 0; i++)
		expect_body(row, i, body, len);
	assert_int_equal(i, count_of(row, "plain_packets"));
	kg_fec_encoder_destroy(encoder);
}

/* Which of the group's datagrams this is; it must be one that did not come before. */
static void tick_off(const json_t *row, const uint8_t *datagram, size_t len, uint32_t *seen)
{
	uint8_t expected[BODY];

	for (size_t i = 0; i < count_of(row, "kcp_datagrams"); i++) {
		if (hex_at(row, "kcp_datagrams", i, expected, sizeof(expected)) != len ||
		    memcmp(expected, datagram, len) != 0)
			continue;
		assert_false(*seen >> i & 1);
		*seen |= 1u << i;
		return;
	}
	fail_msg("a datagram that nobody sent");
}

/* Only the packets of `arrive` (a bit mask), in order. Returns the datagrams that come out. */
static uint32_t decode_some(struct kg_fec *fec, const json_t *row, uint32_t arrive)
{
	struct kg_fec_decoder *decoder =
		kg_fec_decoder_create(fec, (uint32_t)kcp_number(row, "conv"));
	uint32_t seen = 0;

	kg_fec_decoder_trust(decoder);
	for (size_t i = 0; i < count_of(row, "plain_packets"); i++) {
		uint8_t packet[BODY];
		size_t len = hex_at(row, "plain_packets", i, packet, sizeof(packet));
		const uint8_t *datagram;
		uint16_t datagram_len;

		if (!(arrive >> i & 1))
			continue;
		assert_int_equal(kg_fec_decoder_input(decoder, packet + KG_ENVELOPE_BYTES,
						      len - KG_ENVELOPE_BYTES),
				 KG_DROP_NONE);
		while (kg_fec_decoder_output(decoder, &datagram, &datagram_len))
			tick_off(row, datagram, datagram_len, &seen);
	}
	kg_fec_decoder_destroy(decoder);
	return seen;
}

static void check_decoder(struct kg_fec *fec, const json_t *row)
{
	uint32_t data = (uint32_t)kcp_number(row, "K"), all = (1u << data) - 1;

	for (uint32_t arrive = 0; arrive < 1u << count_of(row, "plain_packets"); arrive++) {
		bool enough = (uint32_t)__builtin_popcount(arrive) >= data;

		assert_int_equal(decode_some(fec, row, arrive), enough ? all : arrive & all);
	}
}

static void packets(void **state)
{
	json_t *all = load(), *row;
	size_t i;

	assert_int_equal(count_of(all, "wire_groups"), 3);
	json_array_foreach (json_object_get(all, "wire_groups"), i, row) {
		struct kg_fec *fec =
			kg_fec_create((uint8_t)kcp_number(row, "K"), (uint8_t)kcp_number(row, "R"),
				      &kg_rs_isal, &kg_session_fec_content, &mem);

		assert_non_null(fec);
		check_encoder(fec, row);
		check_decoder(fec, row);
		kg_fec_destroy(fec);
	}
	json_decref(all);
	assert_int_equal(mem.in_use_bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matrices),
		cmocka_unit_test(parity),
		cmocka_unit_test(lost_blocks_come_back),
		cmocka_unit_test(packets),
	};

	kg_mem_malloc_init(&mem);
	return cmocka_run_group_tests_name("fec vectors", tests, NULL, NULL);
}
