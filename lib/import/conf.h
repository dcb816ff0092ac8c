/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The grammar of KCPTube's .conf files: lines, without regard to what they mean. Total: any bytes
 * make lines. Slices point into the text.
 */
#pragma once

#include "config/values.h"

enum kg_conf_kind {
	KG_CONF_SETTING, /* key = value */
	KG_CONF_SECTION, /* [name] */
	KG_CONF_MAPPING, /* local -> remote */
	KG_CONF_ZERO,    /* has a byte of 0 */
	KG_CONF_OTHER,
};

struct kg_conf_line {
	unsigned int number; /* from 1 */
	enum kg_conf_kind kind;
	struct kg_slice whole;
	struct kg_slice key, value; /* of a setting; a section's key is its name with brackets */
};

struct kg_conf {
	struct kg_slice rest;
	unsigned int number; /* of the latest line */
};

/* Without the byte order mark, which KCPTube takes for a part of the first key. */
struct kg_conf kg_conf_of(const char *text, size_t len);
/* The next line that says something: blank ones, comments and empty values are passed over. */
bool kg_conf_next(struct kg_conf *conf, struct kg_conf_line *line);
/* The first line that sets the mode, whatever section it stands in; false: none does. */
bool kg_conf_find_mode(struct kg_conf conf, struct kg_conf_line *line);

/* Both sides of the first "->". */
bool kg_conf_split_mapping(struct kg_slice whole, struct kg_slice *local, struct kg_slice *remote);
bool kg_slice_is_empty(struct kg_slice slice);
