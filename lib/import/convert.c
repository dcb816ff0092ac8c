/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes JSON of a value's text. KCPTube ignores whatever stands behind a number; here, too, and it
 * is said.
 */
#include "import/convert.h"
#include "config/kinds.h"
#include "fec/shard.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX       INT64_C(1000000000000000) /* more than any setting takes */
#define REFRESH_MIN_S    20
#define NUMBER_MAX_CHARS 24

json_t *kg_import_text(struct kg_slice slice)
{
	return json_stringn(slice.at, (size_t)(slice.end - slice.at));
}

bool kg_import_number(struct kg_slice *text, int64_t *number)
{
	struct kg_slice s = kg_slice_trim(*text);
	bool negative = s.at < s.end && *s.at == '-';
	const char *first;
	int64_t value = 0;

	if (s.at < s.end && (*s.at == '-' || *s.at == '+'))
		s.at++;
	first = s.at;
	for (; s.at < s.end && *s.at >= '0' && *s.at <= '9' && value <= NUMBER_MAX; s.at++)
		value = value * 10 + (*s.at - '0');
	if (s.at == first || value > NUMBER_MAX)
		return false;
	*number = negative ? -value : value;
	*text = kg_slice_trim(s);
	return true;
}

json_t *kg_convert_text(const struct kg_import_field *field)
{
	return json_string(field->text);
}

/* ---- numbers ---- */

static void say_rest(const struct kg_import_field *field)
{
	kg_mistakes_warning(field->mistakes, &field->at,
			    "what stands behind the number is left out, as KCPTube does");
}

/* The whole value is a number, or begins with one. */
static bool read_number(const struct kg_import_field *field, int64_t *number)
{
	struct kg_slice text = kg_slice_of(field->text);

	if (!kg_import_number(&text, number))
		return false;
	if (!kg_slice_is_empty(text))
		say_rest(field);
	return true;
}

static json_t *replaced(const struct kg_import_field *field, int64_t number, int64_t by)
{
	kg_mistakes_warning(field->mistakes, &field->at, "%" PRId64 " is taken as %" PRId64, number,
			    by);
	return json_integer(by);
}

json_t *kg_convert_number(const struct kg_import_field *field)
{
	const struct kg_import_bounds *bounds = field->key->bounds;
	int64_t number;

	if (!read_number(field, &number))
		return kg_convert_text(field);
	if (bounds != NULL && number < bounds->least)
		return replaced(field, number, bounds->below);
	if (bounds != NULL && number > bounds->most)
		return replaced(field, number, bounds->above);
	return json_integer(number);
}

json_t *kg_convert_refresh(const struct kg_import_field *field)
{
	int64_t number;

	if (!read_number(field, &number))
		return kg_convert_text(field);
	if (number < 0) {
		kg_mistakes_warning(field->mistakes, &field->at,
				    "%" PRId64 " is left out, as KCPTube does", number);
		return NULL;
	}
	if (number > 0 && number < REFRESH_MIN_S)
		return replaced(field, number, REFRESH_MIN_S);
	if (number > INT16_MAX)
		return replaced(field, number, INT16_MAX);
	return json_integer(number);
}

/* ---- yes and no ---- */

json_t *kg_convert_bool(const struct kg_import_field *field)
{
	bool value = false;

	if (!kg_parse_bool(field->text, &value))
		kg_mistakes_warning(field->mistakes, &field->at,
				    "neither yes nor no: taken as no, as KCPTube does");
	return json_boolean(value);
}

json_t *kg_convert_only(const struct kg_import_field *field)
{
	bool value = false;

	if (!kg_parse_bool(field->text, &value) || !value)
		kg_mistakes_warning(field->mistakes, &field->at,
				    "KCPTube takes any value as yes; taken as no");
	return json_boolean(value);
}

/* ---- ports ---- */

static bool is_port(int64_t number)
{
	return number >= 1 && number <= UINT16_MAX;
}

static void say_range(const struct kg_import_field *field, int64_t first, int64_t last)
{
	if (first == last)
		kg_mistakes_warning(field->mistakes, &field->at,
				    "KCPTube refuses %" PRId64 "-%" PRId64 "; taken as one port",
				    first, last);
	else if (last == UINT16_MAX)
		kg_mistakes_warning(field->mistakes, &field->at,
				    "KCPTube hangs on a range up to 65535; taken as it stands");
}

