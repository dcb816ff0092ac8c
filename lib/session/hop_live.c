/* SPDX-License-Identifier: BSD-3-Clause */
/* Keeps the paths beside a client's current one: those that are tested, live, and old. */
#include "session/hop.h"

#include "session/internal.h"

/* What the server still sends to an old path comes within that of what came before. */
#define OLD_MS 5000u

/* ---- the list ---- */

unsigned int kg_hop_local_ports(const struct kg_hop_path *current)
{
	unsigned int ports = 1;

	for (const struct kg_hop_path *at = current->beside; at != NULL; at = at->beside)
		ports += at->path.state != KG_PATH_LIVE;
	return ports;
}

unsigned int kg_hop_widening(const struct kg_path *path)
{
	const struct kg_hop_path *at = KG_CONTAINER_OF(path, struct kg_hop_path, path)->beside;
	unsigned int count = 0;

	for (; at != NULL; at = at->beside)
		count += at->path.state == KG_PATH_TESTING && at->path.reason == KG_HOP_WIDER;
	return count;
}

void kg_hop_put_beside(struct kg_hop_path *hop, enum kg_path_state state, struct kg_hop_path *owner)
{
	hop->path.state = state;
	hop->owner = owner;
	hop->beside = owner->beside;
	owner->beside = hop;
}

static void take_from_beside(struct kg_hop_path *hop)
{
	struct kg_hop_path **at = &hop->owner->beside;

	while (*at != hop)
		at = &(*at)->beside;
	*at = hop->beside;
	hop->beside = hop->owner = NULL;
}

/* An old path stays until it is silent, a live one as long as it is; a test until it has ended. */
static void disown(struct kg_hop_path *hop)
{
	bool held = hop->path.state == KG_PATH_OLD || hop->path.state == KG_PATH_LIVE;

	take_from_beside(hop);
	kg_spread_leave(hop->session, &hop->path);
	hop->path.state = KG_PATH_CURRENT;
	if (held)
		kg_path_give(hop->session, &hop->path);
}

void kg_hop_leave_list(struct kg_hop_path *hop)
{
	kg_spread_leave(hop->session, &hop->path);
	if (hop->owner != NULL) {
		take_from_beside(hop);
		return;
	}
	while (hop->beside != NULL)
		disown(hop->beside);
}

/* ---- old ---- */

/* It is heard until it is silent. */
static void grow_old(struct kg_hop_path *hop, uint64_t now_us)
{
	kg_spread_leave(hop->session, &hop->path);
	hop->path.state = KG_PATH_OLD;
	hop->path.watched = true;
	hop->path.heard = false;
	kg_hop_arm(hop, OLD_MS, now_us);
}

/* What was beside the old path is now beside the new one, and so is the old one, held. */
void kg_hop_take_over(struct kg_hop_path *hop, struct kg_hop_path *old, uint64_t now_us)
{
	take_from_beside(hop);
	hop->path.state = KG_PATH_CURRENT;
	hop->beside = old->beside;
	for (struct kg_hop_path *at = hop->beside; at != NULL; at = at->beside)
		at->owner = hop;
	kg_hop_put_beside(old, KG_PATH_OLD, hop);
	old->path.holds++;
	grow_old(old, now_us);
}

void kg_hop_old_on_timer(struct kg_hop_path *hop, uint64_t now_us)
{
	if (!hop->path.heard) {
		disown(hop);
		return;
	}
	hop->path.heard = false;
	kg_hop_arm(hop, OLD_MS, now_us);
}

/* ---- live ---- */

void kg_hop_tell(struct kg_session *s, const struct kg_path *from, const struct kg_path *to,
		 enum kg_hop_reason reason)
{
	s->stats.hops[reason]++;
	if (s->ops.hopped != NULL)
		s->ops.hopped(s->host, &from->ends, &to->ends, reason);
}

/* From now on it is one of those that have slices. */
void kg_hop_live(struct kg_hop_path *hop, uint64_t now_us)
{
	struct kg_session *s = hop->session;

	hop->path.state = KG_PATH_LIVE;
	hop->path.holds++;
	s->ops.port_share(s->host, hop->path.ends.local.port);
	kg_spread_enter(s, &hop->path, now_us);
	s->stats.paths_beside++;
}

/* They are at the address where their channels are, or are left. */
void kg_hop_follow_live(struct kg_hop_path *current, uint64_t now_us)
{
	kg_spread_enter(current->session, &current->path, now_us);
	for (struct kg_hop_path *at = current->beside; at != NULL; at = at->beside) {
		if (at->path.state == KG_PATH_LIVE &&
		    !kg_ip_equal(&at->path.ends.remote.ip, &current->path.ends.remote.ip))
			grow_old(at, now_us);
	}
}

void kg_hop_rest(struct kg_path *path, uint64_t now_us)
{
	grow_old(kg_hop_path(path), now_us);
}

static struct kg_hop_path *live_beside(const struct kg_hop_path *current)
{
	struct kg_hop_path *at = current->beside;

	while (at != NULL && at->path.state != KG_PATH_LIVE)
		at = at->beside;
	return at;
}

/* One of the live ones is the current one for it. */
static void hand_over(struct kg_hop_path *old, struct kg_hop_path *hop, uint64_t now_us)
{
	kg_hop_take_over(hop, old, now_us);
	hop->path.reason = KG_HOP_TIMER;
	kg_hop_begin(&hop->path, now_us);
	kg_hop_go(&old->path, &hop->path, KG_HOP_UNPROVED, now_us);
	kg_path_give(hop->session, &hop->path);
}

void kg_hop_leave_bad(struct kg_path *path, enum kg_ledger_verdict verdict, uint64_t now_us)
{
	enum kg_hop_reason reason = verdict == KG_LEDGER_BLOCKED ? KG_HOP_BLOCKED : KG_HOP_PENALTY;
	struct kg_hop_path *hop = kg_hop_path(path), *to = hop->owner;

	if (path->state == KG_PATH_CURRENT)
		to = live_beside(hop);
	if (to == NULL)
		return;
	kg_hop_tell(hop->session, path, &to->path, reason);
	if (path->state == KG_PATH_CURRENT)
		hand_over(hop, to, now_us);
	else
		grow_old(hop, now_us);
}
