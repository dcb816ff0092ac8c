/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config/kcpgate.schema.json, for editors, is what the schema in lib/config says. With KG_UPDATE
 * set it is written anew instead of compared.
 */
#include "config/kinds.h"
#include "config_fixture.h"

#define DOCUMENT      "config/kcpgate.schema.json"
#define PORTS_PATTERN "[ 0-9,-]+"

/* What JSON Schema says about each kind, but for numbers' ranges and words. */
static const struct {
	const struct kg_kind *kind;
	const char *rules;
} kinds[] = {
	{ &kg_kind_text, "{'type': 'string', 'minLength': 1}" },
	{ &kg_kind_secret_file, "{'type': 'string', 'minLength': 1}" },
	{ &kg_kind_name, "{'type': 'string', 'pattern': '^[A-Za-z0-9_][A-Za-z0-9._-]{0,31}$'}" },
	{ &kg_kind_tap, "{'type': 'string', 'pattern': '^[A-Za-z0-9_][A-Za-z0-9._@+-]{0,14}$'}" },
	{ &kg_kind_choice, "{}" },
	{ &kg_kind_word, "{}" },
	{ &kg_kind_number, "{'type': ['integer', 'string'], 'pattern': '^ *[+-]?[0-9]+ *$'}" },
	{ &kg_kind_word_or_number,
	  "{'type': ['integer', 'string'], 'pattern': '^( *[+-]?[0-9]+ *|[A-Za-z]+)$'}" },
	{ &kg_kind_bool, "{'enum': [true, false, 1, 0, 'yes', 'no', 'true', 'false', '1', '0']}" },
	{ &kg_kind_bandwidth, "{'type': ['integer', 'string'], 'minimum': 0,"
			      " 'pattern': '^ *[0-9]+[KMGkmg]? *$'}" },
	{ &kg_kind_word_or_bandwidth, "{'type': ['integer', 'string'], 'minimum': 8000,"
				      " 'pattern': '^( *[0-9]+[KMGkmg]? *|[A-Za-z]+)$'}" },
	{ &kg_kind_fec, "{'type': 'string', 'pattern': '^ *[0-9]+ *: *[0-9]+ *$'}" },
	{ &kg_kind_interval, "{'type': ['integer', 'string'], 'minimum': 0, 'maximum': 32767,"
			     " 'pattern': '^ *[0-9]+ *(- *[0-9]+ *)?$'}" },
	{ &kg_kind_ports,
	  "{'type': ['integer', 'string', 'array'], 'minimum': 1, 'maximum': 65535,"
	  " 'pattern': '^(" PORTS_PATTERN "|[{][}])$', 'minItems': 1,"
	  " 'items': {'type': ['integer', 'string'], 'minimum': 1, 'maximum': 65535,"
	  "           'pattern': '^" PORTS_PATTERN "$'}}" },
	{ &kg_kind_addresses, "{'type': ['string', 'array'], 'items': {'type': 'string'}}" },
	{ &kg_kind_hosts, "{'type': ['string', 'array'], 'items': {'type': 'string'}}" },
	{ &kg_kind_stun_servers, "{'type': ['string', 'array'], 'items': {'type': 'string'}}" },
	{ &kg_kind_host_name, "{'type': 'string'}" },
	{ &kg_kind_gateways, "{'type': ['string', 'array'], 'items': {'type': 'string'}}" },
	{ &kg_kind_prefixes, "{'type': ['string', 'array'], 'pattern': '/',"
			     " 'items': {'type': 'string', 'pattern': '/'}}" },
	{ &kg_kind_numbers, "{'type': ['integer', 'array'], 'items': {'type': 'integer'}}" },
	{ &kg_kind_texts, "{'type': ['string', 'array'], 'minLength': 1,"
			  " 'items': {'type': 'string', 'minLength': 1}}" },
	{ &kg_kind_allows, "{'type': ['string', 'array'], 'minLength': 1, 'minItems': 1,"
			   " 'items': {'type': 'string', 'pattern': ':([0-9]+(-[0-9]+)?|[*])$'}}" },
	{ &kg_kind_listening, "{'type': 'string', 'pattern': ':[0-9]+$'}" },
	{ &kg_kind_target, "{'type': 'string', 'pattern': '.:[0-9]+$'}" },
	{ &kg_kind_object, "{}" },
	{ &kg_kind_objects, "{'type': 'array'}" },
	{ &kg_kind_leg, "{}" },
};

