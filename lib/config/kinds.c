/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads single values; lists.c reads lists, words.c what is a word or may be one. */
#include "config/kinds.h"
#include "config/values.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const struct kg_kind kg_kind_object = { .what = "object" };
const struct kg_kind kg_kind_leg = { .what = "object" };
const struct kg_kind kg_kind_objects = { .what = "list of objects" };

const void *kg_key_member(const struct kg_key *key, const void *object)
{
	return (const char *)object + key->offset;
}

void *kg_field_member(const struct kg_field *field)
{
	return (char *)field->object + field->key->offset;
}

bool kg_key_is_custom(const struct kg_key *key, const void *object)
{
	return key->custom_offset && *((const bool *)object + key->custom_offset);
}

bool kg_field_is_custom(const struct kg_field *field, const json_t *value)
{
	const char *text = json_string_value(value);

	if (!field->key->custom_offset || !text || strcmp(text, KG_CUSTOM_TEXT))
		return false;
	*((bool *)field->object + field->key->custom_offset) = true;
	return true;
}

const char *kg_key_range(const struct kg_key *key, char text[KG_RANGE_BYTES])
{
	bool apart = key->zero_unset && key->min > 1;
	int64_t from = key->zero_unset && !apart ? 0 : key->min;

	snprintf(text, KG_RANGE_BYTES, "%s%" PRId64 " to %" PRId64, apart ? "0 or " : "", from,
		 key->max);
	return text;
}

void kg_field_refuse(const struct kg_field *field, const struct kg_place *at, const json_t *value,
		     const char *allowed)
{
	char text[KG_FOUND_BYTES];

	kg_mistakes_error(field->mistakes, at, "found %s; allowed %s",
			  field->key->secret ? kg_found_type(value) : kg_found(value, text),
			  allowed);
}

void kg_field_fallback(const struct kg_field *field, const struct kg_place *at)
{
	if (!field->key->fallback)
		return;
	json_t *value = json_loads(field->key->fallback, JSON_DECODE_ANY, NULL);

	field->key->kind->load(field, at, value);
	json_decref(value);
}

/* ---- texts ---- */

void kg_field_store_text(const struct kg_field *field, const char *text)
{
	char **member = kg_field_member(field);

	*member = kg_config_strdup(text);
}

static json_t *text_dump(const struct kg_key *key, const void *object)
{
	const char *const *text = kg_key_member(key, object);

	return *text ? json_string(*text) : NULL;
}

static void text_load(const struct kg_field *field, const struct kg_place *at, const json_t *value)
{
	struct kg_slice s = kg_slice_of(json_is_string(value) ? json_string_value(value) : "");

	if (s.at == s.end) {
		kg_field_refuse(field, at, value, "a text that is not empty");
		return;
	}
	char **member = kg_field_member(field);
	size_t length = (size_t)(s.end - s.at);

	free(*member); /* of a key that says the same otherwise */
	*member = memcpy(kg_config_alloc(length + 1, 1), s.at, length);
}

const struct kg_kind kg_kind_text = { "text", text_load, text_dump };

static void host_name_load(const struct kg_field *field, const struct kg_place *at,
			   const json_t *value)
{
	const char *text = json_string_value(value);

	if (text && kg_is_host_name(text))
		kg_field_store_text(field, text);
	else
		kg_field_refuse(field, at, value, "a host name");
}

const struct kg_kind kg_kind_host_name = { "host name", host_name_load, text_dump };

static bool only_of(const char *text, const char *others, size_t max)
{
	size_t length = strlen(text);

	for (size_t i = 0; i < length; i++) {
		if (!isalnum((unsigned char)text[i]) && !strchr(others, text[i]))
			return false;
	}
	return length >= 1 && length <= max && (isalnum((unsigned char)text[0]) || *text == '_');
}

static void name_load(const struct kg_field *field, const struct kg_place *at, const json_t *value)
{
	const char *text = json_string_value(value);

	if (text && only_of(text, "._-", KG_NAME_MAX_CHARS))
		kg_field_store_text(field, text);
	else
		kg_field_refuse(
			field, at, value,
			"1 to 32 letters, digits, '_', '.' and '-', the last two not first");
}

