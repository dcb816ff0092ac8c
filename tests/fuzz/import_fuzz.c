/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * .conf files: whatever they are, something is made of them or said about them, and what is made
 * loads when its ports are filled in. Bytes of 1 part an input into several files.
 */
#include <string.h>

#include "fuzz.h"
#include "import/import.h"

#define FILES_MAX 4

static const char *const names[FILES_MAX] = { "fuzz.conf", "fuzz/fuzz.conf", "fuzz", "fuzz/.conf" };

static size_t split(struct kg_import_source sources[FILES_MAX], const char *text, size_t len)
{
	size_t count = 0;

	while (count < FILES_MAX) {
		const char *end = len > 0 ? memchr(text, 1, len) : NULL;
		size_t bytes = end != NULL ? (size_t)(end - text) : len;

		sources[count] = (struct kg_import_source){ names[count], text, bytes };
		count++;
		if (end == NULL)
			break;
		text += bytes + 1;
		len -= bytes + 1;
	}
	return count;
}

/* Each is about one of the files, or about all together. */
static void check_said(const struct kg_mistake *said)
{
	for (; said != NULL; said = said->next) {
		FUZZ_CHECK(strncmp(said->where, "fuzz", 4) == 0 ||
			   strncmp(said->where, "the import: ", 12) == 0);
		FUZZ_CHECK(*said->text != '\0');
	}
}

static unsigned int errors_of(const json_t *document)
{
	char *text = json_dumps(document, 0);
	struct kg_config config;
	struct kg_mistakes mistakes;
	unsigned int count = 0;

	FUZZ_CHECK(text != NULL);
	kg_config_load_text(&config, &mistakes, "imported", text, strlen(text));
	for (const struct kg_mistake *e = mistakes.errors; e != NULL; e = e->next) {
		FUZZ_CHECK(strncmp(e->where, "imported: ports[0].", 19) == 0);
		count++;
	}
	kg_mistakes_free(&mistakes);
	kg_config_free(&config);
	free(text);
	return count;
}

/* Device, addresses and gateway are left to be filled in, and nothing else is wrong. */
static void check_document(json_t *document)
{
	json_t *port = json_pack("{s:s,s:[s,s]}", "device", "net_null0", "addresses",
				 "192.0.2.77/24", "fd00:77::1/64");

	FUZZ_CHECK(errors_of(document) == 3);
	json_object_set_new(document, "ports", json_pack("[o]", port));
	FUZZ_CHECK(errors_of(document) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct kg_import_source sources[FILES_MAX];
	size_t count = split(sources, (const char *)data, len);
	struct kg_mistakes mistakes;
	json_t *document;

	kg_mistakes_init(&mistakes);
	document = kg_import(sources, count, &mistakes);
	FUZZ_CHECK((document == NULL) == (mistakes.errors != NULL));
	check_said(mistakes.errors);
	check_said(mistakes.warnings);
	if (document != NULL)
		check_document(document);
	json_decref(document);
	kg_mistakes_free(&mistakes);
	return 0;
}