static json_t *scope_rules(enum kg_scope scope);
static json_t *leg_rules(enum kg_relay_object leg);

static json_t *kind_rules(const struct kg_kind *kind)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(kinds); i++) {
		if (kinds[i].kind == kind)
			return parse(kinds[i].rules);
	}
	fail_msg("no rules for the kind \"%s\"", kind->what);
	return NULL;
}

static void add_range(json_t *rules, const struct kg_key *key)
{
	json_object_set_new(rules, "minimum", json_integer(key->zero_unset ? 0 : key->min));
	json_object_set_new(rules, "maximum", json_integer(key->max));
}

static void add_words(json_t *rules, const struct kg_word *words)
{
	json_t *list = json_array();

	for (; words->name; words++)
		json_array_append_new(list, json_string(words->name));
	json_object_set_new(rules, "enum", list);
}

static json_t *key_rules(const struct kg_key *key)
{
	json_t *rules = kind_rules(key->kind);

	if (key->kind == &kg_kind_object)
		json_object_update_new(rules, scope_rules(key->inner));
	if (key->kind == &kg_kind_leg)
		json_object_update_new(rules, leg_rules(strcmp(key->name, "listener") == 0
								? KG_IN_LISTENER
								: KG_IN_FORWARDER));
	if (key->kind == &kg_kind_objects)
		json_object_set_new(rules, "items", scope_rules(key->inner));
	if (key->max)
		add_range(key->kind == &kg_kind_numbers ? json_object_get(rules, "items") : rules,
			  key);
	if (key->words && key->kind != &kg_kind_word_or_number &&
	    key->kind != &kg_kind_word_or_bandwidth)
		add_words(rules, key->words);
	if (key->fallback)
		json_object_set_new(rules, "default",
				    json_loads(key->fallback, JSON_DECODE_ANY, NULL));
	json_object_set_new(rules, "description", json_string(key->help));
	return rules;
}

/* Keys of the box are not required: they may stand in another file. Nor are those for which "{}"
 * may stand in another key. */
static json_t *scope_rules(enum kg_scope scope)
{
	json_t *properties = json_object(), *required = json_array();

	for (const struct kg_key *key = kg_schema; key < kg_schema + kg_schema_count; key++) {
		if (key->scope != scope || !key->kind)
			continue;
		json_object_set_new(properties, key->name, key_rules(key));
		if (key->required && scope != KG_SCOPE_ROOT && !key->custom_offset)
			json_array_append_new(required, json_string(key->name));
	}
	return json_pack("{s:s,s:b,s:o,s:o}", "type", "object", "additionalProperties", false,
			 "required", required, "properties", properties);
}

/* What a leg needs may stand in the relay's own object. */
static json_t *leg_rules(enum kg_relay_object leg)
{
	json_t *properties = json_object();

	for (const struct kg_key *key = kg_schema; key < kg_schema + kg_schema_count; key++) {
		if (key->scope == KG_SCOPE_TUNNEL && key->kind && (key->relay & leg) != 0)
			json_object_set_new(properties, key->name, key_rules(key));
	}
	return json_pack("{s:s,s:b,s:o}", "type", "object", "additionalProperties", false,
			 "properties", properties);
}

static json_t *whole_schema(void)
{
	json_t *schema =
		json_pack("{s:s,s:s}", "$schema", "https://json-schema.org/draft/2020-12/schema",
			  "title", "Configuration of kcpgate");

	json_object_update_new(schema, scope_rules(KG_SCOPE_ROOT));
	return schema;
}

static void schema_is_current(void **state)
{
	json_t *wanted = whole_schema();
	char path[4096];

	snprintf(path, sizeof(path), "%s/../../" DOCUMENT, getenv("KG_VECTORS"));
	if (getenv("KG_UPDATE")) {
		FILE *file = fopen(path, "w");

		assert_non_null(file);
		json_dumpf(wanted, file, JSON_INDENT(2));
		fputc('\n', file);
		fclose(file);
	} else {
		json_t *stored = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);

		if (!json_equal(stored, wanted))
			fail_msg(DOCUMENT
				 " is not what lib/config says: set KG_UPDATE=1 and run again");
		json_decref(stored);
	}
	json_decref(wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schema_is_current),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
