/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Imports one file, and looks at what has become of it. Whatever is imported must load: as it is,
 * with nothing but the ports to be filled in, and without an error when these are.
 */
#pragma once

#include "config_fixture.h"
#include "import/import.h"

#define IMPORT_FILE "home.conf"
#define AT          IMPORT_FILE ":"
#define IMPORT_PORT                              \
	"{'name': 'wan', 'device': 'net_null0'," \
	" 'addresses': ['192.0.2.77/24', 'fd00:77::1/64']}"

/* The least of a client and of a server, four lines each. */
#define CLIENT                                                   \
	"mode=client\nlisten_port=6000\ndestination_port=3000\n" \
	"destination_address=198.18.0.2\n"
#define SERVER                                                 \
	"mode=server\nlisten_port=3000\ndestination_port=80\n" \
	"destination_address=::1\n"

/* What is said of a line. */
#define BEHIND(line, key) \
	AT line ": " key ": warning: what stands behind the number is left out, as KCPTube does\n"
#define AGAIN(line, key, first) AT line ": " key ": warning: takes the place of line " first "\n"
#define NO_USE(line, key)       AT line ": " key ": warning: without effect here; left out\n"

struct imported {
	json_t *document;
	struct kg_mistakes mistakes;
};

static inline struct imported import_bytes(const char *name, const char *text, size_t len)
{
	const struct kg_import_source source = { name, text, len };
	struct imported result;

	kg_mistakes_init(&result.mistakes);
	result.document = kg_import(&source, 1, &result.mistakes);
	return result;
}

static inline struct imported import_text(const char *text)
{
	return import_bytes(IMPORT_FILE, text, strlen(text));
}

static inline void forget(struct imported *result)
{
	json_decref(result->document);
	kg_mistakes_free(&result->mistakes);
}

static inline void load_document(struct fixture *f, const json_t *document)
{
	char *text = json_dumps(document, 0);

	kg_config_load_text(&f->config, &f->mistakes, FIXTURE_FILE, text, strlen(text));
	free(text);
}

static inline bool begins_with(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* Only what is to be filled in is wrong with it. */
static inline void expect_unfilled(const json_t *document)
{
	struct fixture f;

	load_document(&f, document);
	if (count_entries(f.mistakes.errors) != 3)
		fail_with_mistakes(&f, "three errors");
	for (const struct kg_mistake *e = f.mistakes.errors; e != NULL; e = e->next) {
		if (!begins_with(e->where, FIXTURE_FILE ": ports[0].") ||
		    !begins_with(e->text, "to be filled in: "))
			fail_with_mistakes(&f, "nothing but to be filled in");
	}
	unload(&f);
}

static inline void expect_filled(const json_t *document)
{
	json_t *filled = json_copy((json_t *)(uintptr_t)document);
	struct fixture f;

	json_object_set_new(filled, "ports", json_pack("[o]", parse(IMPORT_PORT)));
	load_document(&f, filled);
	if (f.mistakes.errors != NULL)
		fail_with_mistakes(&f, "no errors");
	json_decref(filled);
	unload(&f);
}

static inline void fail_with_import(const struct imported *result, const char *expected)
{
	char *json = json_dumps(result->document, JSON_INDENT(2));

	fprintf(stderr, "%s\n", json != NULL ? json : "no document");
	kg_mistakes_print(&result->mistakes, stderr);
	free(json);
	fail_msg("expected: %s", expected);
}

/* What is said: the lines of kg_mistakes_print, in this order. */
static inline void expect_said(const struct imported *result, const char *lines)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	kg_mistakes_print(&result->mistakes, to);
	fclose(to);
	if (strcmp(text, lines) != 0)
		fail_with_import(result, lines);
	free(text);
}

/* The tunnel but for its name. */
static inline void expect_tunnel(const struct imported *result, json_t *expected)
{
	json_t *tunnel;
	char *text = json_dumps(expected, JSON_INDENT(2));

	if (result->document == NULL)
		fail_with_import(result, text);
	tunnel = json_copy(json_array_get(json_object_get(result->document, "tunnels"), 0));
	json_object_del(tunnel, "name");
	if (!json_equal(tunnel, expected))
		fail_with_import(result, text);
	expect_unfilled(result->document);
	expect_filled(result->document);
	json_decref(tunnel);
	json_decref(expected);
	free(text);
}

/* A file, the tunnel that it makes, what is said. */
struct good {
	const char *text, *tunnel, *said;
};

static inline void expect_imports(const struct good *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct imported result = import_text(cases[i].text);

		expect_tunnel(&result, parse(cases[i].tunnel));
		expect_said(&result, cases[i].said);
		forget(&result);
	}
}

/* A file that makes no configuration, and what is said. */
struct refused {
	const char *text, *said;
};

static inline void expect_refused(const struct refused *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct imported result = import_text(cases[i].text);

		if (result.document != NULL)
			fail_with_import(&result, cases[i].said);
		expect_said(&result, cases[i].said);
		forget(&result);
	}
}
