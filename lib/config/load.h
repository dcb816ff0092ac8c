/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loading in four steps (steps.c): documents are read (documents.c), their values go to the structs
 * by the schema (load.c), what was left open is filled in (derive.c), and what must agree is
 * compared (check.c). Each step reports and goes on, so that one run shows all mistakes.
 */
#pragma once

#include "config/mistakes.h"
#include "config/schema.h"

struct kg_document {
	const char *file;
	json_t *root; /* NULL: no JSON */
	bool exposed; /* every user of the machine can read the file */
};

/* The object a port or tunnel was made from, as it is written. */
struct kg_written {
	struct kg_place place;
	const json_t *json;
	/* A leg of a relay: `json` is made of the leg's object, which stands at `place`, and of the
	 * relay's. NULL: it is none */
	json_t *leg, *inherited;
	struct kg_place relay;
};

struct kg_load {
	struct kg_config *config;
	struct kg_mistakes *mistakes;
	struct kg_document *documents;
	size_t document_count;
	bool ports_broken; /* what the ports have to offer is not known */
	struct kg_written ports[KG_CONFIG_PORTS_MAX];     /* as in config->ports */
	struct kg_written tunnels[KG_CONFIG_TUNNELS_MAX]; /* as in config->tunnels */
};

/* ---- documents.c ---- */

/* From now on JSON wipes what it frees: passwords may be among it. */
void kg_documents_wipe(void);
/* Parse, or report why not. The root is owned by the caller. */
struct kg_document kg_document_read(const char *path, struct kg_mistakes *mistakes);
json_t *kg_document_parse(const char *name, const char *text, size_t len,
			  struct kg_mistakes *mistakes);

/* ---- load.c ---- */

/* Every document's values, and the fallbacks of keys that stand in none. */
void kg_load_values(struct kg_load *load);
/* What it holds of JSON. */
void kg_load_fini(struct kg_load *load);
/* Each document could be read, and is an object. */
bool kg_load_is_whole(const struct kg_load *load);

/* ---- given.c ---- */

/* The value of a key of one object; NULL when not given. KCPTube's empty texts are not given. */
const json_t *kg_load_given(const json_t *object, const struct kg_key *key);
bool kg_tunnel_given(const struct kg_load *load, unsigned int tunnel, const char *key);
/* Where a key of one tunnel or port is, or would be, written. */
struct kg_place kg_tunnel_place(const struct kg_load *load, unsigned int tunnel, const char *key);
struct kg_place kg_port_place(const struct kg_load *load, unsigned int port, const char *key);
struct kg_place kg_root_place(const struct kg_load *load, const char *key);

/* ---- legs.c ---- */

bool kg_is_relay(const json_t *tunnel);
/* "listener", "forwarder" */
const char *kg_leg_name(enum kg_relay_object leg);
/* Reports the keys that do not belong there. */
void kg_legs_check_keys(struct kg_load *load, const json_t *object, const struct kg_place *at,
			enum kg_relay_object here);
/* New references: the keys that a leg has of the relay's object, and of its own. */
json_t *kg_leg_inherited(const json_t *relay, enum kg_relay_object leg);
json_t *kg_leg_own(const json_t *relay, enum kg_relay_object leg);

/* ---- families.c ---- */

/* IP versions as bits of a set. */
enum kg_families {
	KG_FAMILY_IPV4 = 1 << 0,
	KG_FAMILY_IPV6 = 1 << 1,
};

unsigned int kg_ip_family(const struct kg_ip *ip);
/* What a tunnel's own two flags leave. */
unsigned int kg_tunnel_families(const struct kg_tunnel_config *tunnel);
/* Families the ports have addresses of. */
unsigned int kg_port_families(const struct kg_config *config);
/* Do two tunnels listen on one address, whatever the port? */
bool kg_tunnels_share_address(const struct kg_tunnel_config *a, const struct kg_tunnel_config *b);
/* The lowest port that both listen on, whatever the address; 0: none. */
uint16_t kg_tunnels_common_port(const struct kg_tunnel_config *a, const struct kg_tunnel_config *b);

/* ---- ends.c ---- */

/* From the settings, which stay where they are: ends point to them. */
void kg_tunnel_derive_ends(const struct kg_config *config, struct kg_tunnel_config *tunnel);
/* What derive has allocated. */
void kg_tunnel_free_ends(struct kg_tunnel_config *tunnel);

/* ---- derive.c ---- */

void kg_load_derive(struct kg_load *load);

/*
 * Bytes that KCP may fill of an IP packet of `mtu` bytes without it being fragmented on the way or
 * cut by an original KCPTube; may be negative.
 */
int kg_tunnel_kcp_mtu(const struct kg_config *config, const struct kg_tunnel_config *tunnel,
		      unsigned int mtu);
/* Of a target's address: more does not fit into a request of one datagram. */
size_t kg_tunnel_target_bytes(const struct kg_tunnel_config *tunnel);

/* ---- print.c ---- */

/* All settings, defaults filled in; the caller's. A tunnel with its secrets, a leg as its relay. */
json_t *kg_root_dump(const struct kg_config *config, bool secrets);
json_t *kg_tunnel_dump(const struct kg_config *config, const struct kg_tunnel_config *tunnel);

/* ---- check.c, check_tunnels.c ---- */

void kg_load_check(struct kg_load *load);
void kg_load_check_tunnels(struct kg_load *load);

/* ---- check_custom.c ---- */

/* What must agree when clients say where to. */
void kg_load_check_custom(struct kg_load *load, unsigned int tunnel);
