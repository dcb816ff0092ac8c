/* SPDX-License-Identifier: BSD-3-Clause */
/* KCPTube's keys, and how the text of each becomes JSON with its documented meaning. */
#pragma once

#include "config/mistakes.h"
#include "import/conf.h"

struct kg_import_key;

/* A value on its way from a line to JSON. */
struct kg_import_field {
	const struct kg_import_key *key;
	const char *text;
	struct kg_place at;
	struct kg_mistakes *mistakes;
	const json_t *earlier; /* of the same key, which this one replaces; NULL: none */
};

/* What a number outside of these becomes. */
struct kg_import_bounds {
	int64_t least, below, most, above;
};

struct kg_import_key {
	const char *name;
	/* New reference. What is no value of the kind stays the text that it is, for the check of
	 * the whole to refuse. NULL: the line changes nothing, and that has been said. No function:
	 * kcpgate has no such setting, and the note says so. */
	json_t *(*convert)(const struct kg_import_field *field);
	const struct kg_import_bounds *bounds; /* of numbers; NULL: none */
	const char *unused_in;                 /* mode without a use for it; NULL: none */
	bool braces;                           /* "{}" decides, whatever stands beside it */
	/* A relay's own, KCPTube keeps it from the sections in spite of its documents */
	bool kept;
	const char *note; /* said whenever it is set */
};

#define KG_IMPORT_KEYS    33
#define KG_IMPORT_FEC_OFF "0:0"

extern const struct kg_import_key kg_import_keys[KG_IMPORT_KEYS];
/* UDP Hop's timeout, in the place of udp_timeout, whose name it has here. */
#define KG_IMPORT_TIMEOUT "timeout"
extern const struct kg_import_key kg_import_timeout_key;

/* KG_IMPORT_KEYS: unknown. */
unsigned int kg_import_key_find(struct kg_slice name);
unsigned int kg_import_key_index(const char *name);

/* The slice as a text of JSON; NULL when it is no UTF-8. */
json_t *kg_import_text(struct kg_slice slice);
/* Skips a number as C's strtol does, sign and white space before it included. False: there is
 * none, or it is beyond what any setting takes. */
bool kg_import_number(struct kg_slice *text, int64_t *number);
