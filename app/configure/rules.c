/* SPDX-License-Identifier: BSD-3-Clause */
/* Lets a page of the web ask lib/config and lib/import what they say of a text. */
#include "rules.h"
#include "costs.h"

#include "config/load.h"
#include "import/import.h"
#include "import/keys.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

void *kg_rules_allocate(size_t bytes)
{
	return kg_config_alloc(bytes, 1);
}

void kg_rules_release(void *memory)
{
	if (memory != NULL)
		explicit_bzero(memory, malloc_usable_size(memory));
	free(memory);
}

/* A file has any bytes, and a place is cut off anywhere: what is no UTF-8 loses all that is no
 * ASCII. */
static json_t *text_of(char *text)
{
	json_t *json = json_string(text);

	if (json != NULL)
		return json;
	for (char *at = text; *at != '\0'; at++) {
		if ((unsigned char)*at >= 0x80)
			*at = '?';
	}
	return json_string(text);
}

static json_t *list_of(const struct kg_mistake *entry)
{
	json_t *list = json_array();

	for (; entry != NULL; entry = entry->next)
		json_array_append_new(list, json_pack("{s:o,s:o}", "where", text_of(entry->where),
						      "text", text_of(entry->text)));
	return list;
}

static json_t *verdict_of(struct kg_mistakes *mistakes)
{
	json_t *verdict = json_pack("{s:o,s:o}", "errors", list_of(mistakes->errors), "warnings",
				    list_of(mistakes->warnings));

	kg_mistakes_free(mistakes);
	return verdict;
}

static char *take_text(json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT);

	json_decref(json);
	return text;
}

char *kg_rules_check(const char *name, const char *text, size_t len)
{
	struct kg_config config;
	struct kg_mistakes mistakes;
	json_t *verdict;
	bool good;

	kg_config_load_text(&config, &mistakes, name, text, len);
	good = mistakes.errors == NULL;
	verdict = verdict_of(&mistakes);
	if (good)
		json_object_set_new(verdict, "costs", kg_costs(&config));
	kg_config_free(&config);
	return take_text(verdict);
}

char *kg_rules_import(const char *name, const char *text, size_t len)
{
	const struct kg_import_source source = { name, text, len };
	struct kg_mistakes mistakes;
	json_t *document, *verdict;

	kg_mistakes_init(&mistakes);
	document = kg_import(&source, 1, &mistakes);
	verdict = verdict_of(&mistakes);
	if (document != NULL)
		json_object_set_new(verdict, "document", document);
	return take_text(verdict);
}

char *kg_rules_conf_keys(void)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < KG_IMPORT_KEYS; i++) {
		if (kg_import_keys[i].convert != NULL)
			json_array_append_new(list, json_string(kg_import_keys[i].name));
	}
	return take_text(list);
}
