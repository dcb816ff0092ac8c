/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tables of keys in docs/configuration.md are what the schema says. To write them anew:
 *     KG_UPDATE=1 meson test config_reference_test
 */
#include "config/kinds.h"
#include "config/presets.h"
#include "config_fixture.h"
#include "document.h"

static void print_words(const struct kg_word *words, FILE *to)
{
	const char *before = "";

	for (; words->name; words++) {
		fprintf(to, "%s`%s`", before, words->name);
		before = ", ";
	}
}

static void print_value(const struct kg_key *key, FILE *to)
{
	char range[KG_RANGE_BYTES];

	if (key->words) {
		print_words(key->words, to);
		if (key->max == 0)
			return;
		fputs(", or ", to);
	}
	fputs(key->kind->what, to);
	if (key->max)
		fprintf(to, ", %s", kg_key_range(key, range));
}

static void print_default(const struct kg_key *key, FILE *to)
{
	if (key->required)
		fputs("**required**", to);
	else if (key->computed)
		fputs(key->computed, to);
	else if (key->fallback && strcmp(key->fallback, "[]"))
		fprintf(to, "`%s`", key->fallback);
	else
		fputs("none", to);
}

/* What lib/config does with numbers out of range, for the reader of the table. */
static const char *beyond_text(const struct kg_key *key)
{
	switch (key->beyond) {
	case KG_BEYOND_CAP:
		return " Larger numbers are taken as the largest, with a warning.";
	case KG_BEYOND_DEFAULT:
		return " Other numbers mean the default, with a warning.";
	default:
		return "";
	}
}

static void print_keys(enum kg_scope scope, FILE *to)
{
	bool tunnel = scope == KG_SCOPE_TUNNEL;

	fprintf(to, "| key | value | default | meaning |%s\n", tunnel ? " KCPTube |" : "");
	fprintf(to, "| --- | --- | --- | --- |%s\n", tunnel ? " --- |" : "");
	for (const struct kg_key *key = kg_schema; key < kg_schema + kg_schema_count; key++) {
		if (key->scope != scope || !key->kind)
			continue;
		fprintf(to, "| `%s` | ", key->name);
		print_value(key, to);
		fputs(" | ", to);
		print_default(key, to);
		fprintf(to, " | %s%s |", key->help, beyond_text(key));
		if (tunnel)
			fprintf(to, " %s |", key->kcptube ? key->kcptube : "the same");
		fputc('\n', to);
	}
}

static void print_later(FILE *to)
{
	fputs("| key | what it is for |\n| --- | --- |\n", to);
	for (const struct kg_key *key = kg_schema; key < kg_schema + kg_schema_count; key++) {
		if (!key->kind)
			fprintf(to, "| `%s` | %s |\n", key->name, key->help);
	}
}

static void print_relay(FILE *to)
{
	static const char *const objects[] = { "relay", "`listener`", "`forwarder`" };

	fputs("| key | may stand in |\n| --- | --- |\n", to);
	for (const struct kg_key *key = kg_schema; key < kg_schema + kg_schema_count; key++) {
		const char *before = "";

		if (key->relay == 0)
			continue;
		fprintf(to, "| `%s` | ", key->name);
		for (size_t i = 0; i < KG_ARRAY_SIZE(objects); i++) {
			if ((key->relay & 1u << i) == 0)
				continue;
			fprintf(to, "%s%s", before, objects[i]);
			before = ", ";
		}
		fputs(" |\n", to);
	}
}

static void print_presets(FILE *to)
{
	fputs("| kcp | kcp_nodelay | kcp_interval | kcp_resend | kcp_nc | windows |\n"
	      "| --- | --- | --- | --- | --- | --- |\n",
	      to);
	for (const struct kg_word *word = kg_preset_words; word->name; word++) {
		const struct kg_preset *p = kg_preset_find(word->name);

		fprintf(to, "| `%s` | ", p->name);
		if (!strcmp(p->name, KG_PRESET_MANUAL))
			fputs("required | required | required | required", to);
		else
			fprintf(to, "%u | %u | %u | %s", p->nodelay, p->interval_ms, p->resend,
				p->nc ? "true" : "false");
		fprintf(to, " | %u |\n", p->window);
	}
}

/* The table called `name`: a scope's path, "box" for the outermost, "later", "relay" or "presets".
 */
static void print_table(const char *name, FILE *to)
{
	if (!strcmp(name, "later"))
		print_later(to);
	if (!strcmp(name, "relay"))
		print_relay(to);
	if (!strcmp(name, "presets"))
		print_presets(to);
	for (enum kg_scope scope = 0; scope < KG_SCOPES; scope++) {
		if (!strcmp(name, scope ? kg_scope_paths[scope] : "box"))
			print_keys(scope, to);
	}
}

static void tables_are_current(void **state)
{
	document_check("docs/configuration.md", print_table, KG_SCOPES + 3);
}

static void every_key_is_described(void **state)
{
	for (const struct kg_key *key = kg_schema; key < kg_schema + kg_schema_count; key++) {
		assert_true(strlen(key->help) > 0);
		/* '|' would end a cell of the table */
		assert_null(strchr(key->help, '|'));
		assert_ptr_equal(kg_schema_find(key->scope, key->name), key);
		assert_ptr_equal(kg_schema_nearest(key->scope, key->name), key);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_are_current),
		cmocka_unit_test(every_key_is_described),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
