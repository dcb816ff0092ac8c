/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vectors/datagrams.json: plaintexts and datagrams that the original's own functions made. Ours
 * must make the same bytes from the same iv, and open them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/base.h"
#include "crypto/aead_table.h"
#include "crypto/kdf.h"
#include "wire/profile.h"

#define DATAGRAM_MAX   2048
#define ROWS           14 /* of each algorithm */
#define PASSWORDS_ROWS 4  /* more where a password makes a difference */

struct row {
	const char *name;
	uint8_t plain[DATAGRAM_MAX], datagram[DATAGRAM_MAX];
	uint16_t plain_len, datagram_len;
};

static json_t *load(void)
{
	const char *dir = getenv("KG_VECTORS");
	char path[1024];
	json_error_t error;

	assert_non_null(dir);
	snprintf(path, sizeof(path), "%s/datagrams.json", dir);
	json_t *rows = json_load_file(path, 0, &error);

	if (!rows)
		fail_msg("%s:%d: %s", path, error.line, error.text);
	assert_true(json_is_array(rows));
	return rows;
}

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	assert_non_null(text);
	return text;
}

static uint16_t from_hex(uint8_t out[DATAGRAM_MAX], const char *hex)
{
	size_t len = strlen(hex) / 2;

	assert_int_equal(strlen(hex) % 2, 0);
	assert_true(len <= DATAGRAM_MAX);
	for (size_t i = 0; i < len; i++) {
		unsigned int byte;

		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		out[i] = (uint8_t)byte;
	}
	return (uint16_t)len;
}

static void *context(const struct kg_aead_alg *alg, const char *password)
{
	uint8_t key[KG_AEAD_KEY_BYTES];

	assert_true(kg_kdf_sha3_256(password, strlen(password), key));
	void *ctx = alg->create(key, kg_profile_kcptube.associated);

	assert_non_null(ctx);
	return ctx;
}

static void seals_the_same(const struct kg_aead_alg *alg, void *ctx, const struct row *row)
{
	uint8_t data[DATAGRAM_MAX];
	struct kg_aead_job job = { .data = data, .len = row->plain_len };

	memcpy(data, row->plain, row->plain_len);
	memcpy(&job.iv, row->datagram + row->datagram_len - KG_AEAD_IV_BYTES, KG_AEAD_IV_BYTES);
	alg->seal(ctx, &job, 1);
	assert_int_equal(job.len, row->datagram_len);
	assert_memory_equal(data, row->datagram, row->datagram_len);
}

static void opens_the_same(const struct kg_aead_alg *alg, void *ctx, const struct row *row)
{
	uint8_t data[DATAGRAM_MAX];
	struct kg_aead_job job = { .data = data, .len = row->datagram_len };

	memcpy(data, row->datagram, row->datagram_len);
	alg->open(ctx, &job, 1);
	assert_true(job.ok);
	assert_int_equal(job.len, row->plain_len);
	assert_memory_equal(data, row->plain, row->plain_len);
}

static void replay_row(const struct kg_aead_alg *alg, const json_t *json)
{
	void *ctx = context(alg, text_of(json, "encryption_password"));
	struct row row;

	row.plain_len = from_hex(row.plain, text_of(json, "plain"));
	row.datagram_len = from_hex(row.datagram, text_of(json, "datagram"));
	seals_the_same(alg, ctx, &row);
	opens_the_same(alg, ctx, &row);
	alg->destroy(ctx);
}

static void every_row_is_replayed(void **state)
{
	unsigned int counts[KG_AEAD_ALGORITHMS] = { 0 };
	json_t *rows = load(), *json;
	size_t i;

	json_array_foreach (rows, i, json) {
		const struct kg_aead_alg *alg =
			kg_aead_lookup(text_of(json, "encryption_algorithm"));

		assert_non_null(alg);
		replay_row(alg, json);
		for (size_t k = 0; k < KG_AEAD_ALGORITHMS; k++)
			counts[k] += kg_aead_algorithms[k] == alg;
	}
	json_decref(rows);
	for (size_t k = 0; k < KG_AEAD_ALGORITHMS; k++)
		assert_int_equal(counts[k],
				 ROWS + kg_aead_algorithms[k]->spec->keyed * PASSWORDS_ROWS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_replayed),
	};

	return cmocka_run_group_tests_name("datagrams", tests, NULL, NULL);
}
