/* SPDX-License-Identifier: BSD-3-Clause */
/* Follows a burst through the stages and tells the control thread what was wanted of it. */
#include "trace.h"

#include "box.h"
#include "departure.h"
#include "worker.h"

#include <rte_cycles.h>
#include <stdlib.h>
#include <string.h>

/* ---- life ---- */

static struct rte_ring *create_ring(void)
{
	ssize_t bytes = rte_ring_get_memsize_elem(sizeof(struct kg_traced), KG_TRACE_RING);
	struct rte_ring *ring =
		bytes > 0 ? aligned_alloc(RTE_CACHE_LINE_SIZE, (size_t)bytes) : NULL;

	if (ring != NULL &&
	    rte_ring_init(ring, "trace", KG_TRACE_RING, RING_F_SP_ENQ | RING_F_SC_DEQ) == 0)
		return ring;
	free(ring);
	return NULL;
}

struct kg_trace *kg_trace_create(const struct kg_trace_filter *filter)
{
	struct kg_trace *trace = calloc(1, sizeof(*trace));

	if (trace == NULL)
		return NULL;
	trace->filter = *filter;
	trace->ring = create_ring();
	if (trace->ring != NULL)
		return trace;
	free(trace);
	return NULL;
}

void kg_trace_destroy(struct kg_trace *trace)
{
	if (trace == NULL)
		return;
	free(trace->ring);
	free(trace);
}

/* ---- who is wanted ---- */

static bool is_of_peer(const struct kg_trace_filter *filter, const struct kg_endpoint *remote)
{
	return kg_ip_equal(&filter->peer.ip, &remote->ip) &&
	       (filter->peer.port == 0 || filter->peer.port == remote->port);
}

/* Of a body that is open. */
static bool is_wanted(const struct kg_worker *w, const struct kg_pkt *pkt, uint32_t *conv)
{
	const struct kg_trace_filter *filter = &w->trace->filter;
	const struct kg_side *side = kg_worker_side(w, pkt->tunnel);
	const struct kg_datagram in = { .data = pkt->body, .len = pkt->body_len };

	*conv = 0;
	if (side == NULL || kg_side_conv(side, &in, conv) != KG_DROP_NONE)
		return false;
	return filter->by_conv ? filter->conv == *conv : is_of_peer(filter, &pkt->remote);
}

/* ---- the burst ---- */

void kg_trace_begin(struct kg_worker *w)
{
	struct kg_trace *t = w->trace;

	memset(t->left_cyc, 0, sizeof(t->left_cyc));
	t->count = 0;
}

static struct kg_trace_place *place_of(struct kg_trace *t, const struct rte_mbuf *m)
{
	for (unsigned int i = 0; i < t->count; i++) {
		if (t->places[i].m == m)
			return &t->places[i];
	}
	return NULL;
}

static struct kg_traced *seen_of(struct kg_trace *t, const struct kg_trace_place *place)
{
	return &t->seen[place - t->places];
}

void kg_trace_passed(struct kg_worker *w, enum kg_stage stage, struct rte_mbuf *const *v,
		     uint16_t n)
{
	struct kg_trace *t = w->trace;

	t->left_cyc[stage] = rte_rdtsc();
	for (uint16_t i = 0; i < n; i++) {
		struct kg_trace_place *place = place_of(t, v[i]);

		if (place != NULL)
			place->last = stage;
	}
}

static struct kg_traced *add(struct kg_worker *w, struct rte_mbuf *m, enum kg_stage last)
{
	const struct kg_pkt *pkt = kg_pkt(m);
	struct kg_trace *t = w->trace;
	struct kg_traced *seen = &t->seen[t->count];

	t->places[t->count++] = (struct kg_trace_place){ .m = m, .last = last };
	memset(seen, 0, offsetof(struct kg_traced, data));
	seen->ends = (struct kg_tuple){ pkt->local, pkt->remote };
	seen->tunnel = pkt->tunnel;
	seen->worker = (uint8_t)w->index;
	seen->bytes = pkt->body_len;
	return seen;
}

static void keep(struct kg_traced *seen, const uint8_t *bytes, uint16_t len, bool decrypted)
{
	seen->bytes = len;
	seen->kept = KG_MIN(len, KG_DATAGRAM_MAX_BYTES);
	seen->decrypted = decrypted;
	memcpy(seen->data, bytes, seen->kept);
}

/* ---- received ---- */

void kg_trace_sealed(struct kg_worker *w, struct rte_mbuf *const *v, uint16_t n)
{
	const struct kg_trace_filter *filter = &w->trace->filter;

	for (uint16_t i = 0; i < n; i++) {
		const struct kg_pkt *pkt = kg_pkt(v[i]);
		bool of_peer = !filter->by_conv && is_of_peer(filter, &pkt->remote);

		if (!of_peer && !filter->by_conv)
			continue;
		keep(add(w, v[i], KG_STAGE_CLASSIFY), pkt->body, pkt->body_len, false);
		w->trace->places[w->trace->count - 1].wanted = of_peer;
	}
}

