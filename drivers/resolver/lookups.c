/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads nsswitch.conf itself, for c-ares tells only some of its versions' callers what it says. */
#include "resolver/lookups.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char space[] = " \t\r\n";

/* The words behind "hosts:". */
static enum kg_lookups order_of(char *words)
{
	unsigned int files = 0, servers = 0, place = 1;
	char *rest;

	for (char *word = strtok_r(words, space, &rest); word != NULL;
	     word = strtok_r(NULL, space, &rest), place++) {
		if (files == 0 && strcmp(word, "files") == 0)
			files = place;
		if (servers == 0 && (strcmp(word, "dns") == 0 || strcmp(word, "resolve") == 0))
			servers = place;
	}
	if (servers == 0)
		return files == 0 ? KG_LOOKUPS_FILES_THEN_SERVERS : KG_LOOKUPS_FILES;
	if (files == 0)
		return KG_LOOKUPS_SERVERS;
	return files < servers ? KG_LOOKUPS_FILES_THEN_SERVERS : KG_LOOKUPS_SERVERS_THEN_FILES;
}

enum kg_lookups kg_lookups_read(const char *path)
{
	static const char key[] = "hosts:";
	enum kg_lookups lookups = KG_LOOKUPS_FILES_THEN_SERVERS;
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;

	while (file != NULL && getline(&line, &room, file) >= 0) {
		char *text = line + strspn(line, space);

		text[strcspn(text, "#")] = '\0';
		if (strncmp(text, key, sizeof(key) - 1) == 0)
			lookups = order_of(text + sizeof(key) - 1);
	}
	free(line);
	if (file != NULL)
		fclose(file);
	return lookups;
}
