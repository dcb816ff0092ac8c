/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Walks over the records of an answer, whose every length is a stranger's word. Names are passed
 * over, never followed, so nothing goes in a circle.
 */
#include "net/dns_txt.h"

#include "base/bytes.h"
#include "base/reader.h"

#include <ctype.h>
#include <string.h>

#define HEADER_BYTES   12
#define QUESTION_BYTES 4  /* type and class, behind the name */
#define RECORD_BYTES   10 /* type, class, TTL and length of the data, behind the name */
#define POINTER_BITS   0xc0u
#define TYPE_TXT       16
#define CLASS_IN       1

static void pass_name(struct kg_reader *rest)
{
	const uint8_t *label;

	while ((label = kg_reader_take(rest, 1)) != NULL && *label != 0) {
		if ((*label & POINTER_BITS) == POINTER_BITS) {
			kg_reader_take(rest, 1);
			return;
		}
		kg_reader_take(rest, *label);
	}
}

static bool parse_string(const uint8_t *string, size_t len, struct kg_endpoint *endpoint)
{
	char text[KG_ENDPOINT_TEXT_BYTES];

	while (len > 0 && isspace(string[len - 1]))
		len--;
	for (; len > 0 && isspace(*string); string++)
		len--;
	if (len >= sizeof(text) || memchr(string, '\0', len) != NULL)
		return false;
	memcpy(text, string, len);
	text[len] = '\0';
	return kg_endpoint_parse(endpoint, text) && endpoint->port != 0;
}

/* The strings of a record's data, each behind its length. */
static bool find_string(struct kg_reader data, struct kg_endpoint *endpoint)
{
	const uint8_t *len, *string;

	while (data.at < data.end) {
		len = kg_reader_take(&data, 1);
		string = kg_reader_take(&data, *len);
		if (string == NULL)
			return false;
		if (parse_string(string, *len, endpoint))
			return true;
	}
	return false;
}

bool kg_dns_txt_endpoint(const uint8_t *message, size_t len, struct kg_endpoint *endpoint,
			 uint32_t *ttl_s)
{
	struct kg_reader rest = { message, message + len, false };
	const uint8_t *header = kg_reader_take(&rest, HEADER_BYTES), *record, *data;
	uint16_t questions, answers;

	*ttl_s = UINT32_MAX;
	if (header == NULL)
		return false;
	questions = kg_load_be16(header + 4);
	answers = kg_load_be16(header + 6);
	for (; questions > 0 && !rest.bad; questions--) {
		pass_name(&rest);
		kg_reader_take(&rest, QUESTION_BYTES);
	}
	for (; answers > 0; answers--) {
		pass_name(&rest);
		record = kg_reader_take(&rest, RECORD_BYTES);
		data = record == NULL ? NULL : kg_reader_take(&rest, kg_load_be16(record + 8));
		if (data == NULL)
			return false;
		*ttl_s = KG_MIN(*ttl_s, kg_load_be32(record + 4));
		if (kg_load_be16(record) == TYPE_TXT && kg_load_be16(record + 2) == CLASS_IN &&
		    find_string((struct kg_reader){ data, rest.at, false }, endpoint))
			return true;
	}
	return false;
}
