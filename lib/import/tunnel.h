/* SPDX-License-Identifier: BSD-3-Clause */
/* The tunnel of one .conf file, with the lines that it is made of. */
#pragma once

#include "config/schema.h"
#include "import/keys.h"

/* What the keys of a line belong to. */
enum kg_import_part {
	KG_IMPORT_OWN,       /* the tunnel */
	KG_IMPORT_LISTENER,  /* of a relay */
	KG_IMPORT_FORWARDER, /* of a relay */
	KG_IMPORT_PARTS,
};

struct kg_import_object {
	json_t *json;
	unsigned int lines[KG_IMPORT_KEYS]; /* where each is set; 0: nowhere */
};

struct kg_import_mapping {
	unsigned int protocol; /* enum kg_mapped; 0: later ones have taken its place */
	json_t *local, *remote;
	unsigned int line;
};

struct kg_import_tunnel {
	const char *file;
	struct kg_mistakes *mistakes;
	const char *mode; /* "client", "server", "relay"; NULL: none of them */
	bool udphop;      /* the file is of UDP Hop, not of KCPTube */
	struct kg_import_object parts[KG_IMPORT_PARTS];
	struct kg_import_mapping mappings[KG_CONFIG_MAPPINGS_MAX];
	unsigned int mapping_count;
};

extern const char *const kg_import_part_names[KG_IMPORT_PARTS]; /* of the tunnel's own: "" */

/* Reads all lines. The name has been set, and udphop where that is known; the rest is zero. */
void kg_import_tunnel_read(struct kg_import_tunnel *tunnel, const char *text, size_t len);
void kg_import_tunnel_fini(struct kg_import_tunnel *tunnel);

/* ---- place.c ---- */

bool kg_import_is(const struct kg_import_tunnel *tunnel, const char *mode);
/* A key's value; NULL: not set. */
const json_t *kg_import_get(const struct kg_import_object *object, unsigned int key);
/* Where a key is set. */
struct kg_place kg_import_place(const struct kg_import_tunnel *tunnel, enum kg_import_part part,
				unsigned int key);
struct kg_place kg_import_line_place(const struct kg_import_tunnel *tunnel, unsigned int line,
				     const char *path);
bool kg_import_is_braces(const json_t *value);

/* ---- mappings.c ---- */

/* A line "local -> remote". */
void kg_import_mapping_add(struct kg_import_tunnel *tunnel, const struct kg_conf_line *line,
			   unsigned int protocol);
/* Adds what there is to the tunnel's JSON. */
void kg_import_mappings_settle(struct kg_import_tunnel *tunnel);
/* Of the mapping that is so-manieth in the JSON; 0: there is none. */
unsigned int kg_import_mapping_line(const struct kg_import_tunnel *tunnel, unsigned int index);

/* ---- settle.c ---- */

/* What follows from several lines together, when all have been read. */
void kg_import_settle(struct kg_import_tunnel *tunnel);