/* "3000" or "3000-3010". */
static bool add_range(const struct kg_import_field *field, struct kg_slice last,
		      struct kg_port_list *list)
{
	bool range = memchr(last.at, '-', (size_t)(last.end - last.at)) != NULL;
	struct kg_slice first = range ? kg_slice_cut(&last, '-') : last;
	int64_t from, to;

	if (!kg_import_number(&first, &from) || !kg_import_number(&last, &to) || !is_port(from) ||
	    !is_port(to) || from > to)
		return false;
	if (!kg_slice_is_empty(first) || !kg_slice_is_empty(last))
		say_rest(field);
	if (range)
		say_range(field, from, to);
	kg_port_list_add(list, (uint16_t)from, (uint16_t)to);
	return true;
}

static json_t *range_json(const struct kg_port_range *range)
{
	return range->first == range->last ? json_integer(range->first)
					   : json_sprintf("%u-%u", range->first, range->last);
}

/* One port or range stands alone. */
static json_t *list_json(const struct kg_port_list *list)
{
	json_t *ranges;

	if (list->count == 1)
		return range_json(&list->ranges[0]);
	ranges = json_array();
	for (unsigned int i = 0; i < list->count; i++)
		json_array_append_new(ranges, range_json(&list->ranges[i]));
	return ranges;
}

json_t *kg_convert_ports(const struct kg_import_field *field)
{
	struct kg_slice rest = kg_slice_of(field->text);
	struct kg_port_list list = { 0 };
	bool good = true;
	json_t *json;

	while (good && !kg_slice_is_empty(rest))
		good = add_range(field, kg_slice_cut(&rest, ','), &list);
	kg_port_list_merge(&list);
	json = good ? list_json(&list) : kg_convert_text(field);
	free(list.ranges);
	return json;
}

/* ---- two numbers, and a number with a unit ---- */

/* KCPTube drops the last character though it is a digit. */
static void say_last_digit(const struct kg_import_field *field, int64_t number)
{
	if (number > 0)
		kg_mistakes_warning(field->mistakes, &field->at,
				    "KCPTube loses the last digit of a number without a unit; "
				    "taken as %" PRId64 " bits per second",
				    number);
}

json_t *kg_convert_bandwidth(const struct kg_import_field *field)
{
	struct kg_slice unit = kg_slice_of(field->text);
	int64_t number;

	if (!kg_import_number(&unit, &number) || number < 0)
		return kg_convert_text(field);
	if (kg_slice_is_empty(unit)) {
		say_last_digit(field, number);
		return json_integer(number);
	}
	if (strchr("KMGkmg", unit.end[-1]) == NULL)
		return kg_convert_text(field);
	if (unit.end - unit.at > 1)
		say_rest(field);
	return json_sprintf("%" PRId64 "%c", number, unit.end[-1]);
}

/* KCPTube overwrites a number by another, never by 0. */
static void say_fec_off(const struct kg_import_field *field)
{
	const char *earlier = json_string_value(field->earlier);

	if (earlier != NULL && strcmp(earlier, KG_IMPORT_FEC_OFF) != 0)
		kg_mistakes_warning(field->mistakes, &field->at,
				    "KCPTube keeps numbers of an earlier line; FEC is off here");
}

json_t *kg_convert_fec(const struct kg_import_field *field)
{
	struct kg_slice parity = kg_slice_of(field->text);
	struct kg_slice data = kg_slice_cut(&parity, ':');
	int64_t d, p;

	if (!kg_import_number(&data, &d) || !kg_import_number(&parity, &p) ||
	    d + p > KG_FEC_SHARDS_MAX)
		return kg_convert_text(field);
	if (!kg_slice_is_empty(data) || !kg_slice_is_empty(parity))
		say_rest(field);
	if (d > 0 && p > 0)
		return json_sprintf("%" PRId64 ":%" PRId64, d, p);
	say_fec_off(field);
	return json_string(KG_IMPORT_FEC_OFF);
}
