/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A page of the web reads no files. What stands in one is taken to be right: a path is checked for
 * being a text, in place of lib/config/secret.c.
 */
#include "config/kinds.h"

#include <stdlib.h>

static void secret_load(const struct kg_field *field, const struct kg_place *at,
			const json_t *value)
{
	char **member = kg_field_member(field);

	if (!json_is_string(value)) {
		kg_field_refuse(field, at, value, "the path of a file with one line");
		return;
	}
	free(*member);
	*member = kg_config_strdup(json_string_value(value));
}

/* The key whose value it is shows it. */
static json_t *secret_dump(const struct kg_key *key, const void *object)
{
	return NULL;
}

const struct kg_kind kg_kind_secret_file = { "path", secret_load, secret_dump };
