/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client's paths hop: from time to time, and at once when one falls silent while data waits, its
 * channels go on from another local port, to another of the server's ports and addresses.
 *
 *   testing   a question on conv 0 is under way, as the original asks it (docs/wire.md §2)
 *   current   it was answered: channels are here
 *   old       they have left. What the server still sends here is heard until it stops
 *   live      channels spread: they are here, too, by slices with the current one (spread.h)
 *
 *   testing ──answer──► current ──hop──► old ──silence──► gone
 *      │ └──────answer──► live ──left, rests──► old
 *      └──no answer──► gone, and its port rests
 *
 * All users of a path hop together, and each says something from the new one, for a server learns
 * by that where it is. Beside a current path there are those that it may become and those that it
 * was; it owns them, and all together have KG_HOP_PORTS_MAX local ports at most, so that a NAT's
 * table does not fill. Live ones come on top of that, KG_LEDGER_ROWS with the current one.
 */
#pragma once

#include "base/twheel.h"
#include "rate/ledger.h"
#include "session/path.h"
#include "session/session.h"

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

/* The reason of a test that is for no hop: there are to be more paths at once. */
#define KG_HOP_WIDER KG_HOP_REASONS

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
/* Tests another 5-tuple, to be live beside a current path; how many such tests there are. */
void kg_hop_widen(struct kg_path *path, uint64_t now_us);
unsigned int kg_hop_widening(const struct kg_path *path);
/* A live path is not needed any more. */
void kg_hop_rest(struct kg_path *path, uint64_t now_us);
/* A live path, or a current one that has a live one beside it, is bad; others go on for it. */
void kg_hop_leave_bad(struct kg_path *path, enum kg_ledger_verdict verdict, uint64_t now_us);
/* A test has its answer, or will have none. */
void kg_hop_answered(struct kg_handshake *hs, uint64_t now_us);
void kg_hop_unanswered(struct kg_handshake *hs);

/* ---- between hop.c, which tests and hops, and hop_live.c, which keeps what is beside ---- */

void kg_hop_arm(struct kg_hop_path *hop, int32_t in_ms, uint64_t now_us);
/* What a test that was answered has shown: that the server is there, and whether at the first time
 * of asking. */
enum kg_hop_proof {
	KG_HOP_UNPROVED,
	KG_HOP_PROVED,
	KG_HOP_PROVED_AT_ONCE,
};
/* The channels on one path go on on the other, if that is not NULL, and hear of the proof. */
void kg_hop_go(struct kg_path *from, struct kg_path *to, enum kg_hop_proof proof, uint64_t now_us);
/* Those of a current path, what is beside it included; live ones do not count. */
unsigned int kg_hop_local_ports(const struct kg_hop_path *current);
void kg_hop_put_beside(struct kg_hop_path *hop, enum kg_path_state state,
		       struct kg_hop_path *owner);
/* It is beside nothing, and nothing is beside it. */
void kg_hop_leave_list(struct kg_hop_path *hop);
/* It is the current one, in place of the old one. */
void kg_hop_take_over(struct kg_hop_path *hop, struct kg_hop_path *old, uint64_t now_us);
void kg_hop_tell(struct kg_session *s, const struct kg_path *from, const struct kg_path *to,
		 enum kg_hop_reason reason);
/* A test for more paths is answered. */
void kg_hop_live(struct kg_hop_path *hop, uint64_t now_us);
/* What is live beside a new current path follows it, or is left. */
void kg_hop_follow_live(struct kg_hop_path *current, uint64_t now_us);
void kg_hop_old_on_timer(struct kg_hop_path *hop, uint64_t now_us);
