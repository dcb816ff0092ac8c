/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client's paths hop: from time to time, and at once when one falls silent while data waits, its
 * channels go on from another local port, to another of the server's ports and addresses.
 *
 *   testing   a question on conv 0 is under way, as the original asks it (docs/wire.md §2)
 *   current   it was answered: channels are here
 *   old       they have left. What the server still sends here is heard until it stops
 *
 *   testing ──answer──► current ──hop──► old ──silence──► gone
 *      └──no answer──► gone, and its port rests
 *
 * All users of a path hop together, and each says something from the new one, for a server learns
 * by that where it is. Beside a current path there are those that it may become and those that it
 * was; it owns them, and all together have KG_HOP_PORTS_MAX local ports at most, so that a NAT's
 * table does not fill.
 */
#pragma once

#include "base/twheel.h"
#include "session/path.h"

#define KG_HOP_PORTS_MAX 8u

struct kg_datagram;
struct kg_handshake;

/* What a client's path has besides. */
struct kg_hop_path {
	struct kg_path path;
	struct kg_session *session;
	struct kg_hop_path *owner;  /* testing, old: the current one; NULL: that is gone */
	struct kg_hop_path *beside; /* current: the first beside it; else: the next one */
	struct kg_timer timer;
	uint32_t hop_ms;  /* current: when it is time; low bits, as what follows */
	uint32_t look_ms; /* watched: when it has been silent for long */
};

_Static_assert(sizeof(struct kg_hop_path) <= 128, "an idle channel may have one for itself");

static inline struct kg_hop_path *kg_hop_path(struct kg_path *path)
{
	return KG_CONTAINER_OF(path, struct kg_hop_path, path);
}

/* A path's life, told by path.c. */
void kg_hop_init(struct kg_hop_path *hop, struct kg_session *s);
void kg_hop_fini(struct kg_hop_path *hop);
/* The path that the channels of this one are on, or will be. */
struct kg_path *kg_hop_current(struct kg_path *path);
/* A channel has come to it: from now on it hops. Harmless when it does. */
void kg_hop_begin(struct kg_path *path, uint64_t now_us);
/* Something leaves on a path of which nobody waits for an answer yet. */
void kg_hop_watch(struct kg_path *path, uint64_t now_us);
/* The session has other destinations: channels leave those that have gone. */
void kg_hop_follow(struct kg_session *s, uint64_t now_us);
/* A channel waits for what should have come on this path: is the server there? */
void kg_hop_doubt(struct kg_path *path, uint64_t now_us);
/* A test has its answer, or will have none. */
void kg_hop_answered(struct kg_handshake *hs, uint64_t now_us);
void kg_hop_unanswered(struct kg_handshake *hs);
