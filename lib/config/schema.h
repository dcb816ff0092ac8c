/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every key of the configuration, in one table: it drives loading, messages, --print-config, the
 * JSON schema and the reference in docs/configuration.md.
 */
#pragma once

#include "base/base.h"

struct kg_kind;

/* Which object a key belongs to, and the struct its values go to. */
enum kg_scope {
	KG_SCOPE_ROOT,    /* struct kg_config */
	KG_SCOPE_MEMORY,  /* struct kg_config */
	KG_SCOPE_PORT,    /* struct kg_port_config */
	KG_SCOPE_TUNNEL,  /* struct kg_tunnel_config */
	KG_SCOPE_MAPPING, /* struct kg_mapping_config */
	KG_SCOPES,
};

/* "", "memory", "ports[]", "tunnels[]", "tunnels[].custom_input[]" */
extern const char *const kg_scope_paths[KG_SCOPES];

/* One word of several; a list of them ends with a NULL name. */
struct kg_word {
	const char *name;
	int value;
};

extern const struct kg_word kg_preset_words[];

/* What becomes of a number outside its range. */
enum kg_beyond {
	KG_BEYOND_ERROR,
	KG_BEYOND_CAP,     /* too large: the largest, with a warning; too small: an error */
	KG_BEYOND_DEFAULT, /* the fallback, with a warning */
};

/*
 * Where in a relay a tunnel's key may stand: its own object, or those of its legs. What stands in
 * its own holds for each leg that takes the key and does not have it itself.
 */
enum kg_relay_object {
	KG_IN_RELAY = 1 << 0,
	KG_IN_LISTENER = 1 << 1,
	KG_IN_FORWARDER = 1 << 2,
	KG_IN_LEGS = KG_IN_LISTENER | KG_IN_FORWARDER,
	KG_IN_ALL = KG_IN_RELAY | KG_IN_LEGS,
};

struct kg_key {
	enum kg_scope scope;
	const char *name;
	const struct kg_kind *kind; /* NULL: not supported yet */
	size_t offset, bytes;       /* of the member of the scope's struct */
	size_t count_offset;        /* lists: of the member that counts them */
	size_t custom_offset;       /* of the bool that "{}" sets in place of a value; 0: none */
	int64_t min, max;           /* numbers, and numbers in lists */
	enum kg_beyond beyond;
	bool zero_unset; /* numbers: 0 counts as not given */
	const struct kg_word *words;
	enum kg_scope inner; /* objects: scope of their keys */
	bool any;            /* addresses: all zeros are one, too */
	unsigned int relay;  /* tunnels: enum kg_relay_object; 0: not in a relay */
	bool needs_kcp;      /* tunnels: only where the wire has KCP */
	bool required;
	const char *unless;   /* required, and allowed, only without this key; NULL: in any case */
	bool secret;          /* not shown in messages */
	const char *fallback; /* JSON text taken when not given; NULL: none */
	const char *computed; /* in words, when the fallback depends on other keys */
	const char *help;
	const char *kcptube; /* how KCPTube differs; NULL: not, or no key of its */
};

extern const struct kg_key kg_schema[];
extern const size_t kg_schema_count;

const struct kg_key *kg_schema_find(enum kg_scope scope, const char *name);
/* The key of the scope that was probably meant, or NULL. */
const struct kg_key *kg_schema_nearest(enum kg_scope scope, const char *name);
