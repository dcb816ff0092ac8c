/* SPDX-License-Identifier: BSD-3-Clause */
/* Keeps an account of each flow, and decides by it who may pass. */
#include "sim/police.h"

#include <stdlib.h>

#define HASH_SEED 0x6b67

void kg_sim_police_fini(struct kg_sim_police *police)
{
	free(police->flows);
}

static struct kg_sim_policed *lookup(struct kg_sim_police *police, const struct kg_endpoint *from,
				     const struct kg_endpoint *to)
{
	for (size_t i = 0; i < police->count; i++) {
		if (kg_endpoint_equal(&police->flows[i].from, from) &&
		    kg_endpoint_equal(&police->flows[i].to, to))
			return &police->flows[i];
	}
	return NULL;
}

static uint64_t rate_Bps(const struct kg_sim_policed *flow, const struct kg_sim_police_params *p)
{
	if (flow->crawls)
		return p->crawl_Bps;
	return flow->free ? 0 : p->rate_Bps;
}

static struct kg_sim_policed *insert(struct kg_sim_police *police,
				     const struct kg_sim_police_params *p,
				     const struct kg_tuple *tuple, uint64_t now_us)
{
	uint64_t hash = kg_tuple_hash(tuple, HASH_SEED);

	if (police->count == police->room) {
		police->room = 2 * police->room + 8;
		police->flows = realloc(police->flows, police->room * sizeof(*police->flows));
		if (police->flows == NULL)
			abort();
	}
	police->flows[police->count] = (struct kg_sim_policed){
		.from = tuple->local,
		.to = tuple->remote,
		.seen_us = now_us,
		.tokens = (uint64_t)p->burst_bytes * KG_US_PER_S,
		.slot = now_us / KG_US_PER_S,
		.dropped = (hash & 0xffff) < p->dropped_flows,
		.free = (hash >> 16 & 0xffff) < p->free_flows,
	};
	return &police->flows[police->count++];
}

/* Every second in turn that was too heavy brings the box nearer. */
static void weigh(struct kg_sim_policed *flow, const struct kg_sim_police_params *p,
		  uint64_t now_us, uint32_t bytes)
{
	uint64_t slot = now_us / KG_US_PER_S;

	if (slot != flow->slot) {
		bool heavy = slot == flow->slot + 1 && flow->slot_bytes > p->penalty_Bps;

		flow->heavy_slots = heavy ? flow->heavy_slots + 1 : 0;
		flow->crawls |= flow->heavy_slots == KG_SIM_PENALTY_SLOTS;
		flow->slot = slot;
		flow->slot_bytes = 0;
	}
	flow->slot_bytes += bytes;
}

static bool has_tokens(struct kg_sim_policed *flow, const struct kg_sim_police_params *p,
		       uint64_t now_us, uint32_t bytes)
{
	uint64_t want = (uint64_t)bytes * KG_US_PER_S,
		 most = (uint64_t)p->burst_bytes * KG_US_PER_S;

	flow->tokens = KG_MIN(flow->tokens + (now_us - flow->seen_us) * rate_Bps(flow, p), most);
	flow->seen_us = now_us;
	if (flow->tokens < want)
		return false;
	flow->tokens -= want;
	return true;
}

bool kg_sim_police_lets(struct kg_sim_police *police, const struct kg_sim_police_params *params,
			uint64_t now_us, const struct kg_endpoint *from,
			const struct kg_endpoint *to, uint32_t bytes)
{
	struct kg_tuple tuple = { .local = *from, .remote = *to };
	struct kg_sim_policed *flow;

	if (params->rate_Bps == 0 && params->penalty_Bps == 0 && params->dropped_flows == 0)
		return true;
	if (params->key != KG_SIM_BY_TUPLE)
		tuple.local.port = 0;
	if (params->key == KG_SIM_BY_HOST)
		tuple.remote = (struct kg_endpoint){ 0 };
	flow = lookup(police, &tuple.local, &tuple.remote);
	if (flow == NULL)
		flow = insert(police, params, &tuple, now_us);
	if (params->penalty_Bps > 0)
		weigh(flow, params, now_us, bytes);
	return !flow->dropped &&
	       (rate_Bps(flow, params) == 0 || has_tokens(flow, params, now_us, bytes));
}
