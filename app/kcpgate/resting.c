/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds out what is for a side that rests, and when it has rested long enough. */
#include "resting.h"

#include "box.h"
#include "pkt.h"

#include <string.h>

void kg_resting_begin(struct kg_side *side, atomic_uint *awaited)
{
	side->awaited = awaited;
	side->resting = true;
	side->worker->resting_sides++;
}

static bool has_nothing_open(const struct kg_side *side)
{
	struct kg_session_stats stats;

	if (side->streams != NULL)
		return side->conns == 0;
	kg_session_get_stats(side->session, &stats);
	return stats.channels == 0;
}

bool kg_resting_is_over(const struct kg_side *side)
{
	return atomic_load_explicit(&side->tunnel->rest_over, memory_order_relaxed) ||
	       has_nothing_open(side);
}

/* The next after `*i` that rests there, NULL: no more. */
static struct kg_side *next_at(const struct kg_worker *w, unsigned int *i,
			       const struct kg_endpoint *local)
{
	while (*i < w->sides.count) {
		struct kg_side *side = w->sides.all[(*i)++];

		if (side->resting && kg_side_answers_at(side, local))
			return side;
	}
	return NULL;
}

/* `sealed`: what came; a key that is not its own has been over the job's data. */
static void open_by_others(struct kg_worker *w, struct rte_mbuf *m, struct kg_profile_job *job,
			   const uint8_t *sealed)
{
	struct kg_pkt *pkt = kg_pkt(m);
	const struct kg_side *side;
	unsigned int i = 0;

	while ((side = next_at(w, &i, &pkt->local)) != NULL) {
		struct kg_profile_job again = { .data = pkt->body, .len = pkt->body_len };

		if (side->id == pkt->tunnel)
			continue;
		memcpy(again.data, sealed, again.len);
		side->profile->open(&side->key, &again, 1, w->unix_s);
		if (again.drop != KG_DROP_NONE)
			continue;
		*job = again;
		pkt->tunnel = side->id;
		return;
	}
}

void kg_resting_open(struct kg_worker *w, const struct kg_side *side, struct rte_mbuf *const *v,
		     struct kg_profile_job *jobs, uint16_t n)
{
	static _Thread_local uint8_t sealed[KG_NIC_BURST][KG_DATAGRAM_MAX_BYTES];

	for (uint16_t i = 0; i < n; i++)
		memcpy(sealed[i], jobs[i].data, jobs[i].len);
	side->profile->open(&side->key, jobs, n, w->unix_s);
	for (uint16_t i = 0; i < n; i++) {
		if (jobs[i].drop == KG_DROP_AUTH_FAILED)
			open_by_others(w, v[i], &jobs[i], sealed[i]);
	}
}

/* With KCP by a handshake; else by any datagram of a channel that is not there. */
bool kg_resting_would_open(const struct kg_side *side, const struct kg_datagram *in)
{
	uint32_t conv;

	return side->tunnel->config->wire.role == KG_ROLE_SERVER &&
	       kg_side_conv(side, in, &conv) == KG_DROP_NONE && (conv == 0) != side->profile->bare;
}

struct kg_side *kg_resting_owner(struct kg_worker *w, struct kg_side *side,
				 const struct kg_datagram *in)
{
	struct kg_side *other;
	unsigned int i = 0;

	if (side->tunnel->config->wire.role != KG_ROLE_SERVER)
		return side;
	/* A client that uses a port again has a handshake with both. */
	if (!side->resting && kg_session_knows(side->session, in, w->now_us))
		return side;
	while ((other = next_at(w, &i, &in->local)) != NULL) {
		if (kg_session_knows(other->session, in, w->now_us))
			return other;
	}
	return side->resting && kg_resting_would_open(side, in) ? NULL : side;
}
