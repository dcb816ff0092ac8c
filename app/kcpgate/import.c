/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads .conf files of KCPTube and UDP Hop and writes what lib/import makes of them. */
#include "import.h"

#include "config/file.h"
#include "import/import.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static json_t *import_files(const char *const *paths, const struct kg_file *files, size_t count,
			    bool udphop, struct kg_mistakes *mistakes)
{
	struct kg_import_source *sources = kg_config_alloc(count, sizeof(*sources));
	json_t *document;

	for (size_t i = 0; i < count; i++)
		sources[i] =
			(struct kg_import_source){ paths[i], files[i].text, files[i].len, udphop };
	document = kg_import(sources, count, mistakes);
	free(sources);
	return document;
}

static bool write_document(const json_t *document)
{
	if (json_dumpf(document, stdout, JSON_INDENT(2)) == 0 && putchar('\n') != EOF &&
	    fflush(stdout) == 0)
		return true;
	fprintf(stderr, "kcpgate: standard output: %s\n", strerror(errno));
	return false;
}

/* A file that cannot be read would only lead to what does not follow from the others. */
bool kg_import_files(const char *const *paths, size_t count, bool udphop)
{
	struct kg_file *files = kg_config_alloc(count, sizeof(*files));
	struct kg_mistakes mistakes;
	json_t *document = NULL;
	bool good;

	kg_mistakes_init(&mistakes);
	for (size_t i = 0; i < count; i++)
		kg_file_read(&files[i], paths[i], &mistakes);
	if (mistakes.errors == NULL)
		document = import_files(paths, files, count, udphop, &mistakes);
	kg_mistakes_print(&mistakes, stderr);
	good = document != NULL && write_document(document);
	json_decref(document);
	kg_mistakes_free(&mistakes);
	for (size_t i = 0; i < count; i++)
		kg_file_wipe(&files[i]);
	free(files);
	return good;
}
