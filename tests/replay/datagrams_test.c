/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vectors/datagrams.json: plaintexts and datagrams that the original's own functions made. Ours
 * must make the same bytes from the same iv, and open them. Rows of algorithms that the box does
 * not know yet are skipped by name; any other name fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/base.h"
#include "crypto/aead_table.h"
#include "crypto/kdf.h"

#define DATAGRAM_MAX       2048
#define ROWS_PER_ALGORITHM 14 /* more where a password makes a difference */

static const char *const later[] = { "AES-OCB", "chacha20", "xchacha20", "XOR" };

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
	void *ctx = alg->create(key);

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

/* Replays the rows of one algorithm; returns how many there are. */
static unsigned int replay(const char *name)
{
	const struct kg_aead_alg *alg = kg_aead_lookup(name);
	json_t *rows = load(), *json;
	unsigned int count = 0;
	size_t i;

	assert_non_null(alg);
	json_array_foreach (rows, i, json) {
		struct row row;

		if (strcasecmp(text_of(json, "encryption_algorithm"), name) != 0)
			continue;
		row.plain_len = from_hex(row.plain, text_of(json, "plain"));
		row.datagram_len = from_hex(row.datagram, text_of(json, "datagram"));
		void *ctx = context(alg, text_of(json, "encryption_password"));

		seals_the_same(alg, ctx, &row);
		opens_the_same(alg, ctx, &row);
		alg->destroy(ctx);
		count++;
	}
	json_decref(rows);
	return count;
}

static void aes_gcm(void **state)
{
	assert_true(replay("AES-GCM") > ROWS_PER_ALGORITHM);
}

static void none(void **state)
{
	assert_int_equal(replay("none"), ROWS_PER_ALGORITHM);
}

static bool is_later(const char *name)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(later); i++) {
		if (strcmp(later[i], name) == 0)
			return true;
	}
	return false;
}

static void every_row_is_replayed_or_named(void **state)
{
	json_t *rows = load(), *json;
	unsigned int skipped = 0;
	size_t i;

	json_array_foreach (rows, i, json) {
		const char *name = text_of(json, "encryption_algorithm");

		if (is_later(name))
			skipped++;
		assert_int_equal(kg_aead_lookup(name) == NULL, is_later(name));
	}
	printf("skipped %u of %zu rows: AES-OCB, chacha20, xchacha20, XOR come later\n", skipped,
	       json_array_size(rows));
	json_decref(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aes_gcm),
		cmocka_unit_test(none),
		cmocka_unit_test(every_row_is_replayed_or_named),
	};

	return cmocka_run_group_tests_name("datagrams", tests, NULL, NULL);
}
