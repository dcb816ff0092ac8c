/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Draws a scenario from the seed, dimension by dimension. Each dimension has a generator of its
 * own, so that a new one leaves alone what a seed means to the others.
 */
#include "boxes/boxes.h"

#include "base/hash.h"

#include <string.h>

#define PERCENT(n)         ((uint16_t)((n)*65536 / 100))
#define MEMORY_MB(workers) (80 + 60 * (workers)) /* of a box, little more than the least */

static bool one_in(struct kg_rng *rng, uint32_t n)
{
	return kg_rng_below(rng, n) == 0;
}

static const char *one_of(struct kg_rng *rng, const char *const *texts, uint32_t count)
{
	return texts[kg_rng_below(rng, count)];
}

/* ---- dimensions ---- */

static void draw_cipher(struct boxes *boxes, struct kg_rng *rng)
{
	static const char *const algorithms[] = { "AES-GCM",   "AES-OCB", "chacha20",
						  "xchacha20", "XOR",     "none" };

	boxes->scenario.params.algorithm = one_of(rng, algorithms, KG_ARRAY_SIZE(algorithms));
}

static void draw_kcp(struct boxes *boxes, struct kg_rng *rng)
{
	static const char *const presets[] = { "fast1", "fast3", "fast6", "regular2", "regular5" };

	boxes->scenario.params.preset = one_of(rng, presets, KG_ARRAY_SIZE(presets));
	boxes->scenario.params.window = kg_rng_between(rng, 128, 1024);
}

static void draw_fec(struct boxes *boxes, struct kg_rng *rng)
{
	static const char *const codes[] = { "2:1", "10:3", "20:4" };

	if (one_in(rng, 3))
		boxes->scenario.params.fec = one_of(rng, codes, KG_ARRAY_SIZE(codes));
}

static void draw_mux(struct boxes *boxes, struct kg_rng *rng)
{
	if (one_in(rng, 3))
		boxes->scenario.params.mux = kg_rng_between(rng, 1, 4);
}

static void draw_version(struct boxes *boxes, struct kg_rng *rng)
{
	boxes->scenario.params.ipv6 = one_in(rng, 3);
}

static void draw_workers(struct boxes *boxes, struct kg_rng *rng)
{
	struct two_boxes_params *params = &boxes->scenario.params;

	params->workers = one_in(rng, 2) ? 1 : kg_rng_between(rng, 2, BOXES_WORKERS_MAX);
	params->memory_mb = MEMORY_MB(params->workers);
}

/* Which says so much the oftener, too, that a flow of datagrams is over. */
static void draw_keep_alive(struct boxes *boxes, struct kg_rng *rng)
{
	boxes->scenario.params.keep_alive_s = one_in(rng, 2) ? kg_rng_between(rng, 1, 10) : 0;
	for (int side = CLIENT; side < SIDES; side++)
		snprintf(boxes->scenario.settings[side], sizeof(boxes->scenario.settings[side]),
			 ", \"udp_timeout\": 30");
}

static struct kg_sim_link_params draw_direction(struct kg_rng *rng)
{
	struct kg_sim_link_params params = {
		.delay_us = kg_rng_between(rng, 50, 100000),
		.in_order = one_in(rng, 2),
		.loss = (uint16_t)kg_rng_below(rng, PERCENT(10)),
	};

	params.jitter_us = kg_rng_below(rng, params.delay_us / 2 + 1);
	if (one_in(rng, 3))
		params.duplicate = (uint16_t)kg_rng_below(rng, PERCENT(10));
	if (one_in(rng, 3))
		params.corrupt = (uint16_t)kg_rng_below(rng, PERCENT(3));
	if (one_in(rng, 4)) {
		params.burst = PERCENT(1);
		params.burst_us = kg_rng_between(rng, 1000, 200000);
	}
	if (one_in(rng, 4)) {
		params.rate_Bps = kg_rng_between(rng, 250000, 5000000);
		params.queue_us = kg_rng_between(rng, 20000, 200000);
	}
	return params;
}

static void draw_wire(struct boxes *boxes, struct kg_rng *rng)
{
	for (int side = CLIENT; side < SIDES; side++)
		boxes->scenario.wire[side] = draw_direction(rng);
}

