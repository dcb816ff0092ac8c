/* SPDX-License-Identifier: BSD-3-Clause */
/* Values that are one word of several, or that or a number. */
#include "config/kinds.h"
#include "config/values.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WORDS_BYTES         160
#define BANDWIDTH_LEAST_BPS 1000u /* in place of a word */
#define WORD_OR_BITS        ", or bits per second, 8k at least: digits followed by one of KMGkmg"

/* One after the other, with commas. */
static void write_words(const struct kg_word *words, char text[WORDS_BYTES])
{
	size_t used = 0;

	for (const struct kg_word *word = words; word->name; word++) {
		int length = snprintf(text + used, WORDS_BYTES - used, "%s%s", used ? ", " : "",
				      word->name);
		used = KG_MIN(used + (size_t)length, WORDS_BYTES - 1u);
	}
}

static void refuse_word(const struct kg_field *field, const struct kg_place *at,
			const json_t *value)
{
	char found[KG_FOUND_BYTES], allowed[WORDS_BYTES];

	write_words(field->key->words, allowed);
	kg_mistakes_error(field->mistakes, at, "found %s; allowed %s", kg_found(value, found),
			  allowed);
}

/* As the table writes it, letters in any case; NULL: none of them. */
static const struct kg_word *word_of(const struct kg_key *key, const json_t *value)
{
	for (const struct kg_word *word = key->words; word->name != NULL; word++) {
		if (json_is_string(value) && strcasecmp(word->name, json_string_value(value)) == 0)
			return word;
	}
	return NULL;
}

/* NULL after a report. */
static const struct kg_word *find_word(const struct kg_field *field, const struct kg_place *at,
				       const json_t *value)
{
	const struct kg_word *word = word_of(field->key, value);

	if (word == NULL)
		refuse_word(field, at, value);
	return word;
}

static void choice_load(const struct kg_field *field, const struct kg_place *at,
			const json_t *value)
{
	const struct kg_word *word = find_word(field, at, value);

	if (word)
		memcpy(kg_field_member(field), &word->value, sizeof(word->value));
}

static json_t *choice_dump(const struct kg_key *key, const void *object)
{
	const struct kg_word *word = key->words;
	int value;

	memcpy(&value, kg_key_member(key, object), sizeof(value));
	while (word->value != value)
		word++;
	return json_string(word->name);
}

const struct kg_kind kg_kind_choice = { "word", choice_load, choice_dump };

static void word_load(const struct kg_field *field, const struct kg_place *at, const json_t *value)
{
	const struct kg_word *word = find_word(field, at, value);

	if (word)
		kg_field_store_text(field, word->name);
}

static json_t *text_dump(const struct kg_key *key, const void *object)
{
	return kg_kind_text.dump(key, object);
}

const struct kg_kind kg_kind_word = { "word", word_load, text_dump };

static void word_or_number_load(const struct kg_field *field, const struct kg_place *at,
				const json_t *value)
{
	const struct kg_word *word = word_of(field->key, value);
	int64_t number;

	if (word != NULL)
		kg_field_store_number(field, (uint64_t)word->value);
	else if (kg_field_number(field, at, value, &number))
		kg_field_store_number(field, (uint64_t)number);
}

/* The word that stands for it; NULL: it is a number. */
static json_t *word_dump(const struct kg_key *key, const void *object)
{
	uint64_t value = kg_key_number(key, object);

	for (const struct kg_word *word = key->words; word->name != NULL; word++) {
		if ((uint64_t)word->value == value)
			return json_string(word->name);
	}
	return NULL;
}

static json_t *word_or_number_dump(const struct kg_key *key, const void *object)
{
	json_t *word = word_dump(key, object);

	return word != NULL ? word : kg_kind_number.dump(key, object);
}

const struct kg_kind kg_kind_word_or_number = { "whole number", word_or_number_load,
						word_or_number_dump };

/* Small numbers stand for words. */
static void word_or_bandwidth_load(const struct kg_field *field, const struct kg_place *at,
				   const json_t *value)
{
	const struct kg_word *word = word_of(field->key, value);
	char allowed[WORDS_BYTES + sizeof(WORD_OR_BITS)];
	uint64_t Bps;

	if (word != NULL) {
		kg_field_store_number(field, (uint64_t)word->value);
	} else if (kg_json_bandwidth(value, &Bps) && Bps >= BANDWIDTH_LEAST_BPS) {
		kg_field_store_number(field, Bps);
	} else {
		write_words(field->key->words, allowed);
		strcat(allowed, WORD_OR_BITS);
		kg_field_refuse(field, at, value, allowed);
	}
}

static json_t *word_or_bandwidth_dump(const struct kg_key *key, const void *object)
{
	json_t *word = word_dump(key, object);

	return word != NULL ? word : kg_kind_bandwidth.dump(key, object);
}

const struct kg_kind kg_kind_word_or_bandwidth = { "bits per second", word_or_bandwidth_load,
						   word_or_bandwidth_dump };
