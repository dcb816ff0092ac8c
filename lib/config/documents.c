/* SPDX-License-Identifier: BSD-3-Clause */
/* From a file to JSON. */
#include "config/load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX_BYTES (16u << 20) /* far more than a configuration of 256 tunnels */

json_t *kg_document_parse(const char *name, const char *text, size_t len,
			  struct kg_config_report *report)
{
	static const char byte_order_mark[] = "\xef\xbb\xbf";
	const size_t mark = sizeof(byte_order_mark) - 1;
	json_error_t error;

	if (len >= mark && !memcmp(text, byte_order_mark, mark)) {
		text += mark;
		len -= mark;
	}
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);

	if (!root)
		kg_report_syntax(report, name, &error);
	return root;
}

/* Reads to the end. False with errno set. */
static bool read_all(FILE *file, char *text, size_t *len)
{
	*len = fread(text, 1, FILE_MAX_BYTES, file);
	if (ferror(file))
		return false;
	errno = EFBIG;
	return *len < FILE_MAX_BYTES;
}

json_t *kg_document_read(const char *path, struct kg_config_report *report)
{
	const struct kg_place at = { .file = path };
	FILE *file = fopen(path, "re");
	json_t *root = NULL;
	size_t len;

	if (!file) {
		kg_report_error(report, &at, "cannot be opened: %s", strerror(errno));
		return NULL;
	}
	char *text = kg_config_alloc(FILE_MAX_BYTES, 1);

	if (read_all(file, text, &len))
		root = kg_document_parse(path, text, len, report);
	else
		kg_report_error(report, &at, "cannot be read: %s", strerror(errno));
	free(text);
	fclose(file);
	return root;
}