/* No path is believed to be narrower than the least of its version. */
static uint16_t draw_width(const struct boxes *boxes, struct kg_rng *rng)
{
	return (uint16_t)kg_rng_between(rng, kg_path_mtu_min(boxes->scenario.params.ipv6 ? 6 : 4),
					1499);
}

/* Narrow all the time, or from some time on, and then more than once. Where fragments are lost,
 * too, what is too long and has its number waits until it passes again: it cannot become shorter.
 */
static struct path draw_one_way(const struct boxes *boxes, struct kg_rng *rng)
{
	struct path path = { .honest = one_in(rng, 2), .fragments = one_in(rng, 2) };
	uint64_t since_us = boxes->now_us;

	path.width_count = one_in(rng, 3) ? 1 : kg_rng_between(rng, 2, BOXES_WIDTHS);
	for (unsigned int i = 0; i < path.width_count; i++) {
		if (path.width_count > 1)
			since_us += kg_rng_between(rng, 0, 3 * KG_US_PER_S / 2);
		path.widths[i].since_us = since_us;
		path.widths[i].bytes = draw_width(boxes, rng);
	}
	if (!path.fragments && path.width_count > 1)
		path.widths[path.width_count - 1].bytes = UINT16_MAX;
	return path;
}

/* Both ways alike, each its own, or one only. */
static void draw_path(struct boxes *boxes, struct kg_rng *rng)
{
	struct path *paths = boxes->scenario.paths;
	uint32_t one = kg_rng_between(rng, CLIENT, SERVER);

	paths[CLIENT] = paths[SERVER] = (struct path){ .fragments = true };
	if (one_in(rng, 2))
		return;
	paths[one] = draw_one_way(boxes, rng);
	if (one_in(rng, 2))
		paths[!one] = paths[one];
	else if (one_in(rng, 2))
		paths[!one] = draw_one_way(boxes, rng);
}

static bool is_wide(const struct scenario *scenario)
{
	return scenario->paths[CLIENT].width_count + scenario->paths[SERVER].width_count == 0;
}

static bool needs_fragments(const struct path *path)
{
	return path->fragments && path->width_count > 0;
}

/* NATs let no fragment through. Who is silent behind other ports cannot be found. */
static void draw_nat(struct boxes *boxes, struct kg_rng *rng)
{
	struct scenario *scenario = &boxes->scenario;
	struct path *paths = scenario->paths;
	bool any = !needs_fragments(&paths[CLIENT]) && !needs_fragments(&paths[SERVER]) &&
		   one_in(rng, 2);

	for (int side = CLIENT; any && side < SIDES; side++)
		paths[side].fragments = false;
	for (size_t i = 0; i < BOXES_NAT_TIMES; i++)
		scenario->nat_forgets_us[i] =
			any ? boxes->now_us + kg_rng_between(rng, 0, 8 * KG_US_PER_S) : KG_NEVER_US;
	if (any && scenario->params.keep_alive_s == 0)
		scenario->params.keep_alive_s = kg_rng_between(rng, 1, 10);
}

/* Behind the same NAT, which may give it a port that was the client's. */
static void draw_neighbour(struct boxes *boxes, struct kg_rng *rng)
{
	struct scenario *scenario = &boxes->scenario;

	scenario->params.neighbour = one_in(rng, 2);
	if (!scenario->params.neighbour)
		return;
	for (uint32_t i = 0; i < scenario->flow_count; i++)
		boxes->flows[i].tunnel = (uint16_t)kg_rng_between(rng, 0, 1);
}

static void draw_flows(struct boxes *boxes, struct kg_rng *rng)
{
	uint32_t most_bytes = one_in(rng, 4) ? 80000 : 10000;

	boxes->scenario.flow_count = kg_rng_between(rng, 1, BOXES_FLOWS_MAX);
	for (uint32_t i = 0; i < boxes->scenario.flow_count; i++)
		boxes->flows[i] = (struct flow){
			.number = i,
			.protocol = one_in(rng, 3) ? KG_PROTOCOL_UDP : KG_PROTOCOL_TCP,
			.start_us = boxes->now_us + kg_rng_below(rng, 2 * KG_US_PER_S),
			.write_max_bytes = kg_rng_between(rng, 4, 1400),
			.pause_max_us = one_in(rng, 2) ? 1 : kg_rng_between(rng, 1, 5000),
			.plan_bytes = { kg_rng_between(rng, BOXES_LEAST_BYTES, most_bytes),
					kg_rng_between(rng, BOXES_LEAST_BYTES, most_bytes) },
		};
}

