/* SPDX-License-Identifier: BSD-3-Clause */
/* Where in the configuration something stands, and what is said about it. Start-up only. */
#pragma once

#include "config/config.h"

#include <jansson.h>

#define KG_PLACE_BYTES 128 /* of a key's path, cut off when longer */
#define KG_FOUND_BYTES 64  /* of a value as shown in a message */

/* A value's position: "tunnels[0].listen_port[1]" of a file. Copied freely; borrows the name. */
struct kg_place {
	const char *file;
	unsigned int line;         /* 0: not known */
	char path[KG_PLACE_BYTES]; /* "": the whole document, or line */
};

struct kg_place kg_place_member(const struct kg_place *in, const char *key);
struct kg_place kg_place_item(const struct kg_place *in, size_t index);

void kg_mistakes_init(struct kg_mistakes *mistakes);

/* Adds an error, or a warning, about the value at `at`. */
void kg_mistakes_error(struct kg_mistakes *mistakes, const struct kg_place *at, const char *format,
		       ...) __attribute__((format(printf, 3, 4)));
void kg_mistakes_warning(struct kg_mistakes *mistakes, const struct kg_place *at,
			 const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Adds an error at a position of the text, which is no JSON there. */
void kg_mistakes_syntax(struct kg_mistakes *mistakes, const char *file, const json_error_t *error);

/* The value as JSON text, shortened. */
const char *kg_found(const json_t *value, char text[KG_FOUND_BYTES]);
/* What sort of value it is, for those that must not be shown. */
const char *kg_found_type(const json_t *value);

/* Memory for settings, zeroed. Ends the process when there is none: nothing is forwarded yet. */
void *kg_config_alloc(size_t count, size_t bytes);
char *kg_config_strdup(const char *text);
