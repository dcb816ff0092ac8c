/* SPDX-License-Identifier: BSD-3-Clause */
/* Serves packets one behind another, and turns away what the queue has no room for. */
#include "sim/bottleneck.h"

#include "sim/link.h"

#include <stdlib.h>

void kg_sim_bottleneck_fini(struct kg_sim_bottleneck *b)
{
	free(b->waiting);
}

/* ---- what waits ---- */

static void forget_who_left(struct kg_sim_bottleneck *b, uint64_t now_us)
{
	for (; b->count > 0 && b->waiting[b->first].leaves_us <= now_us; b->count--) {
		b->waiting_bytes -= b->waiting[b->first].bytes;
		b->first = (b->first + 1) % b->room;
	}
}

static void grow(struct kg_sim_bottleneck *b)
{
	size_t room = 2 * b->room + 64;
	struct kg_sim_waiting *waiting = malloc(room * sizeof(*waiting));

	if (waiting == NULL)
		abort();
	for (size_t i = 0; i < b->count; i++)
		waiting[i] = b->waiting[(b->first + i) % b->room];
	free(b->waiting);
	b->waiting = waiting;
	b->first = 0;
	b->room = room;
}

static void remember(struct kg_sim_bottleneck *b, uint64_t leaves_us, uint32_t bytes)
{
	if (b->count == b->room)
		grow(b);
	b->waiting[(b->first + b->count++) % b->room] =
		(struct kg_sim_waiting){ .leaves_us = leaves_us, .bytes = bytes };
	b->waiting_bytes += bytes;
}

static bool is_full(const struct kg_sim_bottleneck *b, const struct kg_sim_link_params *p,
		    uint64_t waits_us, uint32_t bytes)
{
	bool endless = p->queue_us == 0 && (p->queue_bytes > 0 || p->queue_pkts > 0);

	return (!endless && waits_us > p->queue_us) ||
	       (p->queue_bytes > 0 && b->waiting_bytes + bytes > p->queue_bytes) ||
	       (p->queue_pkts > 0 && b->count >= p->queue_pkts);
}

/* ---- CoDel, RFC 8289 §5 ---- */

/* interval / sqrt(drops), in whole steps of a thousandth. */
static uint64_t next_drop_us(const struct kg_sim_codel *codel, uint64_t after_us, uint32_t drops)
{
	uint64_t root = 1000;

	while (root * root < (uint64_t)drops * 1000000)
		root += 1 + root / 1000;
	return after_us + (uint64_t)codel->interval_us * 1000 / root;
}

static bool is_above(struct kg_sim_bottleneck *b, const struct kg_sim_codel *codel, uint64_t at_us,
		     uint64_t waits_us)
{
	if (waits_us < codel->target_us) {
		b->above_since_us = 0;
		return false;
	}
	if (b->above_since_us == 0)
		b->above_since_us = at_us;
	return at_us >= b->above_since_us + codel->interval_us;
}

/* Of a packet whose turn it is at `at_us`. */
static bool codel_drops(struct kg_sim_bottleneck *b, const struct kg_sim_codel *codel,
			uint64_t at_us, uint64_t waits_us)
{
	bool above = is_above(b, codel, at_us, waits_us);

	if (!above || (b->dropping && at_us < b->next_drop_us)) {
		b->dropping = above;
		return false;
	}
	if (b->dropping) {
		b->next_drop_us = next_drop_us(codel, b->next_drop_us, ++b->drops);
		return true;
	}
	b->dropping = true;
	if (b->drops > b->drops_before + 1 && at_us < b->next_drop_us + 16ull * codel->interval_us)
		b->drops -= b->drops_before;
	else
		b->drops = 1;
	b->drops_before = b->drops;
	b->next_drop_us = next_drop_us(codel, at_us, b->drops);
	return true;
}

/* ---- service ---- */

static uint64_t chance_at_us(const struct kg_sim_trace *trace, uint64_t nth)
{
	uint64_t round_ms = trace->at_ms[trace->count - 1];

	return (nth / trace->count * round_ms + trace->at_ms[nth % trace->count]) * KG_US_PER_MS;
}

/* Chances that nobody waited for are gone; what is left of one serves who waits at that moment. */
static uint64_t serve_by_trace(struct kg_sim_bottleneck *b, const struct kg_sim_trace *trace,
			       uint64_t from_us, uint32_t bytes)
{
	if (b->chance_us < from_us)
		b->chance_bytes = 0;
	while (bytes > b->chance_bytes) {
		bytes -= b->chance_bytes;
		while (chance_at_us(trace, b->chance) < from_us)
			b->chance++;
		b->chance_us = chance_at_us(trace, b->chance++);
		b->chance_bytes = KG_SIM_CHANCE_BYTES;
	}
	b->chance_bytes -= bytes;
	return b->chance_us;
}

uint64_t kg_sim_bottleneck_pass(struct kg_sim_bottleneck *b,
				const struct kg_sim_link_params *params, uint64_t now_us,
				uint32_t bytes, uint32_t *waits_us)
{
	uint64_t begins_us = KG_MAX(now_us, b->busy_until_us);

	*waits_us = 0;
	if (params->rate_Bps == 0 && params->trace.count == 0)
		return now_us;
	*waits_us = (uint32_t)(begins_us - now_us);
	forget_who_left(b, now_us);
	if (is_full(b, params, *waits_us, bytes) ||
	    (params->codel.target_us > 0 && codel_drops(b, &params->codel, begins_us, *waits_us)))
		return KG_NEVER_US;
	if (params->rate_Bps > 0)
		b->busy_until_us = begins_us + bytes * (uint64_t)KG_US_PER_S / params->rate_Bps;
	else
		b->busy_until_us = serve_by_trace(b, &params->trace, begins_us, bytes);
	remember(b, b->busy_until_us, bytes);
	return b->busy_until_us;
}