/* By another worker, which has kept what was on the wire. */
static struct kg_trace_place *handed_in(struct kg_worker *w, struct rte_mbuf *m)
{
	add(w, m, KG_STAGE_STEER);
	return &w->trace->places[w->trace->count - 1];
}

void kg_trace_opened(struct kg_worker *w, enum kg_stage stage, struct rte_mbuf *const *v,
		     uint16_t n)
{
	struct kg_trace *t = w->trace;

	kg_trace_passed(w, stage, v, n);
	for (uint16_t i = 0; i < n; i++) {
		const struct kg_pkt *pkt = kg_pkt(v[i]);
		struct kg_trace_place *place;
		uint32_t conv;

		if (pkt->tunnel >= KG_PORT_TABLE_APP || !is_wanted(w, pkt, &conv))
			continue;
		place = place_of(t, v[i]);
		if (place == NULL)
			place = handed_in(w, v[i]);
		place->wanted = true;
		seen_of(t, place)->conv = conv;
		if (t->filter.decrypted)
			keep(seen_of(t, place), pkt->body, pkt->body_len, true);
	}
}

/* ---- to be sent ---- */

/* Who has no address of its own yet gets the one that the next stages will choose. */
static void complete(struct kg_worker *w, struct kg_traced *seen)
{
	if (seen->ends.local.ip.version == 0)
		seen->ends.local.ip =
			kg_departure_source(w->box, &seen->ends.remote.ip,
					    kg_departure_nexthop(w, &seen->ends.remote.ip));
}

void kg_trace_to_seal(struct kg_worker *w, struct rte_mbuf *const *v, uint16_t n)
{
	struct kg_trace *t = w->trace;

	t->left_cyc[KG_STAGE_SESSION_OUTPUT] = rte_rdtsc();
	for (uint16_t i = 0; i < n; i++) {
		const struct kg_pkt *pkt = kg_pkt(v[i]);
		struct kg_traced *seen;
		uint32_t conv;

		if (!is_wanted(w, pkt, &conv))
			continue;
		seen = add(w, v[i], KG_STAGE_SESSION_OUTPUT);
		t->places[t->count - 1].wanted = true;
		seen->conv = conv;
		seen->outbound = true;
		complete(w, seen);
		if (t->filter.decrypted)
			keep(seen, pkt->body, pkt->body_len, true);
	}
}

void kg_trace_to_send(struct kg_worker *w, struct rte_mbuf *const *v, uint16_t n)
{
	struct kg_trace *t = w->trace;

	kg_trace_passed(w, KG_STAGE_SEAL, v, n);
	for (uint16_t i = 0; i < n && !t->filter.decrypted; i++) {
		const struct kg_trace_place *place = place_of(t, v[i]);

		if (place != NULL)
			keep(seen_of(t, place), rte_pktmbuf_mtod(v[i], uint8_t *),
			     rte_pktmbuf_data_len(v[i]), false);
	}
}

/* ---- its end ---- */

void kg_trace_dropped(struct kg_worker *w, const struct kg_pkt *pkt, enum kg_drop reason,
		      enum kg_stage stage)
{
	struct kg_trace *t = w->trace;

	for (unsigned int i = 0; i < t->count; i++) {
		if (kg_pkt(t->places[i].m) != pkt)
			continue;
		t->seen[i].dropped = (uint16_t)reason;
		t->seen[i].dropped_at = (uint8_t)stage;
	}
}

/* Handed over, or thrown away: the stage has not got it. */
static bool has_come_to(const struct kg_trace *t, unsigned int i, enum kg_stage stage)
{
	return t->seen[i].dropped == KG_DROP_NONE && t->places[i].last == stage - 1;
}

static void tell(struct kg_trace *t, unsigned int i)
{
	struct kg_traced *seen = &t->seen[i];

	for (unsigned int stage = 0; stage <= t->places[i].last; stage++)
		seen->left_cyc[stage] = t->left_cyc[stage];
	if (rte_ring_sp_enqueue_elem(t->ring, seen, sizeof(*seen)) != 0)
		kg_count(&t->lost, 1);
}

void kg_trace_end(struct kg_worker *w, enum kg_stage stage)
{
	struct kg_trace *t = w->trace;
	bool any = false;

	t->left_cyc[stage] = rte_rdtsc();
	for (unsigned int i = 0; i < t->count; i++) {
		if (!t->places[i].wanted)
			continue;
		if (has_come_to(t, i, stage))
			t->places[i].last = stage;
		tell(t, i);
		any = true;
	}
	t->count = 0;
	if (any)
		kg_waker_wake(&w->box->control_waker);
}
