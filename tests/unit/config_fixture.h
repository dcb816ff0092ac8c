/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A good configuration of one port and one tunnel, to be changed for each case. JSON stands with
 * single quotes here, for the reader of C; null takes a key away.
 */
#pragma once

#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#define FIXTURE_FILE "box.json"
#define FIXTURE_PORT                             \
	"{'name': 'wan', 'device': 'net_null0'," \
	" 'addresses': ['198.18.0.2/24', 'fd00:18::2/64']}"
#define FIXTURE_CLIENT                                                      \
	"{'mode': 'client', 'listen_port': 6000, 'destination_port': 3000," \
	" 'destination_address': '198.18.0.1'}"
#define FIXTURE_SERVER                                                    \
	"{'mode': 'server', 'listen_port': 3000, 'destination_port': 80," \
	" 'destination_address': '127.0.0.1'}"

struct fixture {
	struct kg_config config;
	struct kg_mistakes mistakes;
};

static inline char *with_double_quotes(const char *text)
{
	char *copy = strdup(text);

	for (char *at = copy; (at = strchr(at, '\''));)
		*at = '"';
	return copy;
}

static inline void load_text(struct fixture *f, const char *text)
{
	char *json = with_double_quotes(text);

	kg_config_load_text(&f->config, &f->mistakes, FIXTURE_FILE, json, strlen(json));
	free(json);
}

static inline json_t *parse(const char *text)
{
	char *quoted = with_double_quotes(text);
	json_error_t error;
	json_t *json = json_loads(quoted, JSON_DECODE_ANY, &error);

	if (!json)
		fail_msg("%s in: %s", error.text, quoted);
	free(quoted);
	return json;
}

/* The object with changes made to it. */
static inline json_t *changed(const char *object, const char *changes)
{
	json_t *json = parse(object), *change = parse(changes), *value;
	const char *key;

	json_object_foreach (change, key, value) {
		if (json_is_null(value))
			json_object_del(json, key);
		else
			json_object_set(json, key, value);
	}
	json_decref(change);
	return json;
}

static inline void load_json(struct fixture *f, json_t *json)
{
	char *text = json_dumps(json, 0);

	kg_config_load_text(&f->config, &f->mistakes, FIXTURE_FILE, text, strlen(text));
	free(text);
	json_decref(json);
}

/* Loads one tunnel, FIXTURE_CLIENT or FIXTURE_SERVER, with changes, and the port. */
static inline void load_tunnel(struct fixture *f, const char *tunnel, const char *changes)
{
	load_json(f, json_pack("{s:[o],s:[o]}", "ports", parse(FIXTURE_PORT), "tunnels",
			       changed(tunnel, changes)));
}

/* Loads a changed port and a client. */
static inline void load_port(struct fixture *f, const char *changes)
{
	load_json(f, json_pack("{s:[o],s:[o]}", "ports", changed(FIXTURE_PORT, changes), "tunnels",
			       parse(FIXTURE_CLIENT)));
}

/* Loads a list of tunnels with the port. */
static inline void load_tunnels(struct fixture *f, const char *tunnels)
{
	load_json(f, json_pack("{s:[o],s:o}", "ports", parse(FIXTURE_PORT), "tunnels",
			       parse(tunnels)));
}

static inline void unload(struct fixture *f)
{
	kg_mistakes_free(&f->mistakes);
	kg_config_free(&f->config);
}

static inline unsigned int count_entries(const struct kg_mistake *entry)
{
	unsigned int count = 0;

	for (; entry; entry = entry->next)
		count++;
	return count;
}

/* Fails with all mistakes when what is expected is not there. */
static inline void fail_with_mistakes(const struct fixture *f, const char *expected)
{
	kg_mistakes_print(&f->mistakes, stderr);
	fail_msg("expected: %s", expected);
}

static inline void expect_good(struct fixture *f)
{
	if (f->mistakes.errors || f->mistakes.warnings)
		fail_with_mistakes(f, "no mistakes");
}

static inline void expect_entry(const struct fixture *f, const struct kg_mistake *entry,
				const char *where, const char *text)
{
	for (; entry; entry = entry->next) {
		if (!strcmp(entry->where, where) && !strcmp(entry->text, text))
			return;
	}
	fprintf(stderr, "expected: %s: %s\n", where, text);
	fail_with_mistakes(f, text);
}

static inline void expect_error(const struct fixture *f, const char *where, const char *text)
{
	expect_entry(f, f->mistakes.errors, where, text);
}

/* The one and only error, and the end of the configuration. */
static inline void expect_only_error(struct fixture *f, const char *where, const char *text)
{
	expect_error(f, where, text);
	if (count_entries(f->mistakes.errors) != 1)
		fail_with_mistakes(f, "one error only");
	unload(f);
}

static inline void expect_only_warning(struct fixture *f, const char *where, const char *text)
{
	expect_entry(f, f->mistakes.warnings, where, text);
	if (f->mistakes.errors || count_entries(f->mistakes.warnings) != 1)
		fail_with_mistakes(f, "one warning only");
}

/* A change that is wrong, and what is said about which key. */
struct bad {
	const char *changes, *key, *text;
};

/* Each makes one error in tunnels[0]. */
static inline void expect_tunnel_errors(const char *tunnel, const struct bad *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char where[128];
		struct fixture f;

		snprintf(where, sizeof(where), FIXTURE_FILE ": tunnels[0].%s", cases[i].key);
		load_tunnel(&f, tunnel, cases[i].changes);
		expect_only_error(&f, where, cases[i].text);
	}
}
