/* SPDX-License-Identifier: BSD-3-Clause */
/* Targets in messages: every length, what is wrong with them, and how they are shown. */
#include "wire/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *decode(struct kg_target *target, char text[KG_TARGET_TEXT_BYTES], uint16_t port,
			  const char *address)
{
	return kg_target_decode(target, text, port, (const uint8_t *)address, strlen(address));
}

static void what_is_named_is_read(void **state)
{
	static const char *const named[][2] = {
		{ "127.0.0.1", "127.0.0.1" }, { "::1", "::1" }, { "[fd00:18::1]", "fd00:18::1" },
		{ "host.name", "host.name" }, { "x", "x" },
	};
	char text[KG_TARGET_TEXT_BYTES];
	struct kg_target target;

	for (size_t i = 0; i < KG_ARRAY_SIZE(named); i++) {
		assert_null(decode(&target, text, 8000, named[i][0]));
		assert_int_equal(target.port, 8000);
		assert_string_equal(target.address, named[i][1]);
		assert_ptr_equal(target.address, text);
	}
}

static void what_is_wrong_has_words(void **state)
{
	static const struct {
		uint16_t port;
		const char *address, *words;
	} wrong[] = {
		{ 0, "", "no target is named, and this server has none of its own" },
		{ 0, "127.0.0.1", "the target has no port" },
		{ 80, "", "the target has no address" },
		{ 80, "[]", "the target has no address" },
		{ 80, "two words", "the target's address is no text" },
		{ 80, "line\n", "the target's address is no text" },
		{ 80, "\x7f", "the target's address is no text" },
		{ 80, "\xc3\xa4.example", "the target's address is no text" },
	};
	char text[KG_TARGET_TEXT_BYTES];
	struct kg_target target;

	for (size_t i = 0; i < KG_ARRAY_SIZE(wrong); i++)
		assert_string_equal(decode(&target, text, wrong[i].port, wrong[i].address),
				    wrong[i].words);
}

/* Whatever fits is taken, brackets or not; the text ends where it must. */
static void every_length_has_its_answer(void **state)
{
	char text[KG_TARGET_TEXT_BYTES];
	uint8_t address[KG_MESSAGE_TEXT_MAX_BYTES];
	struct kg_target target;

	for (size_t len = 1; len <= sizeof(address); len++) {
		bool fits = len <= KG_TARGET_ADDRESS_MAX_BYTES;

		memset(address, 'a', sizeof(address));
		assert_int_equal(kg_target_decode(&target, text, 1, address, len) == NULL, fits);
		if (fits)
			assert_int_equal(strlen(target.address), len);
		address[0] = '[';
		address[len - 1] = ']';
		if (len > 2)
			assert_null(kg_target_decode(&target, text, 1, address, len));
	}
}

static void a_target_is_shown_as_it_is_written(void **state)
{
	static const struct {
		struct kg_target target;
		const char *text;
	} rows[] = {
		{ { 8000, "127.0.0.1" }, "127.0.0.1:8000" },
		{ { 53, "::1" }, "[::1]:53" },
		{ { 443, "host.name" }, "host.name:443" },
	};
	char text[KG_TARGET_SHOWN_BYTES];

	for (size_t i = 0; i < KG_ARRAY_SIZE(rows); i++)
		assert_string_equal(kg_target_text(&rows[i].target, text), rows[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_named_is_read),
		cmocka_unit_test(what_is_wrong_has_words),
		cmocka_unit_test(every_length_has_its_answer),
		cmocka_unit_test(a_target_is_shown_as_it_is_written),
	};

	return cmocka_run_group_tests_name("target", tests, NULL, NULL);
}
