/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Draws what the wire is like beyond delay and random loss: queues, carriers, radio, satellites and
 * outages (sim/link.h), and says how long nothing may pass.
 */
#include "boxes/boxes.h"

#include <string.h>

#define PART(n, of)  ((uint16_t)((n)*65536 / (of)))
#define SLOT_MS      250u /* for which a radio's rate stays as it is */
#define PACKET_BYTES 1514u

/* ---- models, each of one direction ---- */

static void have_long_queue(struct kg_sim_link_params *link, struct kg_rng *rng)
{
	link->rate_Bps = kg_rng_between(rng, 100000, 2000000);
	link->queue_us = kg_rng_between(rng, 100, 500) * KG_US_PER_MS;
}

static void have_short_queue(struct kg_sim_link_params *link, struct kg_rng *rng)
{
	link->rate_Bps = kg_rng_between(rng, 250000, 5000000);
	link->queue_us = 0;
	if (kg_rng_below(rng, 2) == 0)
		link->queue_pkts = kg_rng_between(rng, 8, 100);
	else
		link->queue_bytes = kg_rng_between(rng, 10000, 200000);
}

/* Its target has to be longer than a packet's service. */
static void have_codel(struct kg_sim_link_params *link, struct kg_rng *rng)
{
	link->rate_Bps = kg_rng_between(rng, 500000, 5000000);
	link->queue_us = 500 * KG_US_PER_MS;
	link->codel.target_us = 5000;
	link->codel.interval_us = 100000;
}

static void lose_in_runs(struct kg_sim_link_params *link, struct kg_rng *rng)
{
	link->gilbert.to_bad = PART(kg_rng_between(rng, 1, 20), 1000);
	link->gilbert.to_good = PART(kg_rng_between(rng, 200, 600), 1000);
	link->gilbert.loss = PART(kg_rng_between(rng, 50, 90), 100);
	link->loss = 0;
}

static void be_policed(struct kg_sim_link_params *link, struct kg_rng *rng)
{
	link->police.key =
		(enum kg_sim_police_key)kg_rng_between(rng, KG_SIM_BY_TUPLE, KG_SIM_BY_HOST);
	link->police.rate_Bps = kg_rng_between(rng, 100000, 1000000);
	link->police.burst_bytes = kg_rng_between(rng, 10000, 64000);
}

static void punish(struct kg_sim_link_params *link, struct kg_rng *rng)
{
	link->police.penalty_Bps = kg_rng_between(rng, 60000, 200000);
	link->police.crawl_Bps = kg_rng_between(rng, 50000, 60000);
	link->police.burst_bytes = kg_rng_between(rng, 10000, 30000);
}

static void take_detours(struct kg_sim_link_params *link, struct kg_rng *rng)
{
	link->in_order = false;
	link->flowlet_us = kg_rng_between(rng, 100, 5000);
	link->detour_us = kg_rng_between(rng, 1000, 80000);
}

static void be_a_satellite(struct kg_sim_link_params *link, struct kg_rng *rng)
{
	link->step_every_us = kg_rng_between(rng, 500, 4000) * KG_US_PER_MS;
	link->step_us = kg_rng_between(rng, 5000, 60000);
	link->gather_us = kg_rng_between(rng, 1000, 20000);
}

/* ---- radio: a rate that is another four times a second, and nothing now and then ---- */

static void write_slot(struct trace *trace, struct kg_rng *rng, uint32_t slot)
{
	uint32_t chances =
		kg_rng_below(rng, 6) == 0 ? 0 : kg_rng_between(rng, 8, BOXES_CHANCES / 8);

	for (uint32_t i = 0; i < chances && trace->count < BOXES_CHANCES; i++)
		trace->at_ms[trace->count++] = slot * SLOT_MS + (i + 1) * SLOT_MS / chances;
}

static uint64_t longest_gap_us(const struct trace *trace)
{
	uint32_t longest_ms = trace->at_ms[0];

	for (size_t i = 1; i < trace->count; i++)
		longest_ms = KG_MAX(longest_ms, trace->at_ms[i] - trace->at_ms[i - 1]);
	return (uint64_t)longest_ms * KG_US_PER_MS;
}

static uint64_t be_radio(struct kg_sim_link_params *link, struct kg_rng *rng, struct trace *trace)
{
	uint32_t slots = kg_rng_between(rng, 8, 24);

	trace->count = 0;
	for (uint32_t slot = 0; slot < slots; slot++)
		write_slot(trace, rng, slot);
	trace->at_ms[trace->count++] = slots * SLOT_MS;
	link->rate_Bps = 0;
	link->trace = (struct kg_sim_trace){ trace->at_ms, trace->count };
	link->queue_us = kg_rng_between(rng, 100, 400) * KG_US_PER_MS;
	return longest_gap_us(trace) + link->queue_us;
}

