/* SPDX-License-Identifier: BSD-3-Clause */
/* What stands in front of UDP Hop's datagrams, and how a test's number comes back. */
#include "wire/udphop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void headers_are_as_documented(void **state)
{
	uint8_t bytes[] = { 0, 0, 0, 0, 0, 'x', 'y' };
	static const uint8_t wanted[] = { 0x86, 0x20, 0xa9, 0x2b, 3, 'x', 'y' };
	struct kg_udphop_body body;

	kg_udphop_encode(bytes, 0x8620a92b, KG_UDPHOP_RAW_DATA);
	assert_memory_equal(bytes, wanted, sizeof(wanted));
	assert_int_equal(kg_udphop_decode(&body, bytes, sizeof(bytes)), KG_DROP_NONE);
	assert_int_equal(body.iden, 0x8620a92b);
	assert_int_equal(body.feature, KG_UDPHOP_RAW_DATA);
	assert_ptr_equal(body.rest, bytes + 5);
	assert_int_equal(body.rest_bytes, 2);
}

static void short_and_unknown_ones_are_none(void **state)
{
	uint8_t bytes[] = { 0, 0, 1, 0, 0 };
	struct kg_udphop_body body;

	for (size_t len = 0; len < sizeof(bytes); len++)
		assert_int_equal(kg_udphop_decode(&body, bytes, len), KG_DROP_BARE_MALFORMED);
	for (unsigned int feature = 0; feature < 256; feature++) {
		bytes[4] = (uint8_t)feature;
		assert_int_equal(kg_udphop_decode(&body, bytes, sizeof(bytes)),
				 feature <= 3 ? KG_DROP_NONE : KG_DROP_BARE_MALFORMED);
	}
	assert_int_equal(body.rest_bytes, 0);
}

/* As a box has it, and originals of v1.1.4 and v1.1.7, without FEC and with (docs/udphop.md §3). */
static void a_number_comes_back_in_several_places(void **state)
{
	static const struct {
		uint8_t bytes[22];
		size_t len;
		bool there;
	} answers[] = {
		{ { 0, 0, 0, 0, 1, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3 }, 17, true },
		{ { 0, 1, 2, 3, 1, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3 }, 17, true },
		{ { 0, 1, 2, 3, 1, 0, 0, 0, 0, 0, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3 }, 22, true },
		{ { 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0 }, 22, true },
		{ { 0, 1, 2, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, 17, false },
		{ { 0, 0, 0, 0, 1, 0, 1, 2 }, 8, false },
	};
	uint8_t test[KG_UDPHOP_HEADER_BYTES + KG_UDPHOP_WORDS_BYTES];

	assert_int_equal(kg_udphop_put_test(test, 0x010203), sizeof(test));
	assert_memory_equal(test, answers[0].bytes, sizeof(test));
	for (size_t i = 0; i < KG_ARRAY_SIZE(answers); i++) {
		uint8_t bytes[22];
		struct kg_udphop_body body;

		memcpy(bytes, answers[i].bytes, sizeof(bytes));
		assert_int_equal(kg_udphop_decode(&body, bytes, answers[i].len), KG_DROP_NONE);
		assert_int_equal(kg_udphop_has_number(&body, 0x010203), answers[i].there);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_are_as_documented),
		cmocka_unit_test(short_and_unknown_ones_are_none),
		cmocka_unit_test(a_number_comes_back_in_several_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
