/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs flows and the links between their ends from event to event. */
#include "rival/race.h"

#include <stdlib.h>
#include <string.h>

#define BEGIN_US   KG_US_PER_S
#define FIRST_PORT 40000
#define SPAN_MS    20000 /* what waited longer counts as that */
#define STEPS      10    /* per ms */

struct flow {
	struct kg_endpoint at[KG_RACER_ENDS];
	struct kg_racer_params params;
	const struct kg_racer_ops *ops;
	void *racer;
};

struct race {
	const struct kg_race_params *params;
	struct kg_rng rng;
	struct kg_sim_link link[KG_RACER_ENDS]; /* from each end */
	struct flow flows[KG_RACE_FLOWS_MAX];
	uint64_t now_us, end_us;
	uint64_t busy_from_us[KG_RACER_ENDS], busy_until_us[KG_RACER_ENDS];
	uint64_t delivered, moved_us, stall_us;
	uint64_t early[KG_RACE_FLOWS_MAX]; /* of each flow, before it was late */
	bool late;
	uint32_t *waited; /* packets by what they waited, in steps */
	uint64_t passed;
};

static void race_fini(struct race *r)
{
	for (uint32_t i = 0; i < r->params->flows; i++) {
		if (r->flows[i].racer != NULL)
			r->flows[i].ops->destroy(r->flows[i].racer);
	}
	for (int end = 0; end < KG_RACER_ENDS; end++)
		kg_sim_link_fini(&r->link[end]);
	free(r->waited);
}

static bool flow_init(struct race *r, uint32_t nth)
{
	const struct kg_race_params *params = r->params;
	const struct kg_ip ip = { .version = 4, .bytes = { 198, 18 } };
	uint32_t wire_bytes = params->kcp.mtu + params->link[0]->overhead_bytes;
	bool beside = nth > 0 && params->beside != NULL;
	const struct kg_racer *racer = beside ? params->beside : params->racer;
	struct flow *flow = &r->flows[nth];

	flow->params = (struct kg_racer_params){
		.kcp = params->kcp,
		.rival = { .line_pps = params->line_Bps / wire_bytes,
			   .wire_bytes = wire_bytes,
			   .ack_wait_us = params->ack_wait_us,
			   .rng = &r->rng },
		.rival_ops = racer->rival,
	};
	flow->at[KG_RACER_SENDER] = (struct kg_endpoint){ ip, (uint16_t)(FIRST_PORT + nth) };
	flow->at[KG_RACER_RECEIVER] = (struct kg_endpoint){ ip, (uint16_t)(3000 + nth) };
	flow->ops = racer->ops;
	flow->racer = flow->ops->create(&flow->params, r->now_us);
	return flow->racer != NULL;
}

static bool race_init(struct race *r, const struct kg_race_params *params)
{
	*r = (struct race){ .params = params, .now_us = BEGIN_US, .moved_us = BEGIN_US };
	kg_rng_init(&r->rng, params->seed);
	r->end_us = BEGIN_US + params->seconds * (uint64_t)KG_US_PER_S;
	for (int end = 0; end < KG_RACER_ENDS; end++)
		kg_sim_link_init(&r->link[end], params->link[end], &r->rng);
	r->waited = calloc(SPAN_MS * STEPS + 1, sizeof(*r->waited));
	for (uint32_t i = 0; i < params->flows; i++) {
		if (!flow_init(r, i))
			return false;
	}
	return r->waited != NULL;
}

/* ---- events ---- */

static void note_late(struct race *r)
{
	if (r->late || r->now_us < BEGIN_US + r->params->queue_from_s * (uint64_t)KG_US_PER_S)
		return;
	r->late = true;
	for (uint32_t i = 0; i < r->params->flows; i++)
		r->early[i] = r->flows[i].ops->delivered(r->flows[i].racer);
}

static void note_wait(struct race *r, const struct kg_sim_link_packet *packet)
{
	uint32_t step = packet->waited_us * STEPS / KG_US_PER_MS;

	if (!r->late)
		return;
	r->waited[KG_MIN(step, (uint32_t)SPAN_MS * STEPS)]++;
	r->passed++;
}

/* The next time that the end's machine has for others. */
static void note_busy(struct race *r, int end)
{
	uint32_t us = r->params->busy[end].us, every_us = r->params->busy[end].every_us;

	if (us == 0 || r->now_us < r->busy_from_us[end])
		return;
	r->busy_until_us[end] = r->busy_from_us[end] == 0 ? 0 : r->now_us + us;
	r->busy_from_us[end] = r->now_us + us + every_us / 2 + kg_rng_below(&r->rng, every_us) + 1;
}

static bool is_busy(const struct race *r, int end)
{
	return r->now_us < r->busy_until_us[end];
}