/* Something long is under way while a path changes. */
static void draw_long_flow(struct boxes *boxes, struct kg_rng *rng)
{
	struct flow *flow = &boxes->flows[0];

	if (is_wide(&boxes->scenario))
		return;
	flow->start_us = boxes->now_us;
	flow->write_max_bytes = 1400;
	flow->pause_max_us = kg_rng_between(rng, 5000, 10000);
	for (int side = CLIENT; side < SIDES; side++)
		flow->plan_bytes[side] = kg_rng_between(rng, 100000, 400000);
}

/* Something is under way while the wire does what its model is about. */
static void draw_bulk(struct boxes *boxes, struct kg_rng *rng)
{
	uint32_t count = KG_MIN(kg_rng_between(rng, 1, 3), boxes->scenario.flow_count);

	if (!boxes->scenario.modelled)
		return;
	for (uint32_t i = 0; i < count; i++) {
		struct flow *flow = &boxes->flows[i];
		uint32_t most_us = kg_rng_between(rng, 10000, 40000);

		flow->write_max_bytes = 1400;
		flow->pause_max_us = most_us;
		for (int side = CLIENT; side < SIDES; side++)
			flow->plan_bytes[side] = (uint32_t)(kg_rng_between(rng, 1, 6) *
							    (700.0 * KG_US_PER_S / (most_us / 2)));
	}
}

/* Either end may be the first to speak after a NAT has forgotten. */
static void draw_pauses(struct boxes *boxes, struct kg_rng *rng)
{
	if (!nat_is_there(boxes))
		return;
	for (uint32_t i = 0; i < boxes->scenario.flow_count; i++) {
		if (one_in(rng, 2))
			continue;
		boxes->flows[i].pause_max_us = kg_rng_between(rng, 100000, 3000000);
		for (int side = CLIENT; side < SIDES; side++)
			boxes->flows[i].plan_bytes[side] =
				kg_rng_between(rng, BOXES_LEAST_BYTES, 5000);
	}
}

static void draw_halts(struct boxes *boxes, struct kg_rng *rng)
{
	struct halt *halts = boxes->scenario.halts[kg_rng_between(rng, CLIENT, SERVER)];
	uint64_t from_us = boxes->now_us;

	if (one_in(rng, 2))
		return;
	for (unsigned int i = 0; i < BOXES_HALTS; i++) {
		from_us += kg_rng_between(rng, 0, KG_US_PER_S);
		halts[i] = (struct halt){
			.from_us = from_us,
			.for_us = kg_rng_between(rng, 20, 2000) * KG_US_PER_MS,
			.in_burst = one_in(rng, 2),
		};
	}
}

/* Which carries datagrams alone. */
static void draw_udphop(struct boxes *boxes, struct kg_rng *rng)
{
	struct scenario *scenario = &boxes->scenario;

	scenario->params.udphop = one_in(rng, 4);
	if (!scenario->params.udphop)
		return;
	scenario->params.mux = 0;
	for (uint32_t i = 0; i < scenario->flow_count; i++)
		boxes->flows[i].protocol = KG_PROTOCOL_UDP;
}

/* Of datagrams, an end's own; about half of the flows are then, many of them short, beside streams.
 */
static void draw_deadline(struct boxes *boxes, struct kg_rng *rng)
{
	struct scenario *scenario = &boxes->scenario;

	if (scenario->params.udphop || !one_in(rng, 4))
		return;
	scenario->arrival = one_in(rng, 2);
	for (int side = CLIENT; side < SIDES; side++) {
		char *settings = scenario->settings[side];
		size_t len = strlen(settings);

		scenario->deadline_ms[side] = kg_rng_between(rng, 20, 1000);
		snprintf(settings + len, sizeof(scenario->settings[side]) - len,
			 ", \"udp_deadline\": %u, \"udp_order\": \"%s\"",
			 scenario->deadline_ms[side], scenario->arrival ? "arrival" : "sequence");
	}
	for (uint32_t i = 0; i < scenario->flow_count; i++) {
		struct flow *flow = &boxes->flows[i];

		flow->protocol = one_in(rng, 2) ? KG_PROTOCOL_UDP : KG_PROTOCOL_TCP;
		if (one_in(rng, 2))
			flow->write_max_bytes = kg_rng_between(rng, 4, 400);
	}
}

