/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests and answers of STUN: good ones, foreign ones, broken ones. */
#include "net/stun.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct kg_stun_id id = { { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 } };

#define COOKIE_AND_ID 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12

/* 192.0.2.1:32853, as RFC 5769 §2.2 has it, behind a SOFTWARE attribute that needs padding. */
static const uint8_t answer4[] = {
	0x01, 0x01, 0x00, 0x1c, COOKIE_AND_ID, 0x80, 0x22, 0x00, 0x0b, 't',  'e',  's',
	't',  ' ',  'v',  'e',  'c',           't',  'o',  'r',  ' ',  0x00, 0x20, 0x00,
	0x08, 0,    1,    0xa1, 0x47,          0xe1, 0x12, 0xa6, 0x43,
};

static const uint8_t mapped4[] = {
	0x01, 0x01, 0x00, 0x0c, COOKIE_AND_ID, 0, 1, 0, 8, 0, 1, 0x80, 0x55, 192, 0, 2, 1,
};

static const uint8_t answer6[] = {
	0x01,        0x01,        0x00,        0x18,        COOKIE_AND_ID,
	0,           0x20,        0,           20,          0,
	2,           0x21 ^ 0x0b, 0x12 ^ 0xb8, 0xfd ^ 0x21, 0x00 ^ 0x12,
	0x00 ^ 0xa4, 0x18 ^ 0x42, 1,           2,           3,
	4,           5,           6,           7,           8,
	9,           10,          11,          12 ^ 1,
};

static void a_request_is_one_header(void **state)
{
	static const uint8_t expected[] = { 0, 1, 0, 0, COOKIE_AND_ID };
	uint8_t request[KG_STUN_REQUEST_BYTES];

	kg_stun_request(request, &id);
	assert_memory_equal(request, expected, sizeof(request));
	assert_true(kg_stun_is_message(request, sizeof(request)));
}

static void says(const uint8_t *answer, size_t len, const char *expected)
{
	char text[KG_ENDPOINT_TEXT_BYTES];
	struct kg_endpoint mapped;

	assert_true(kg_stun_answer(answer, len, &id, &mapped));
	assert_string_equal(kg_endpoint_text(&mapped, text), expected);
}

static void good_answers_say_where(void **state)
{
	says(answer4, sizeof(answer4), "192.0.2.1:32853");
	says(mapped4, sizeof(mapped4), "192.0.2.1:32853");
	says(answer6, sizeof(answer6), "[fd00:18::1]:3000");
}

/* The XORed one counts, whatever comes first. */
static void a_rewritten_address_is_not_believed(void **state)
{
	uint8_t both[sizeof(mapped4) + 12];

	memcpy(both, mapped4, sizeof(mapped4));
	both[3] = 0x18;
	both[sizeof(mapped4) - 1] = 77;
	memcpy(both + sizeof(mapped4), answer4 + sizeof(answer4) - 12, 12);
	says(both, sizeof(both), "192.0.2.1:32853");
}

static void refuses_with(size_t at, uint8_t byte)
{
	uint8_t answer[sizeof(answer4)];
	struct kg_endpoint mapped;

	memcpy(answer, answer4, sizeof(answer));
	assert_int_not_equal(answer[at], byte);
	answer[at] = byte;
	assert_false(kg_stun_answer(answer, sizeof(answer), &id, &mapped));
}

static void what_nobody_asked_for_is_refused(void **state)
{
	struct kg_endpoint mapped;

	refuses_with(0, 0);    /* a request */
	refuses_with(1, 0x11); /* an error */
	refuses_with(4, 0);    /* another cookie */
	for (size_t i = 8; i < 20; i++)
		refuses_with(i, 0xff); /* another transaction */
	refuses_with(3, 0x18);         /* shorter than it is */
	refuses_with(3, 0x20);         /* longer than it is */
	refuses_with(23, 0x40);        /* an attribute beyond the end */
	refuses_with(37, 0x21);        /* no address at all */
	refuses_with(39, 20);          /* IPv4 with the length of IPv6 */
	refuses_with(41, 3);           /* no family that we know */
	assert_false(kg_stun_answer(answer4, 0, &id, &mapped));
}

static void no_part_of_an_answer_is_one(void **state)
{
	struct kg_endpoint mapped;

	for (size_t len = 0; len < sizeof(answer6); len++)
		assert_false(kg_stun_answer(answer6, len, &id, &mapped));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_one_header),
		cmocka_unit_test(good_answers_say_where),
		cmocka_unit_test(a_rewritten_address_is_not_believed),
		cmocka_unit_test(what_nobody_asked_for_is_refused),
		cmocka_unit_test(no_part_of_an_answer_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