/* ---- outages ---- */

/* One after another; what the first has held up arrives before the second. */
static uint64_t fall_silent(struct boxes *boxes, struct kg_rng *rng)
{
	uint32_t count = kg_rng_between(rng, 1, 2), ways = kg_rng_between(rng, 1, 3);
	uint64_t from_us = boxes->now_us, longest_us = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t lasts_us = kg_rng_between(rng, 200, 5000) * KG_US_PER_MS;

		from_us += kg_rng_between(rng, 3000, 6000) * KG_US_PER_MS;
		for (int side = CLIENT; side < SIDES; side++) {
			if ((ways & (1u << side)) == 0)
				continue;
			boxes->scenario.wire[side].holes[i].from_us = from_us;
			boxes->scenario.wire[side].holes[i].to_us = from_us + lasts_us;
		}
		from_us += lasts_us;
		longest_us = KG_MAX(longest_us, lasts_us);
	}
	return longest_us;
}

/* ---- what may be expected ---- */

static uint64_t longest_us(const struct kg_sim_link_params *link)
{
	return (uint64_t)link->delay_us + link->jitter_us + link->queue_us + link->step_us +
	       link->detour_us + link->gather_us + link->burst_us;
}

/* Behind all that the bottleneck's queue has room for. */
static uint64_t queue_us(const struct kg_sim_link_params *link)
{
	uint64_t bytes = link->queue_bytes + (uint64_t)link->queue_pkts * PACKET_BYTES;

	return link->rate_Bps > 0 ? (bytes + PACKET_BYTES) * KG_US_PER_S / link->rate_Bps : 0;
}

uint64_t links_way_us(const struct boxes *boxes, int side)
{
	const struct kg_sim_link_params *link = &boxes->scenario.wire[side];
	const struct trace *trace = &boxes->scenario.traces[side];

	return longest_us(link) + queue_us(link) + (trace->count > 0 ? longest_gap_us(trace) : 0);
}

uint64_t links_stall_us(const struct boxes *boxes)
{
	const struct kg_sim_link_params *wire = boxes->scenario.wire;
	uint64_t round_trip_us = longest_us(&wire[CLIENT]) + longest_us(&wire[SERVER]);

	return boxes->scenario.outage_us + KG_US_PER_S + 2 * round_trip_us;
}

/* ---- the choice ---- */

static const struct {
	const char *name;
	void (*draw)(struct kg_sim_link_params *link, struct kg_rng *rng);
} models[] = {
	{ "a long queue", have_long_queue },
	{ "a short queue", have_short_queue },
	{ "CoDel", have_codel },
	{ "runs of loss", lose_in_runs },
	{ "a policer", be_policed },
	{ "a penalty box", punish },
	{ "detours", take_detours },
	{ "a satellite", be_a_satellite },
	{ "radio", NULL },
	{ "outages", NULL },
	{ "outages and a policer", be_policed },
};
#define RADIO   8u
#define OUTAGES 9u

/* Both ways, or one. */
static uint64_t draw_model(struct boxes *boxes, struct kg_rng *rng, uint32_t nth)
{
	struct scenario *scenario = &boxes->scenario;
	uint32_t ways = kg_rng_between(rng, 1, 3);
	uint64_t outage_us = nth >= OUTAGES ? fall_silent(boxes, rng) : 0;

	for (int side = CLIENT; side < SIDES; side++) {
		struct kg_sim_link_params *link = &scenario->wire[side];

		if ((ways & (1u << side)) == 0)
			continue;
		if (nth == RADIO)
			outage_us = KG_MAX(outage_us, be_radio(link, rng, &scenario->traces[side]));
		else if (models[nth].draw != NULL)
			models[nth].draw(link, rng);
	}
	return outage_us;
}

/* Half of them have nothing else that holds up a stream, so that its stalls tell. */
static void calm_down(struct scenario *scenario)
{
	for (int side = CLIENT; side < SIDES; side++)
		scenario->paths[side] = (struct path){ .fragments = true };
	memset(scenario->halts, 0, sizeof(scenario->halts));
	for (size_t i = 0; i < BOXES_NAT_TIMES; i++)
		scenario->nat_forgets_us[i] = KG_NEVER_US;
}

void links_draw(struct boxes *boxes, struct kg_rng *rng)
{
	struct scenario *scenario = &boxes->scenario;
	uint32_t nth = kg_rng_below(rng, KG_ARRAY_SIZE(models));

	scenario->model = "nothing else";
	if (boxes->seed < BOXES_MODELS_FROM)
		return;
	if (kg_rng_below(rng, 2) == 0)
		calm_down(scenario);
	scenario->modelled = true;
	scenario->model = models[nth].name;
	scenario->outage_us = draw_model(boxes, rng, nth);
}
