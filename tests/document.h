/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Documents whose tables are made out of the code: what stands between "<!-- table NAME -->" and
 * "<!-- end -->" is compared, or with KG_UPDATE set written anew. Includes follow cmocka's.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void document_printer(const char *table, FILE *to);

static inline char *document_read(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t room = 0;

	assert_non_null(file);
	assert_true(getdelim(&text, &room, '\0', file) > 0);
	fclose(file);
	return text;
}

static inline char *document_renew(const char *document, document_printer *print,
				   unsigned int *tables)
{
	static const char begin[] = "<!-- table ", until[] = " -->\n", end[] = "<!-- end -->";
	const char *at, *close;
	char *text;
	size_t length;
	FILE *to = open_memstream(&text, &length);

	for (*tables = 0; (at = strstr(document, begin)); (*tables)++) {
		const char *name_end = strstr(at, until);
		char name[32];

		assert_non_null(name_end);
		snprintf(name, sizeof(name), "%.*s", (int)(name_end - at - (long)strlen(begin)),
			 at + strlen(begin));
		name_end += strlen(until);
		fwrite(document, 1, (size_t)(name_end - document), to);
		print(name, to);
		close = strstr(name_end, end);
		assert_non_null(close);
		document = close;
	}
	fputs(document, to);
	fclose(to);
	return text;
}

/* `name`: from the root of the repository. It has so many tables, and each is as `print` has it. */
static inline void document_check(const char *name, document_printer *print, unsigned int count)
{
	char path[4096];
	unsigned int tables;

	snprintf(path, sizeof(path), "%s/../../%s", getenv("KG_VECTORS"), name);
	char *document = document_read(path), *renewed = document_renew(document, print, &tables);

	assert_int_equal(tables, count);
	if (getenv("KG_UPDATE")) {
		FILE *file = fopen(path, "w");

		assert_non_null(file);
		fputs(renewed, file);
		fclose(file);
	} else if (strcmp(document, renewed)) {
		fail_msg("%s is not what the code says: set KG_UPDATE=1 and run again", name);
	}
	free(document);
	free(renewed);
}
