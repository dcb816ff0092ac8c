/* SPDX-License-Identifier: BSD-3-Clause */
/* Kinds of values: how each is read from JSON into a struct's member, and written back. */
#pragma once

#include "config/mistakes.h"
#include "config/mode.h"
#include "config/schema.h"

#define KG_NAME_MAX_CHARS 32
#define KG_CUSTOM_TEXT    "{}"      /* in place of a port or address: mappings say it */
#define KG_FILL_IN        "FILL IN" /* in place of a port's value that is still to be written */
#define KG_TAP_MAX_CHARS  15        /* IFNAMSIZ - 1 */

/* A value on its way into `object`, the struct of the key's scope. */
struct kg_field {
	const struct kg_key *key;
	void *object;
	struct kg_mistakes *mistakes;
};

struct kg_kind {
	const char *what; /* in documents: "whole number" */
	/* Stores the value, or reports what is wrong at `at`. */
	void (*load)(const struct kg_field *field, const struct kg_place *at, const json_t *value);
	/* New reference; NULL when there is nothing to show. */
	json_t *(*dump)(const struct kg_key *key, const void *object);
};

extern const struct kg_kind kg_kind_text, kg_kind_name, kg_kind_tap, kg_kind_choice, kg_kind_word,
	kg_kind_number, kg_kind_word_or_number, kg_kind_bool, kg_kind_bandwidth,
	kg_kind_word_or_bandwidth, kg_kind_fec, kg_kind_interval, kg_kind_listening, kg_kind_target,
	kg_kind_host_name, kg_kind_secret_file;
/* Lists; one value alone stands for a list of one. */
extern const struct kg_kind kg_kind_ports, kg_kind_addresses, kg_kind_gateways, kg_kind_prefixes,
	kg_kind_numbers, kg_kind_texts, kg_kind_hosts, kg_kind_stun_servers, kg_kind_allows;
/* An object and a list of objects: their keys are a scope of their own. */
extern const struct kg_kind kg_kind_object, kg_kind_objects;
/* An object with a tunnel's keys, for one leg of a relay (relay.c). */
extern const struct kg_kind kg_kind_leg;

/* The key's member of the object. */
void *kg_field_member(const struct kg_field *field);
const void *kg_key_member(const struct kg_key *key, const void *object);

/* "{}" stands in the key's place, and that has been noted. */
bool kg_field_is_custom(const struct kg_field *field, const json_t *value);
bool kg_key_is_custom(const struct kg_key *key, const void *object);

#define KG_RANGE_BYTES 48

/* The numbers that the key takes: "0 or 64 to 2000". */
const char *kg_key_range(const struct kg_key *key, char text[KG_RANGE_BYTES]);

/* The member, of the key's length, and the text, a copy of it. */
void kg_field_store_number(const struct kg_field *field, uint64_t value);
uint64_t kg_key_number(const struct kg_key *key, const void *object);
void kg_field_store_text(const struct kg_field *field, const char *text);
/* Bytes per second of bits, a number or as kg_parse_bandwidth takes them; false: neither. */
bool kg_json_bandwidth(const json_t *value, uint64_t *Bps);

/* Reports "found VALUE; allowed ALLOWED". */
void kg_field_refuse(const struct kg_field *field, const struct kg_place *at, const json_t *value,
		     const char *allowed);
/* Reads a whole number within the key's range from JSON or its text form. False when refused. */
bool kg_field_number(const struct kg_field *field, const struct kg_place *at, const json_t *value,
		     int64_t *number);

/* Reads the key's fallback, if it has one, in place of a value. */
void kg_field_fallback(const struct kg_field *field, const struct kg_place *at);
