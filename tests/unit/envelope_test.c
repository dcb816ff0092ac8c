/* SPDX-License-Identifier: BSD-3-Clause */
/* The timestamp in front of a body: lengths, the 255 s either way, and the wrap of 2106. */
#include "wire/envelope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"

static enum kg_drop open_at(uint32_t theirs, uint32_t ours, int32_t *skew_s)
{
	uint8_t plain[KG_ENVELOPE_BYTES];
	const uint8_t *body;
	size_t body_len;

	kg_envelope_write(plain, theirs);
	return kg_envelope_open(plain, sizeof(plain), ours, &body, &body_len, skew_s);
}

static void timestamp_is_little_endian(void **state)
{
	static const uint8_t expected[] = { 0x78, 0x56, 0x34, 0x12 };
	uint8_t out[KG_ENVELOPE_BYTES];

	kg_envelope_write(out, 0x12345678);
	assert_memory_equal(out, expected, sizeof(expected));
}

static void body_is_what_follows(void **state)
{
	for (size_t len = 0; len < 40; len++) {
		uint8_t *plain = malloc(len + 1); /* at its end the sanitizer stands guard */
		uint8_t *exact = plain + 1;
		const uint8_t *body = NULL;
		size_t body_len = SIZE_MAX;

		memset(exact, 0, len);
		enum kg_drop drop = kg_envelope_open(exact, len, 3, &body, &body_len, NULL);

		if (len < KG_ENVELOPE_BYTES) {
			assert_int_equal(drop, KG_DROP_DATAGRAM_SIZE);
			assert_null(body);
		} else {
			assert_int_equal(drop, KG_DROP_NONE);
			assert_ptr_equal(body, exact + KG_ENVELOPE_BYTES);
			assert_int_equal(body_len, len - KG_ENVELOPE_BYTES);
		}
		free(plain);
	}
}

static void clocks_may_differ_by_255_s(void **state)
{
	/* Today, and both sides of the wrap. */
	static const uint32_t ours[] = {
		1700000000, 0, 100, UINT32_MAX, UINT32_MAX - 100, INT32_MAX, (uint32_t)INT32_MAX + 1
	};
	static const struct {
		int64_t ahead_s;
		enum kg_drop drop;
	} skews[] = {
		{ 0, KG_DROP_NONE },
		{ 1, KG_DROP_NONE },
		{ -1, KG_DROP_NONE },
		{ 255, KG_DROP_NONE },
		{ -255, KG_DROP_NONE },
		{ 256, KG_DROP_CLOCK_SKEW },
		{ -256, KG_DROP_CLOCK_SKEW },
		{ 300, KG_DROP_CLOCK_SKEW },
		{ -300, KG_DROP_CLOCK_SKEW },
		{ INT32_MAX, KG_DROP_CLOCK_SKEW },
		{ INT32_MIN, KG_DROP_CLOCK_SKEW },
		{ (int64_t)INT32_MIN + 1, KG_DROP_CLOCK_SKEW },
	};

	for (size_t i = 0; i < KG_ARRAY_SIZE(ours); i++) {
		for (size_t k = 0; k < KG_ARRAY_SIZE(skews); k++) {
			uint32_t theirs = (uint32_t)(ours[i] + skews[k].ahead_s);
			int32_t skew_s = 0;

			assert_int_equal(open_at(theirs, ours[i], &skew_s), skews[k].drop);
			assert_int_equal(skew_s, skews[k].ahead_s);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timestamp_is_little_endian),
		cmocka_unit_test(body_is_what_follows),
		cmocka_unit_test(clocks_may_differ_by_255_s),
	};

	return cmocka_run_group_tests_name("envelope", tests, NULL, NULL);
}
