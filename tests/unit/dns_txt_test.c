/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers with TXT records: what is found in them, and what is not. */
#include "net/dns_txt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define TXT   16
#define CNAME 5

/* A message that grows; its question is for "box.test". */
struct message {
	uint8_t bytes[512];
	size_t len;
};

static void put(struct message *m, const void *bytes, size_t len)
{
	memcpy(m->bytes + m->len, bytes, len);
	m->len += len;
}

static void begin(struct message *m)
{
	static const uint8_t head[] = {
		0x12, 0x34, 0x81, 0x80, 0,   1,   0,   0,   0, 0, 0,   0, 3,
		'b',  'o',  'x',  4,    't', 'e', 's', 't', 0, 0, TXT, 0, 1
	};

	m->len = 0;
	put(m, head, sizeof(head));
}

/* Its name points to the question's. */
static void record(struct message *m, uint8_t type, uint8_t ttl_s, const void *data, uint8_t len)
{
	const uint8_t head[] = { 0xc0, 12, 0, type, 0, 1, 0, 0, 0, ttl_s, 0, len };

	m->bytes[7]++;
	put(m, head, sizeof(head));
	put(m, data, len);
}

static void text(struct message *m, uint8_t ttl_s, const char *string)
{
	uint8_t data[256] = { (uint8_t)strlen(string) };

	memcpy(data + 1, string, strlen(string));
	record(m, TXT, ttl_s, data, (uint8_t)(strlen(string) + 1));
}

static void finds(const struct message *m, const char *expected, uint32_t expected_ttl_s)
{
	char found[KG_ENDPOINT_TEXT_BYTES];
	struct kg_endpoint endpoint;
	uint32_t ttl_s;

	assert_true(kg_dns_txt_endpoint(m->bytes, m->len, &endpoint, &ttl_s));
	assert_string_equal(kg_endpoint_text(&endpoint, found), expected);
	assert_int_equal(ttl_s, expected_ttl_s);
}

static void finds_nothing(const struct message *m)
{
	struct kg_endpoint endpoint;
	uint32_t ttl_s;

	assert_false(kg_dns_txt_endpoint(m->bytes, m->len, &endpoint, &ttl_s));
}

static void an_endpoint_is_found(void **state)
{
	struct message m;

	begin(&m);
	text(&m, 60, "198.18.0.2:3000");
	finds(&m, "198.18.0.2:3000", 60);
	begin(&m);
	text(&m, 60, " [fd00:18::2]:3000\t");
	finds(&m, "[fd00:18::2]:3000", 60);
}

static void other_records_are_passed_over(void **state)
{
	static const uint8_t alias[] = { 5, 'a', 'l', 'i', 'a', 's', 0xc0, 16 };
	static const uint8_t two[] = { 3,   'a', '=', 'b', 12,  '1', '9', '2', '.',
				       '0', '.', '2', '.', '1', ':', '8', '0' };
	struct message m;

	begin(&m);
	record(&m, CNAME, 7, alias, sizeof(alias));
	text(&m, 60, "v=spf1 -all");
	text(&m, 60, "");
	record(&m, TXT, 30, two, sizeof(two));
	finds(&m, "192.0.2.1:80", 7);
}

static void what_is_no_endpoint_is_not_found(void **state)
{
	static const char *const texts[] = { "198.18.0.2",       "198.18.0.2:0",
					     "198.18.0.2:70000", "box.test:3000",
					     "fd00:18::2:3000",  ":3000",
					     "198.18.0.2:30 0",  "" };
	static const uint8_t with_nul[] = { 5, '1', ':', 0, '8', '0' };
	struct message m;

	for (size_t i = 0; i < KG_ARRAY_SIZE(texts); i++) {
		begin(&m);
		text(&m, 60, texts[i]);
		finds_nothing(&m);
	}
	begin(&m);
	record(&m, TXT, 60, with_nul, sizeof(with_nul));
	finds_nothing(&m);
	begin(&m);
	finds_nothing(&m);
}

static void broken_messages_are_refused(void **state)
{
	static const uint8_t beyond[] = { 200, '1' };
	struct message m;

	begin(&m);
	record(&m, TXT, 60, beyond, sizeof(beyond));
	text(&m, 60, "198.18.0.2:3000");
	finds(&m, "198.18.0.2:3000", 60); /* a record of its own is whole */
	for (m.len--; m.len > 0; m.len--)
		finds_nothing(&m);
	begin(&m);
	m.bytes[5] = 2; /* a question that is not there */
	text(&m, 60, "198.18.0.2:3000");
	finds_nothing(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_endpoint_is_found),
		cmocka_unit_test(other_records_are_passed_over),
		cmocka_unit_test(what_is_no_endpoint_is_not_found),
		cmocka_unit_test(broken_messages_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
