/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory that runs out: pools that are small for what the windows promise, many flows, and readers
 * that stand still. Nobody may stop because of others: the share that each has, and what is kept
 * for those that need one more buffer, must be enough for all (docs/decisions/0021).
 */
#include "sim.h"

#define KEPT_DIVISOR  8     /* as the box keeps */
#define SEGMENTS_MAX  1000u /* of what one says, about: many times what there is room for */
#define UPLOAD_WINDOW 2048
#define UPLOAD_MTU    100
/* However bad the network. */
#define STALL_US SEC(60)

static uint32_t below(struct sim *sim, uint32_t bound)
{
	return kg_rng_below(&sim->rng, bound);
}

/* What is kept suffices for the floor of all conversations, both ways, and little more. */
static void draw_pool(struct sim *sim, struct side *side)
{
	uint32_t conversations = sim->flow_count + sim->mux_channels;

	side->host.pool.kept = 32 + 2 * conversations * (KG_BUF_FLOOR + 1) + below(sim, 64);
	side->host.pool.limit = KEPT_DIVISOR * side->host.pool.kept;
}

/* All at once over a long path with loss: what waits beyond holes would take all. */
static void draw_uploads(struct sim *sim)
{
	const struct kg_sim_link_params path = {
		.delay_us = (uint32_t)MSEC(20 + below(sim, 80)),
		.loss = (uint16_t)below(sim, 65536 / 20),
	};

	kg_sim_link_init(&sim->client.link, &path, &sim->rng);
	kg_sim_link_init(&sim->server.link, &path, &sim->rng);
	sim->client.config.kcp.snd_wnd = sim->server.config.kcp.snd_wnd = UPLOAD_WINDOW;
	sim->client.config.kcp.rcv_wnd = sim->server.config.kcp.rcv_wnd = UPLOAD_WINDOW;
	sim->client.config.kcp.mtu = sim->server.config.kcp.mtu = UPLOAD_MTU;
	sim->client.config.kcp.nc = sim->server.config.kcp.nc = true;
	for (uint32_t i = 0; i < sim->flow_count; i++) {
		struct flow *flow = &sim->flows[i];

		flow->start_us = sim->now_us + below(sim, MSEC(10));
		flow->client.next_us = flow->start_us;
		flow->client.pause_max_us = 500;
		flow->client.plan_bytes = SEGMENTS_MAX * UPLOAD_MTU;
		flow->client.write_max_bytes = 65536;
	}
}

static void draw_app(struct sim *sim, struct app *app)
{
	app->plan_bytes =
		KG_MIN(app->plan_bytes, SEGMENTS_MAX * (uint64_t)app->side->config.kcp.mtu);
	if (app->flow->protocol != KG_PROTOCOL_TCP || below(sim, 4) != 0)
		return;
	app->slow = true;
	app->stands_until_us = app->flow->start_us + below(sim, SEC(100));
}

static void calm(struct kg_sim_link_params *params)
{
	params->rate_Bps = 0;
	params->burst = 0;
	params->loss = KG_MIN(params->loss, 65536 / 8);
}

/* To stand still, or worse: a link that overflows with copies and parity, or takes nothing for long
 * and often; an address that is lost before it was heard; and wrong parity, of which so many flows
 * would believe some (docs/decisions/0010). */
static void leave_out_other_reasons(struct sim *sim)
{
	calm(&sim->client.link.params);
	calm(&sim->server.link.params);
	sim->client.fault = sim->server.fault = FAULT_NONE;
	for (size_t i = 0; i < KG_ARRAY_SIZE(sim->rebind_us); i++)
		sim->rebind_us[i] = 0;
}

void pressure_draw(struct sim *sim)
{
	draw_pool(sim, &sim->client);
	draw_pool(sim, &sim->server);
	leave_out_other_reasons(sim);
	if (below(sim, 2) == 0)
		draw_uploads(sim);
	for (uint32_t i = 0; i < sim->flow_count; i++) {
		draw_app(sim, &sim->flows[i].client);
		draw_app(sim, &sim->flows[i].server);
	}
}

static void update_share(struct kg_buf_malloc_pool *pool)
{
	pool->pool.left = (uint32_t)(pool->limit - pool->in_use);
	pool->pool.fair_share = kg_buf_share(pool->pool.left, pool->kept);
}

void pressure_update(struct sim *sim)
{
	if (!sim->scarce)
		return;
	update_share(&sim->client.host.pool);
	update_share(&sim->server.host.pool);
}

static void check_app(const struct app *app)
{
	const struct sim *sim = app->sim;
	const struct app *other = app_other(app);
	uint64_t since_us = KG_MAX(app->lacks_us, app->stands_until_us);
	/* Of who aborts what is under way; of datagrams what a mux channel has no place for, or
	 * what is too old. */
	bool udp = app->flow->protocol == KG_PROTOCOL_UDP;
	bool may_lack = other->aborted || (udp && (sim->mux_channels > 0 || sim->deadline_ms > 0));

	if (app->there && !may_lack && app->got_bytes < other->sent_bytes)
		sim_check(sim, sim->now_us < since_us + STALL_US);
}

void pressure_check(const struct sim *sim)
{
	for (uint32_t i = 0; sim->scarce && !sim->dies && i < sim->flow_count; i++) {
		check_app(&sim->flows[i].client);
		check_app(&sim->flows[i].server);
	}
}