static void receive(struct race *r, enum kg_racer_end end)
{
	enum kg_racer_end from = end == KG_RACER_SENDER ? KG_RACER_RECEIVER : KG_RACER_SENDER;
	struct kg_sim_link_packet *packet;

	while ((packet = kg_sim_link_receive(&r->link[from], r->now_us)) != NULL) {
		uint16_t sender = from == KG_RACER_SENDER ? packet->from.port : packet->to.port;
		struct flow *flow = &r->flows[sender - FIRST_PORT];

		if (end == KG_RACER_RECEIVER)
			note_wait(r, packet);
		flow->ops->input(flow->racer, end, packet->bytes, packet->len, r->now_us);
		free(packet);
	}
}

static void transmit(struct race *r, struct flow *flow, enum kg_racer_end end)
{
	static uint8_t out[KG_KCP_MTU_MAX];
	enum kg_racer_end to = end == KG_RACER_SENDER ? KG_RACER_RECEIVER : KG_RACER_SENDER;
	uint16_t len;

	while ((len = flow->ops->output(flow->racer, end, r->now_us, out)) > 0)
		kg_sim_link_send(&r->link[end], r->now_us, &flow->at[end], &flow->at[to], out, len);
}

static void note_progress(struct race *r)
{
	uint64_t delivered = 0;

	for (uint32_t i = 0; i < r->params->flows; i++)
		delivered += r->flows[i].ops->delivered(r->flows[i].racer);
	if (delivered == r->delivered && r->now_us < r->end_us)
		return;
	r->stall_us = KG_MAX(r->stall_us, r->now_us - r->moved_us);
	r->delivered = delivered;
	r->moved_us = r->now_us;
}

static uint64_t next_us(const struct race *r)
{
	uint64_t next = r->end_us;

	for (int end = 0; end < KG_RACER_ENDS; end++) {
		uint64_t end_us = kg_sim_link_next_us(&r->link[!end]);

		for (uint32_t i = 0; i < r->params->flows; i++)
			end_us = KG_MIN(end_us,
					r->flows[i].ops->deadline_us(r->flows[i].racer, end));
		next = KG_MIN(next, KG_MAX(end_us, r->busy_until_us[end]));
	}
	return KG_MAX(next, r->now_us + 1);
}

static void step(struct race *r)
{
	note_late(r);
	for (int end = 0; end < KG_RACER_ENDS; end++) {
		note_busy(r, end);
		if (!is_busy(r, end))
			receive(r, end);
	}
	note_progress(r);
	for (uint32_t i = 0; i < r->params->flows; i++) {
		for (int end = 0; end < KG_RACER_ENDS; end++) {
			if (!is_busy(r, end))
				transmit(r, &r->flows[i], end);
		}
	}
}

/* ---- result ---- */

static double quantile_ms(const struct race *r, double part)
{
	uint64_t below = 0;

	for (uint32_t step = 0; step < SPAN_MS * STEPS; step++) {
		below += r->waited[step];
		if ((double)below >= part * (double)r->passed)
			return (double)step / STEPS;
	}
	return SPAN_MS;
}

/* Jain, Chiu and Hawe: (sum of x)^2 / (n x sum of x^2). */
static double jain(const struct race *r)
{
	double sum = 0, squares = 0;

	for (uint32_t i = 0; i < r->params->flows; i++) {
		double x = (double)r->flows[i].ops->delivered(r->flows[i].racer);

		sum += x;
		squares += x * x;
	}
	return squares > 0 ? sum * sum / (r->params->flows * squares) : 0;
}

/* Of what came since so much had, the first flow's part. */
static double first_of(const struct race *r, const uint64_t *before)
{
	uint64_t first = r->flows[0].ops->delivered(r->flows[0].racer) - before[0];
	uint64_t all = r->delivered;

	for (uint32_t i = 0; i < r->params->flows; i++)
		all -= before[i];
	return (double)first / (double)KG_MAX(all, 1u);
}

static void summarise(const struct race *r, struct kg_race_result *result)
{
	static const uint64_t nothing[KG_RACE_FLOWS_MAX];
	const struct kg_sim_link *there = &r->link[KG_RACER_SENDER];

	*result = (struct kg_race_result){
		.segments = r->delivered,
		.wire_bytes = there->sent_bytes + r->link[KG_RACER_RECEIVER].sent_bytes,
		.queue_p50_ms = quantile_ms(r, 0.5),
		.queue_p95_ms = quantile_ms(r, 0.95),
		.own_loss = (double)there->overflowed / (double)KG_MAX(there->sent, 1u),
		.stall_us = r->stall_us,
		.jain = jain(r),
		.first = first_of(r, nothing),
		.first_late = first_of(r, r->early),
	};
}

bool kg_race_run(const struct kg_race_params *params, struct kg_race_result *result)
{
	struct race r;
	bool ready = race_init(&r, params);

	for (; ready && r.now_us < r.end_us; r.now_us = next_us(&r))
		step(&r);
	note_progress(&r);
	if (ready)
		summarise(&r, result);
	race_fini(&r);
	return ready;
}
