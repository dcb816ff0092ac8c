/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes JSON of a file. */
#include "config/file.h"
#include "config/load.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

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
	size_t mark = kg_file_mark_bytes(text, len);
	json_error_t error;

	text += mark;
	len -= mark;

	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);

	if (!root)
		kg_mistakes_syntax(mistakes, name, &error);
	return root;
}

struct kg_document kg_document_read(const char *path, struct kg_mistakes *mistakes)
{
	struct kg_document document = { .file = path };
	struct kg_file file;

	if (!kg_file_read(&file, path, mistakes))
		return document;
	document.exposed = file.exposed;
	document.root = kg_document_parse(path, file.text, file.len, mistakes);
	kg_file_wipe(&file);
	return document;
}
