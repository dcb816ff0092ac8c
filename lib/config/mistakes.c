/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes down where a mistake stands and what is wrong, line by line. */
#include "config/mistakes.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define TOLD_MAX 1000 /* more than anybody reads */

void *kg_config_alloc(size_t count, size_t bytes)
{
	void *memory = calloc(KG_MAX(count, 1u), bytes);

	if (!memory) {
		fputs("kcpgate: out of memory while reading the configuration\n", stderr);
		abort();
	}
	return memory;
}

char *kg_config_strdup(const char *text)
{
	size_t bytes = strlen(text) + 1;

	return memcpy(kg_config_alloc(bytes, 1), text, bytes);
}

struct kg_place kg_place_member(const struct kg_place *in, const char *key)
{
	struct kg_place at = { .file = in->file, .line = in->line };
	int length = snprintf(at.path, sizeof(at.path), "%s%s", in->path, in->path[0] ? "." : "");

	snprintf(at.path + length, sizeof(at.path) - (size_t)length, "%s", key);
	return at;
}

struct kg_place kg_place_item(const struct kg_place *in, size_t index)
{
	struct kg_place at = { .file = in->file, .line = in->line };
	size_t length = strlen(in->path);

	memcpy(at.path, in->path, length);
	snprintf(at.path + length, sizeof(at.path) - length, "[%zu]", index);
	return at;
}

void kg_mistakes_init(struct kg_mistakes *mistakes)
{
	*mistakes = (struct kg_mistakes){ 0 };
	mistakes->errors_end = &mistakes->errors;
	mistakes->warnings_end = &mistakes->warnings;
}

/* Keys and values come from a file: no control character of theirs reaches a terminal. */
static void make_printable(char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
	}
}

static char *vprint(const char *format, va_list args)
{
	char *text;

	if (vasprintf(&text, format, args) < 0)
		text = kg_config_strdup(format);
	make_printable(text);
	return text;
}

__attribute__((format(printf, 1, 2))) static char *print(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	char *text = vprint(format, args);
	va_end(args);
	return text;
}

static char *place_text(const struct kg_place *at)
{
	const char *separator = at->path[0] ? ": " : "";

	return at->line != 0 ? print("%s:%u%s%s", at->file, at->line, separator, at->path)
			     : print("%s%s%s", at->file, separator, at->path);
}

/* How many there are. One that says the same at the same place is the last of them. */
static unsigned int count_until(const struct kg_mistake *entry, const char *where, const char *text,
				bool *said)
{
	unsigned int count = 0;

	for (*said = false; entry != NULL && !*said; entry = entry->next, count++)
		*said = strcmp(entry->where, where) == 0 && strcmp(entry->text, text) == 0;
	return count;
}

/* Once, though both legs of a relay may come to it; and not for ever, whatever the file. */
static void append(const struct kg_mistake *list, struct kg_mistake ***end, char *where, char *text)
{
	struct kg_mistake *entry;
	bool said;
	unsigned int count = count_until(list, where, text, &said);

	if (said || count > TOLD_MAX) {
		free(where);
		free(text);
		return;
	}
	if (count == TOLD_MAX) {
		free(text);
		text = kg_config_strdup("more is wrong than is told here");
	}
	entry = kg_config_alloc(1, sizeof(*entry));
	entry->where = where;
	entry->text = text;
	**end = entry;
	*end = &entry->next;
}

void kg_mistakes_error(struct kg_mistakes *mistakes, const struct kg_place *at, const char *format,
		       ...)
{
	va_list args;

	va_start(args, format);
	append(mistakes->errors, &mistakes->errors_end, place_text(at), vprint(format, args));
	va_end(args);
}

void kg_mistakes_warning(struct kg_mistakes *mistakes, const struct kg_place *at,
			 const char *format, ...)
{
	va_list args;

	va_start(args, format);
	append(mistakes->warnings, &mistakes->warnings_end, place_text(at), vprint(format, args));
	va_end(args);
}

void kg_mistakes_syntax(struct kg_mistakes *mistakes, const char *file, const json_error_t *error)
{
	append(mistakes->errors, &mistakes->errors_end,
	       print("%s:%d:%d", file, error->line, error->column), print("%s", error->text));
}

const char *kg_found(const json_t *value, char text[KG_FOUND_BYTES])
{
	char *whole = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_ENSURE_ASCII);
	int length = snprintf(text, KG_FOUND_BYTES, "%s", whole ? whole : kg_found_type(value));

	if (length >= KG_FOUND_BYTES)
		memcpy(text + KG_FOUND_BYTES - sizeof("..."), "...", sizeof("..."));
	free(whole);
	return text;
}

const char *kg_found_type(const json_t *value)
{
	static const char *const names[] = {
		[JSON_OBJECT] = "an object", [JSON_ARRAY] = "a list",  [JSON_STRING] = "a text",
		[JSON_INTEGER] = "a number", [JSON_REAL] = "a number", [JSON_TRUE] = "true",
		[JSON_FALSE] = "false",      [JSON_NULL] = "null",
	};

	return names[json_typeof(value)];
}

static void free_list(struct kg_mistake *entry)
{
	while (entry) {
		struct kg_mistake *next = entry->next;

		free(entry->where);
		free(entry->text);
		free(entry);
		entry = next;
	}
}

void kg_mistakes_free(struct kg_mistakes *mistakes)
{
	free_list(mistakes->errors);
	free_list(mistakes->warnings);
	kg_mistakes_init(mistakes);
}

void kg_mistakes_print(const struct kg_mistakes *mistakes, FILE *to)
{
	for (const struct kg_mistake *e = mistakes->errors; e; e = e->next)
		fprintf(to, "%s: %s\n", e->where, e->text);
	for (const struct kg_mistake *w = mistakes->warnings; w; w = w->next)
		fprintf(to, "%s: warning: %s\n", w->where, w->text);
}
