/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client's channels to one address of its server leave on several 5-tuples at once, by slices of
 * time, where the configuration says so: each has a carrier's cap for itself. What came of each
 * stands in a ledger (rate/ledger.h), and by that those are left that are punished.
 *
 * All those channels are on one path, the current one; the others are live beside it (hop.h). A
 * server answers where it has heard its client last, so its answers have the same slices.
 *
 * While little passes it leaves on the current path alone. Whatever is tried, a test of a new
 * 5-tuple, is paid for from a budget, so that a path on which nothing helps is not stormed.
 */
#pragma once

#include "base/twheel.h"
#include "rate/ledger.h"
#include "rate/pull.h"
#include "session/path.h"

struct kg_channel;
struct kg_kcp_share;

struct kg_spread {
	struct kg_session *session;
	struct kg_path *paths[KG_LEDGER_ROWS]; /* of each row; NULL: there is none */
	struct kg_timer timer;                 /* judges, while something passes */
	uint64_t passed_bytes, passed_then;    /* both ways, ever; when it was looked at last */
	uint64_t tried_us;                     /* the budget is of that time */
	float budget;                          /* tests that may be made */
	bool busy;                             /* much passes, or one of them is suspect */
	struct kg_ledger ledger;
	struct kg_pull pull; /* of a server that knows no rate */
};

/* NULL without memory; then there is none. */
struct kg_spread *kg_spread_create(struct kg_session *s, struct kg_kcp_share *share);
void kg_spread_destroy(struct kg_spread *spread);
/* Of an address of the server; NULL: none. */
struct kg_spread *kg_spread_of(const struct kg_session *s, const struct kg_ip *ip);
/* Gives a channel the path of the others to that address, and its names there; false: there is no
 * other one, or nothing spreads. */
bool kg_spread_join(struct kg_channel *ch, const struct kg_ip *ip);

/* What the peer of a channel knows is known now, or where it is. */
void kg_spread_meet(const struct kg_channel *ch);

/* A path gets a row, if one is free; it has none any more. Harmless when so already. */
void kg_spread_enter(struct kg_session *s, struct kg_path *path, uint64_t now_us);
void kg_spread_leave(struct kg_session *s, struct kg_path *path);

/* What stands in its row, if it has one. */
struct kg_path_info;
void kg_spread_get_info(const struct kg_session *s, const struct kg_path *path,
			struct kg_path_info *info, uint64_t now_us);
/* It is time to go on from another 5-tuple: an older one of the live ones goes first, if there is
 * one; false: there is none. */
bool kg_spread_renew(struct kg_session *s, const struct kg_path *current, uint64_t now_us);

/* Where a datagram of a channel leaves whose path has a row, and that it did. */
const struct kg_path *kg_spread_way(struct kg_line *line, uint64_t now_us);
void kg_spread_sent(struct kg_line *line, uint16_t bytes, uint64_t now_us);
/* Something has come for a channel on a path that has a row. */
void kg_spread_heard(struct kg_line *line, const struct kg_path *path, uint16_t bytes,
		     uint64_t now_us);