const struct kg_kind kg_kind_name = { "name", name_load, text_dump };

static void tap_load(const struct kg_field *field, const struct kg_place *at, const json_t *value)
{
	const char *text = json_string_value(value);

	if (text && only_of(text, "._-@+", KG_TAP_MAX_CHARS))
		kg_field_store_text(field, text);
	else
		kg_field_refuse(field, at, value, "the name of an interface, 1 to 15 characters");
}

const struct kg_kind kg_kind_tap = { "interface name", tap_load, text_dump };

/* ---- numbers ---- */

void kg_field_store_number(const struct kg_field *field, uint64_t value)
{
	void *member = kg_field_member(field);

	switch (field->key->bytes) {
	case 1:
		*(uint8_t *)member = (uint8_t)value;
		break;
	case 2:
		*(uint16_t *)member = (uint16_t)value;
		break;
	case 4:
		*(uint32_t *)member = (uint32_t)value;
		break;
	default:
		*(uint64_t *)member = value;
	}
}

uint64_t kg_key_number(const struct kg_key *key, const void *object)
{
	const void *member = kg_key_member(key, object);

	switch (key->bytes) {
	case 1:
		return *(const uint8_t *)member;
	case 2:
		return *(const uint16_t *)member;
	case 4:
		return *(const uint32_t *)member;
	default:
		return *(const uint64_t *)member;
	}
}

static bool whole_number(const json_t *value, int64_t *number)
{
	*number = json_integer_value(value);
	return json_is_integer(value) ||
	       (json_is_string(value) && kg_parse_number(json_string_value(value), number));
}

bool kg_field_number(const struct kg_field *field, const struct kg_place *at, const json_t *value,
		     int64_t *number)
{
	const struct kg_key *key = field->key;
	char allowed[64], range[KG_RANGE_BYTES];

	if (whole_number(value, number)) {
		if (*number >= key->min && *number <= key->max)
			return true;
		if (*number == 0 && key->zero_unset)
			return true;
		if (*number > key->max && key->beyond == KG_BEYOND_CAP) {
			kg_mistakes_warning(field->mistakes, at,
					    "%" PRId64 " is too large, taken as %" PRId64, *number,
					    key->max);
			*number = key->max;
			return true;
		}
	}
	snprintf(allowed, sizeof(allowed), "a whole number, %s", kg_key_range(key, range));
	kg_field_refuse(field, at, value, allowed);
	return false;
}

static void number_load(const struct kg_field *field, const struct kg_place *at,
			const json_t *value)
{
	const struct kg_key *key = field->key;
	int64_t number;
	bool whole = whole_number(value, &number);

	if (whole && number == 0 && key->zero_unset && key->fallback) {
		kg_field_fallback(field, at);
	} else if (whole && key->beyond == KG_BEYOND_DEFAULT &&
		   (number < key->min || number > key->max)) {
		kg_mistakes_warning(field->mistakes, at,
				    "%" PRId64 " is not within %" PRId64 " to %" PRId64
				    ", the default %s is taken",
				    number, key->min, key->max, key->fallback);
		kg_field_fallback(field, at);
	} else if (kg_field_number(field, at, value, &number)) {
		kg_field_store_number(field, (uint64_t)number);
	}
}

static json_t *number_dump(const struct kg_key *key, const void *object)
{
	return json_integer((json_int_t)kg_key_number(key, object));
}

const struct kg_kind kg_kind_number = { "whole number", number_load, number_dump };

static void bool_load(const struct kg_field *field, const struct kg_place *at, const json_t *value)
{
	bool *member = kg_field_member(field);
	json_int_t number = json_integer_value(value);

	if (json_is_boolean(value))
		*member = json_is_true(value);
	else if (json_is_integer(value) && (number == 0 || number == 1))
		*member = number == 1;
	else if (!json_is_string(value) || !kg_parse_bool(json_string_value(value), member))
		kg_field_refuse(field, at, value,
				"true or false, 1 or 0, \"yes\", \"true\", \"no\", \"false\"");
}

static json_t *bool_dump(const struct kg_key *key, const void *object)
{
	return json_boolean(*(const bool *)kg_key_member(key, object));
}

const struct kg_kind kg_kind_bool = { "true or false", bool_load, bool_dump };

