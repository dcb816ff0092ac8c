/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A path: the two ends of datagrams, as in QUIC (RFC 9000 §9). Lines share it: at a client all that
 * leave from one local port towards one server, at a server all that were heard from one place.
 *
 * A session has one path for a pair of ends. Lines that use it are its users; whoever else needs it
 * to stay holds it (roam.h). Without users and holds it is gone, and a client's local port with it.
 */
#pragma once

#include <sys/queue.h>

#include "net/addr.h"

struct kg_line;
struct kg_session;
LIST_HEAD(kg_line_users, kg_line);

enum kg_path_state {
	KG_PATH_CURRENT,
	KG_PATH_TESTING, /* client: hop.h */
	KG_PATH_OLD,     /* client: likewise */
	KG_PATH_LIVE,    /* client: beside the current one, spread.h; server: roam.h */
};

struct kg_path {
	struct kg_tuple ends; /* client: local.ip is not set, the host fills it in */
	struct kg_line_users users;
	struct kg_path *next; /* with the same key: path.c */
	uint32_t holds;
	uint16_t mtu;       /* IP packets that pass, as far as is known (peers.c); 0: nobody asks */
	uint8_t state : 3;  /* enum kg_path_state */
	bool checked : 1;   /* its datagrams are witnesses, while the peer is checked (peers.c) */
	uint8_t reason : 4; /* of a test, enum kg_hop_reason */
	bool leased : 1;    /* client: the local port is to be given back */
	bool watched : 1;   /* somebody waits for an answer, or nobody ever will */
	bool heard : 1;     /* since it is watched */
	bool answered : 1;  /* the test of it */
	uint8_t row : 4;    /* of spread.h's ledger, and 1; 0: none */
};

_Static_assert(sizeof(struct kg_path) <= 64, "an idle channel may have one for itself");

/* The path with these ends, held once more; NULL when memory is short. */
struct kg_path *kg_path_take(struct kg_session *s, const struct kg_tuple *ends);
/* The same, if it is there already, and not held; NULL. */
struct kg_path *kg_path_find(const struct kg_session *s, const struct kg_tuple *ends);
/* One hold less. */
void kg_path_give(struct kg_session *s, struct kg_path *path);
/* The line uses it, and no other any more. */
void kg_path_join(struct kg_path *path, struct kg_line *line);
/* The line uses none. Harmless when it did not. */
void kg_path_leave(struct kg_line *line);
/* The same for the path with these ends; false when memory is short: the line stays. */
bool kg_line_go(struct kg_line *line, const struct kg_tuple *ends);

/* A client's path at a local port, any, or NULL; others are behind `next`. */
struct kg_path *kg_path_at_port(const struct kg_session *s, uint16_t port);