/* What a scenario consists of. */
static const struct {
	const char *name;
	void (*draw)(struct boxes *boxes, struct kg_rng *rng);
} dimensions[] = {
	{ "cipher", draw_cipher },   { "kcp", draw_kcp },
	{ "fec", draw_fec },         { "mux", draw_mux },
	{ "workers", draw_workers }, { "keep_alive", draw_keep_alive },
	{ "wire", draw_wire },       { "version", draw_version },
	{ "path", draw_path },       { "nat", draw_nat },
	{ "flows", draw_flows },     { "long flow", draw_long_flow },
	{ "pauses", draw_pauses },   { "neighbour", draw_neighbour },
	{ "udphop", draw_udphop },   { "deadline", draw_deadline },
	{ "halts", draw_halts },     { "links", links_draw },
	{ "bulk", draw_bulk },
};

static void print_path(const struct boxes *boxes, const struct path *path)
{
	for (unsigned int i = 0; i < path->width_count; i++)
		printf("%u bytes pass after %.6f s; ", path->widths[i].bytes,
		       (double)(path->widths[i].since_us - boxes->started_us) / KG_US_PER_S);
	if (path->width_count > 0)
		printf("routers are %s, fragments %s\n", path->honest ? "honest" : "silent",
		       path->fragments ? "pass" : "are lost");
}

static void print_halts(const struct boxes *boxes, int side)
{
	for (unsigned int i = 0; i < BOXES_HALTS; i++) {
		const struct halt *halt = &boxes->scenario.halts[side][i];

		if (halt->for_us > 0)
			printf("stands still for %.3f s after %.6f s%s\n",
			       (double)halt->for_us / KG_US_PER_S,
			       (double)(halt->from_us - boxes->started_us) / KG_US_PER_S,
			       halt->in_burst ? ", in a burst" : "");
	}
}

static void print(const struct boxes *boxes)
{
	const struct two_boxes_params *p = &boxes->scenario.params;

	printf("%s, %s, %s, window %u, fec %s, mux %u, %u workers, keep_alive %u, %u flows\n",
	       p->ipv6 ? "IPv6" : "IPv4", p->algorithm, p->udphop ? "UDP Hop" : p->preset,
	       p->window, p->fec != NULL ? p->fec : "off", p->mux, p->workers, p->keep_alive_s,
	       boxes->scenario.flow_count);
	printf("the wire has %s, and is out for %.3f s at most\n", boxes->scenario.model,
	       (double)boxes->scenario.outage_us / KG_US_PER_S);
	printf("NAT %s; neighbour %s\n", nat_is_there(boxes) ? "forgets" : "is not there",
	       p->neighbour ? "is there" : "is not");
	if (boxes->scenario.deadline_ms[CLIENT] > 0)
		printf("datagrams are of use for %u ms there, %u ms back, and come in %s\n",
		       boxes->scenario.deadline_ms[CLIENT], boxes->scenario.deadline_ms[SERVER],
		       boxes->scenario.arrival ? "as they arrive" : "sequence");
	for (int side = CLIENT; side < SIDES; side++) {
		const struct kg_sim_link_params *link = &boxes->scenario.wire[side];

		print_path(boxes, &boxes->scenario.paths[side]);
		print_halts(boxes, side);
		printf("%s: %u us + %u%s, loss %.2f %%, twice %.2f %%, damaged %.2f %%, rate %u\n",
		       side == CLIENT ? "there" : "back", link->delay_us, link->jitter_us,
		       link->in_order ? " in order" : "", link->loss / 655.36,
		       link->duplicate / 655.36, link->corrupt / 655.36,
		       (unsigned int)link->rate_Bps);
		print_halts(boxes, side);
	}
}

void scenario_draw(struct boxes *boxes)
{
	struct scenario *scenario = &boxes->scenario;

	*scenario = (struct scenario){ .params.apart = true };
	for (size_t i = 0; i < KG_ARRAY_SIZE(dimensions); i++) {
		const char *name = dimensions[i].name;
		struct kg_rng rng;

		kg_rng_init(&rng, kg_hash64(name, strlen(name), boxes->seed));
		dimensions[i].draw(boxes, &rng);
	}
	for (int side = CLIENT; side < SIDES; side++)
		scenario->params.settings[side] = scenario->settings[side];
	if (boxes->verbose)
		print(boxes);
}
