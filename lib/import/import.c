/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes one configuration of several .conf files, and has it checked as one that is loaded: what is
 * wrong with a setting is said in the loader's words, with the line that it comes from.
 */
#include "import/import.h"
#include "config/kinds.h"
#include "config/load.h"
#include "import/tunnel.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DOCUMENT "the import" /* what messages of the check call it */

/* ---- names ---- */

/* "/etc/home.conf" is "home"; what a name cannot have becomes '_'. */
static void name_after(const char *file, char name[KG_NAME_MAX_CHARS + 1])
{
	const char *slash = strrchr(file, '/'), *base = slash != NULL ? slash + 1 : file;
	size_t length = strlen(base);

	if (length > 5 && strcasecmp(base + length - 5, ".conf") == 0)
		length -= 5;
	length = KG_MIN(length, (size_t)KG_NAME_MAX_CHARS);
	snprintf(name, KG_NAME_MAX_CHARS + 1, "%.*s", (int)length, base);
	for (char *at = name; *at != '\0'; at++) {
		if (!isalnum((unsigned char)*at) && (strchr("._-", *at) == NULL || at == name))
			*at = '_';
	}
	if (*name == '\0')
		strcpy(name, "tunnel");
}

static bool is_taken(const json_t *tunnels, const char *name)
{
	const json_t *tunnel;
	size_t i;

	json_array_foreach (tunnels, i, tunnel) {
		if (strcmp(json_string_value(json_object_get(tunnel, "name")), name) == 0)
			return true;
	}
	return false;
}

/* "home", then "home-2", … */
static json_t *new_name(const json_t *tunnels, const char *file)
{
	char first[KG_NAME_MAX_CHARS + 1], name[KG_NAME_MAX_CHARS + 1], number[16] = "";

	name_after(file, first);
	strcpy(name, first);
	for (unsigned int i = 2; is_taken(tunnels, name); i++) {
		int length = snprintf(number, sizeof(number), "-%u", i);

		snprintf(name, sizeof(name), "%.*s%s", KG_NAME_MAX_CHARS - length, first, number);
	}
	return json_string(name);
}

/* ---- the check ---- */

struct import {
	struct kg_import_tunnel *tunnels;
	size_t count;
	json_t *list; /* of their JSON */
	struct kg_mistakes *mistakes;
};

static unsigned int line_of_key(const struct kg_import_tunnel *t, const char *path)
{
	enum kg_import_part part = KG_IMPORT_OWN;
	unsigned int key, mapping;

	for (enum kg_import_part leg = KG_IMPORT_LISTENER; leg < KG_IMPORT_PARTS; leg++) {
		size_t length = strlen(kg_import_part_names[leg]);

		if (strncmp(path, kg_import_part_names[leg], length) == 0 && path[length] == '.') {
			part = leg;
			path += length + 1;
		}
	}
	if (sscanf(path, "custom_input[%u]", &mapping) == 1)
		return kg_import_mapping_line(t, mapping);
	key = kg_import_key_find((struct kg_slice){ path, path + strcspn(path, ".[") });
	return key < KG_IMPORT_KEYS ? t->parts[part].lines[key] : 0;
}

/* "the import: tunnels[0].listen_port" as a place in a file; what is about no tunnel stays. */
static struct kg_place origin_of(const struct import *import, const char *where)
{
	const struct kg_import_tunnel *t;
	unsigned int tunnel;
	int length = 0;

	if (sscanf(where, DOCUMENT ": tunnels[%u]%n", &tunnel, &length) != 1 ||
	    tunnel >= import->count)
		return (struct kg_place){ .file = where };
	where += length + (where[length] == '.');
	t = &import->tunnels[tunnel];
	return kg_import_line_place(t, line_of_key(t, where), where);
}

static void report(const struct import *import, const struct kg_mistakes *found)
{
	for (const struct kg_mistake *e = found->errors; e != NULL; e = e->next) {
		struct kg_place at = origin_of(import, e->where);

		kg_mistakes_error(import->mistakes, &at, "%s", e->text);
	}
}

/* With a port that has whatever a tunnel asks of it. */
static void check(const struct import *import)
{
	json_t *whole = json_pack("{s:[{s:s,s:b}],s:O}", "ports", "device", "net_null0",
				  "take_over", 1, "tunnels", import->list);
	char *text = json_dumps(whole, JSON_COMPACT);
	struct kg_config config;
	struct kg_mistakes found;

	kg_config_load_text(&config, &found, DOCUMENT, text, strlen(text));
	report(import, &found);
	kg_mistakes_free(&found);
	kg_config_free(&config);
	explicit_bzero(text, strlen(text));
	free(text);
	json_decref(whole);
}

/* ---- the whole ---- */

static void read_all(struct import *import, const struct kg_import_source *sources)
{
	for (size_t i = 0; i < import->count; i++) {
		struct kg_import_tunnel *t = &import->tunnels[i];
		json_t *own = json_object();

		t->file = sources[i].name;
		t->udphop = sources[i].udphop;
		t->mistakes = import->mistakes;
		t->parts[KG_IMPORT_OWN].json = own;
		json_object_set_new(own, "name", new_name(import->list, sources[i].name));
		json_array_append(import->list, own);
		kg_import_tunnel_read(t, sources[i].text, sources[i].len);
	}
}

/* What no .conf file says. */
static json_t *document_of(const json_t *tunnels)
{
	return json_pack("{s:[{s:s,s:s,s:s,s:s}],s:O}", "ports", "name", "wan", "device",
			 KG_FILL_IN, "addresses", KG_FILL_IN, "gateway", KG_FILL_IN, "tunnels",
			 tunnels);
}

json_t *kg_import(const struct kg_import_source *sources, size_t count,
		  struct kg_mistakes *mistakes)
{
	json_t *document = NULL;

	kg_documents_wipe();
	struct import import = { kg_config_alloc(count, sizeof(*import.tunnels)), count,
				 json_array(), mistakes };

	read_all(&import, sources);
	check(&import);
	if (mistakes->errors == NULL)
		document = document_of(import.list);
	for (size_t i = 0; i < count; i++)
		kg_import_tunnel_fini(&import.tunnels[i]);
	free(import.tunnels);
	json_decref(import.list);
	return document;
}
