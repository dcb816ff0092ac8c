/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads a secret that stands in a file of its own, so that the configuration may be shown to
 * anybody. The configuration holds what is in it, and not where it was from. */
#include "config/file.h"
#include "config/kinds.h"
#include "config/values.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ALLOWED "the path of a file with one line"

/* Nobody waits for a pipe, or reads a device to its end. */
static bool is_file(const char *path)
{
	struct stat what;

	return path != NULL && stat(path, &what) == 0 && S_ISREG(what.st_mode);
}

/* NULL: there is none, or it is more than one. */
static char *line_of(const struct kg_file *file)
{
	char *text = kg_config_alloc(file->len + 1, 1), *line = NULL;
	struct kg_slice s;

	memcpy(text, file->text, file->len);
	text[file->len] = '\0';
	s = kg_slice_of(text);
	if (s.at < s.end && strlen(text) == file->len &&
	    memchr(s.at, '\n', (size_t)(s.end - s.at)) == NULL) {
		line = kg_config_alloc((size_t)(s.end - s.at) + 1, 1);
		memcpy(line, s.at, (size_t)(s.end - s.at));
	}
	explicit_bzero(text, file->len);
	free(text);
	return line;
}

static void take(const struct kg_field *field, const struct kg_place *at, const json_t *value,
		 const struct kg_file *file)
{
	char **member = kg_field_member(field), *line = line_of(file);

	if (file->exposed)
		kg_mistakes_warning(field->mistakes, at,
				    "every user can read that file; chmod o-r would do");
	if (line == NULL) {
		kg_field_refuse(field, at, value, ALLOWED);
		return;
	}
	free(*member);
	*member = line;
}

static void secret_load(const struct kg_field *field, const struct kg_place *at,
			const json_t *value)
{
	const char *path = json_string_value(value);
	struct kg_file file = { 0 };

	if (!is_file(path))
		kg_field_refuse(field, at, value, ALLOWED);
	else if (kg_file_read(&file, path, field->mistakes))
		take(field, at, value, &file);
	kg_file_wipe(&file);
}

/* The key whose value it is shows it. */
static json_t *secret_dump(const struct kg_key *key, const void *object)
{
	return NULL;
}

const struct kg_kind kg_kind_secret_file = { "path", secret_load, secret_dump };
