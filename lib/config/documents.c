/* SPDX-License-Identifier: BSD-3-Clause */
/* From a file to JSON. */
#include "config/load.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX_BYTES (16u << 20) /* far more than a configuration of 256 tunnels */

static void wipe_and_free(void *memory)
{
	if (memory)
		explicit_bzero(memory, malloc_usable_size(memory));
	free(memory);
}

void kg_documents_wipe(void)
{
	json_set_alloc_funcs(malloc, wipe_and_free);
}

json_t *kg_document_parse(const char *name, const char *text, size_t len,
			  struct kg_mistakes *mistakes)
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
		kg_mistakes_syntax(mistakes, name, &error);
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

/* Unbuffered: no copy of a password stays behind in the library. */
static void read_document(FILE *file, struct kg_document *document, struct kg_mistakes *mistakes)
{
	const struct kg_place at = { .file = document->file };
	char *text = kg_config_alloc(FILE_MAX_BYTES, 1);
	struct stat status;
	size_t len;

	setvbuf(file, NULL, _IONBF, 0);
	document->exposed = fstat(fileno(file), &status) == 0 && S_ISREG(status.st_mode) &&
			    (status.st_mode & S_IROTH) != 0;
	if (read_all(file, text, &len))
		document->root = kg_document_parse(document->file, text, len, mistakes);
	else
		kg_mistakes_error(mistakes, &at, "cannot be read: %s", strerror(errno));
	explicit_bzero(text, len);
	free(text);
}

struct kg_document kg_document_read(const char *path, struct kg_mistakes *mistakes)
{
	const struct kg_place at = { .file = path };
	struct kg_document document = { .file = path };
	FILE *file = fopen(path, "re");

	if (!file) {
		kg_mistakes_error(mistakes, &at, "cannot be opened: %s", strerror(errno));
		return document;
	}
	read_document(file, &document, mistakes);
	fclose(file);
	return document;
}