bool kg_json_bandwidth(const json_t *value, uint64_t *Bps)
{
	json_int_t bitps = json_integer_value(value);

	if (json_is_string(value))
		return kg_parse_bandwidth(json_string_value(value), Bps);
	*Bps = (uint64_t)bitps / 8;
	return json_is_integer(value) && bitps >= 0 && (uint64_t)bitps <= KG_BANDWIDTH_MAX_BITPS;
}

static void bandwidth_load(const struct kg_field *field, const struct kg_place *at,
			   const json_t *value)
{
	uint64_t Bps;

	if (kg_json_bandwidth(value, &Bps))
		kg_field_store_number(field, Bps);
	else
		kg_field_refuse(
			field, at, value,
			"bits per second: a whole number, or digits followed by one of KMGkmg");
}

static json_t *bandwidth_dump(const struct kg_key *key, const void *object)
{
	return json_integer((json_int_t)(kg_key_number(key, object) * 8));
}

const struct kg_kind kg_kind_bandwidth = { "bits per second", bandwidth_load, bandwidth_dump };

static void interval_load(const struct kg_field *field, const struct kg_place *at,
			  const json_t *value)
{
	char number[24];

	snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	if (!(json_is_string(value) || json_is_integer(value)) ||
	    !kg_parse_interval(json_is_string(value) ? json_string_value(value) : number,
			       kg_field_member(field)))
		kg_field_refuse(field, at, value, "0 to 32767, or two of them, as \"30-90\"");
}

static json_t *interval_dump(const struct kg_key *key, const void *object)
{
	const struct kg_interval *interval = kg_key_member(key, object);

	return interval->first_s == interval->last_s
		       ? json_integer(interval->last_s)
		       : json_sprintf("%u-%u", interval->first_s, interval->last_s);
}

const struct kg_kind kg_kind_interval = { "seconds, or text `FROM-TO`", interval_load,
					  interval_dump };

static void fec_load(const struct kg_field *field, const struct kg_place *at, const json_t *value)
{
	if (!json_is_string(value) ||
	    !kg_parse_fec(json_string_value(value), kg_field_member(field)))
		kg_field_refuse(field, at, value,
				"\"DATA:PARITY\", whole numbers, 255 at most together");
}

static json_t *fec_dump(const struct kg_key *key, const void *object)
{
	const struct kg_fec_config *fec = kg_key_member(key, object);

	return fec->parity ? json_sprintf("%u:%u", fec->data, fec->parity) : NULL;
}

const struct kg_kind kg_kind_fec = { "text `DATA:PARITY`", fec_load, fec_dump };

/* ---- both ends of a mapping ---- */

static void listening_load(const struct kg_field *field, const struct kg_place *at,
			   const json_t *value)
{
	if (!json_is_string(value) ||
	    !kg_parse_listening(json_string_value(value), kg_field_member(field)))
		kg_field_refuse(field, at, value,
				"\":PORT\", or an address of this host and a port, as "
				"\"127.0.0.1:8000\" or \"[fd00:18::1]:8000\"");
}

static json_t *listening_dump(const struct kg_key *key, const void *object)
{
	const struct kg_endpoint *at = kg_key_member(key, object);
	char text[KG_ENDPOINT_TEXT_BYTES];

	return at->ip.version == 0 ? json_sprintf(":%u", at->port)
				   : json_string(kg_endpoint_text(at, text));
}

const struct kg_kind kg_kind_listening = { "address:port, or :port", listening_load,
					   listening_dump };

static void target_load(const struct kg_field *field, const struct kg_place *at,
			const json_t *value)
{
	if (!json_is_string(value) ||
	    !kg_parse_target(json_string_value(value), kg_field_member(field)))
		kg_field_refuse(field, at, value,
				"an address or host name and a port, as \"127.0.0.1:8000\", "
				"\"[::1]:53\" or \"host.name:443\"");
}

static json_t *target_dump(const struct kg_key *key, const void *object)
{
	const struct kg_target *target = kg_key_member(key, object);
	char text[KG_TARGET_SHOWN_BYTES];

	return json_string(kg_target_text(target, text));
}

const struct kg_kind kg_kind_target = { "address:port, or name:port", target_load, target_dump };
