/* SPDX-License-Identifier: BSD-3-Clause */
/* Says what an imported tunnel has, and in which line. */
#include "config/kinds.h"
#include "import/tunnel.h"

#include <string.h>

const char *const kg_import_part_names[KG_IMPORT_PARTS] = { "", "listener", "forwarder" };

bool kg_import_is(const struct kg_import_tunnel *tunnel, const char *mode)
{
	return tunnel->mode != NULL && strcmp(tunnel->mode, mode) == 0;
}

const json_t *kg_import_get(const struct kg_import_object *object, unsigned int key)
{
	return json_object_get(object->json, kg_import_keys[key].name);
}

struct kg_place kg_import_line_place(const struct kg_import_tunnel *tunnel, unsigned int line,
				     const char *path)
{
	struct kg_place at = { .file = tunnel->file, .line = line };

	return *path != '\0' ? kg_place_member(&at, path) : at;
}

struct kg_place kg_import_place(const struct kg_import_tunnel *tunnel, enum kg_import_part part,
				unsigned int key)
{
	struct kg_place at = kg_import_line_place(tunnel, tunnel->parts[part].lines[key],
						  kg_import_part_names[part]);

	return kg_place_member(&at, kg_import_keys[key].name);
}

bool kg_import_is_braces(const json_t *value)
{
	const char *text = json_string_value(value);

	return text != NULL && strcmp(text, KG_CUSTOM_TEXT) == 0;
}
