/* SPDX-License-Identifier: BSD-3-Clause */
/* Draws network, settings and flows from the seed. */
#include <string.h>

#include "rate/told.h"
#include "sim.h"

/* What a stream may hold at once, either way: a new one's credit in messages of the least size. */
#define STREAM_SEGMENTS 1024

#define PERCENT(n) ((uint16_t)((n)*65536 / 100))

static const struct kg_ip server_address = { 4, { 198, 18, 0, 2 } };
static const struct kg_port_range server_ports = { 3000, 3063 };

static uint32_t below(struct sim *sim, uint32_t bound)
{
	return kg_rng_below(&sim->rng, bound);
}

static bool one_in(struct sim *sim, uint32_t n)
{
	return below(sim, n) == 0;
}

/* Small values are as likely as large ones: 0 … bound-1 on a logarithmic scale. */
static uint32_t scaled(struct sim *sim, uint32_t bound)
{
	uint32_t bits = 32 - (uint32_t)__builtin_clz(bound);
	uint32_t scale = 1u << below(sim, bits + 1);

	return below(sim, KG_MIN(bound, scale));
}

/* As likely on a logarithmic scale as on a linear one. */
static uint32_t spread(struct sim *sim, uint32_t bound)
{
	return one_in(sim, 2) ? below(sim, bound) : scaled(sim, bound);
}

/* ---- network ---- */

static void draw_holes(struct sim *sim, struct kg_sim_link_params *a, struct kg_sim_link_params *b)
{
	uint64_t at_us = sim->now_us;

	for (int i = 0; i < KG_SIM_LINK_HOLES; i++) {
		uint64_t from_us = at_us + below(sim, 15 * KG_US_PER_S);
		uint32_t which = below(sim, 3);

		at_us = from_us + spread(sim, 5 * KG_US_PER_S);
		if (which != 0) {
			a->holes[i].from_us = from_us;
			a->holes[i].to_us = at_us;
		}
		if (which != 1) {
			b->holes[i].from_us = from_us;
			b->holes[i].to_us = at_us;
		}
	}
}

static struct kg_sim_link_params draw_link(struct sim *sim)
{
	/* A mux channel is given up after 31 s of silence, which happens where more is lost. */
	uint32_t loss_max = sim->mux_channels > 0 ? PERCENT(15) : PERCENT(30);
	struct kg_sim_link_params params = {
		.delay_us = spread(sim, 300001),
		.in_order = one_in(sim, 2),
	};

	if (!one_in(sim, 3))
		params.jitter_us = spread(sim, KG_MIN(params.delay_us, 50000u) + 1);
	if (one_in(sim, 3))
		params.duplicate = (uint16_t)spread(sim, PERCENT(20));
	if (one_in(sim, 3))
		params.corrupt = (uint16_t)spread(sim, PERCENT(5));
	if (one_in(sim, 3)) {
		params.burst = (uint16_t)spread(sim, PERCENT(2));
		params.burst_us = spread(sim, 500000);
		params.loss = (uint16_t)spread(sim, PERCENT(10));
	} else if (!one_in(sim, 4)) {
		params.loss = (uint16_t)spread(sim, loss_max);
	}
	if (one_in(sim, 3)) {
		params.rate_Bps = 2000000 + scaled(sim, 50000000);
		params.queue_us = (uint32_t)MSEC(50) + scaled(sim, (uint32_t)MSEC(300));
	}
	return params;
}

static void draw_network(struct sim *sim)
{
	struct kg_sim_link_params up = draw_link(sim), down = draw_link(sim);

	if (one_in(sim, 4))
		draw_holes(sim, &up, &down);
	if (one_in(sim, 25)) {
		sim->dies = true;
		up.holes[0].from_us = down.holes[0].from_us = sim->now_us + scaled(sim, 60000000);
		up.holes[0].to_us = down.holes[0].to_us = KG_NEVER_US;
	}
	if (one_in(sim, 4)) {
		for (size_t i = 0; i < KG_ARRAY_SIZE(sim->rebind_us); i++)
			sim->rebind_us[i] = sim->now_us + below(sim, 20000000);
	}
	if (one_in(sim, 4))
		sim->copied = (uint16_t)spread(sim, PERCENT(20));
	kg_sim_link_init(&sim->client.link, &up, &sim->rng);
	kg_sim_link_init(&sim->server.link, &down, &sim->rng);
}

/* ---- settings ---- */

static uint16_t draw_window(struct sim *sim)
{
	static const uint16_t windows[] = { 32, 33, 64, 128, 256, 1024, 2048, 8192, 32768, 65535 };

	return windows[below(sim, KG_ARRAY_SIZE(windows))];
}

static struct kg_kcp_params draw_kcp(struct sim *sim)
{
	static const struct {
		uint8_t nodelay;
		uint16_t interval_ms;
		uint8_t resend;
	} presets[] = {
		{ 1, 0, 2 }, { 2, 0, 2 }, { 1, 1, 3 }, { 2, 1, 3 },  { 1, 1, 4 },  { 2, 1, 4 },
		{ 1, 1, 5 }, { 2, 1, 5 }, { 0, 1, 2 }, { 0, 15, 2 }, { 0, 30, 2 }, { 0, 10, 0 },
	};
	uint32_t i = below(sim, KG_ARRAY_SIZE(presets));

	return (struct kg_kcp_params){
		.mtu = (uint16_t)(one_in(sim, 4) ? KG_KCP_MTU_MIN + scaled(sim, 1300) : 1418),
		.snd_wnd = draw_window(sim),
		.rcv_wnd = draw_window(sim),
		.nodelay = presets[i].nodelay,
		.interval_ms = presets[i].interval_ms,
		.resend = presets[i].resend,
		.nc = !one_in(sim, 8),
		.blast = !one_in(sim, 3),
		.snd_spread = sim->seed % 5 > 1,
		.rcv_grows = sim->seed % 7 > 2,
		.rate_auto = sim->seed % 11 > 4,
		.rate_kind = sim->seed / 11 % 4 & 3,
		.rate_told = kg_rate_tell(100 + sim->seed % 1000),
	};
}

static void draw_side(struct sim *sim, struct side *side, enum kg_role role)
{
	side->sim = sim;
	test_host_init(&side->host, kg_rng_next(&sim->rng), SIZE_MAX, sim->now_us);
	side->workers = 1;
	side->config = (struct kg_session_config){
		.role = role,
		.kcp = draw_kcp(sim),
		.udp_timeout_s = 240,
		.udp_arrival = sim->arrival,
		.udp_deadline_ms = sim->deadline_ms,
		.keep_alive_s = one_in(sim, 3) ? 1 + below(sim, 20) : 0,
		.workers = 1,
		.channels_max = SIM_FLOWS_MAX,
		.capabilities =
			one_in(sim, 4) && !sim->mixed
				? 0
				: KG_CAPABILITY_HALF_CLOSE | KG_CAPABILITY_MUX |
					  KG_CAPABILITY_TAILS |
					  (sim->seed % 3 == 0 ? 0 : KG_CAPABILITY_MUX_RETURN),
		.answer_wait_s = one_in(sim, 2) ? 10 : 0,
		.destinations = &server_address,
		.destination_count = 1,
		.destination_ports = &server_ports,
		.destination_port_count = 1,
		.announce_first = server_ports.first,
		.announce_last = server_ports.last,
	};
	if (role == KG_ROLE_SERVER)
		side->config.workers = side->workers = (uint16_t)(1 + below(sim, SIM_WORKERS_MAX));
	if (role == KG_ROLE_CLIENT && one_in(sim, 3)) {
		side->config.hop_min_s = 2 + scaled(sim, 30);
		side->config.hop_max_s = side->config.hop_min_s + scaled(sim, 30);
	}
	if (one_in(sim, 6)) {
		side->config.outbound_Bps = 10000 + scaled(sim, 100000000);
		side->config.inbound_Bps = 10000 + scaled(sim, 100000000);
	}
}

/* Serial numbers and clocks that wrap around soon. */
static void draw_wraps(struct sim *sim)
{
	if (one_in(sim, 3))
		sim->client.config.kcp.first_sn = sim->server.config.kcp.first_sn =
			0u - scaled(sim, 3000);
	if (one_in(sim, 3))
		sim->client.config.kcp.ts_offset_ms =
			0u - (uint32_t)(sim->now_us / KG_US_PER_MS) - scaled(sim, 30000);
	if (one_in(sim, 3))
		sim->server.config.kcp.ts_offset_ms =
			0u - (uint32_t)(sim->now_us / KG_US_PER_MS) - scaled(sim, 30000);
}

/* Right and said to be, or right, or wrong. */
static void draw_parity(struct sim *sim, struct side *side)
{
	if (one_in(sim, 2))
		side->config.capabilities |= KG_CAPABILITY_RIGHT_PARITY;
	else if (one_in(sim, 2))
		side->fault = one_in(sim, 2) ? FAULT_WHOLE : FAULT_PART;
}

/* A third of the others has it, mostly in small groups. */
static void draw_fec(struct sim *sim)
{
	if (!sim->mixed && !one_in(sim, 3))
		return;
	sim->data = (uint8_t)(1 + scaled(sim, KG_FEC_SHARDS_MAX - 1));
	sim->parity =
		(uint8_t)(1 + scaled(sim, (uint32_t)KG_MIN(KG_FEC_SHARDS_MAX - sim->data, 40)));
	draw_parity(sim, &sim->client);
	draw_parity(sim, &sim->server);
}

/* A third of the others has them. Channels of the flows, and of what was in their place before. */
static void draw_mux(struct sim *sim)
{
	if (!sim->mixed && !one_in(sim, 3))
		return;
	sim->mux_channels = 1 + scaled(sim, 4);
	sim->server.config.custom_targets = true;
	sim->client.config.channels_max += sim->mux_channels;
	sim->server.config.channels_max += sim->mux_channels;
}

/* ---- flows ---- */

static void draw_app(struct sim *sim, struct flow *flow, struct app *app, struct side *side)
{
	uint32_t segments = one_in(sim, 20) ? 20000 : 4000;
	uint32_t segment_bytes = side->config.kcp.mtu - KG_KCP_HEADER_BYTES;

	*app = (struct app){
		.sim = sim,
		.flow = flow,
		.side = side,
		.is_client = app == &flow->client,
		.next_us = KG_NEVER_US,
		.slow = one_in(sim, 6) && flow->protocol == KG_PROTOCOL_TCP,
		.write_max_bytes = 1 + scaled(sim, 65536),
		.pause_max_us = one_in(sim, 2) ? 500 : 500 + scaled(sim, 200000),
		.abort_at_us = flow->start_us + scaled(sim, 20000000),
	};
	if (flow->protocol == KG_PROTOCOL_UDP)
		segments /= 10;
	app->plan_bytes = one_in(sim, 5) ? 0 : spread(sim, segments * segment_bytes);
	app->plan_bytes = KG_MIN(app->plan_bytes, (uint64_t)segments * app->write_max_bytes);
	/* What is written little by little ends in reasonable time. */
	if (app->pause_max_us >= 500 + 1000)
		app->plan_bytes = KG_MIN(app->plan_bytes, 200ull * app->write_max_bytes);
}

static void draw_ending(struct sim *sim, struct flow *flow)
{
	static const enum ending endings[] = { END_ORDERLY, END_ORDERLY, END_EARLY, END_BOTH,
					       END_ABORT };
	bool client = one_in(sim, 2);

	flow->ending = flow->protocol == KG_PROTOCOL_UDP
			       ? END_IDLE
			       : endings[below(sim, KG_ARRAY_SIZE(endings))];
	flow->client.ends = client || flow->ending == END_BOTH;
	flow->server.ends = !client || flow->ending == END_BOTH;
}

static void draw_flow(struct sim *sim, uint32_t number)
{
	struct flow *flow = &sim->flows[number];

	*flow = (struct flow){
		.number = number,
		.protocol = one_in(sim, 4) ? KG_PROTOCOL_UDP : KG_PROTOCOL_TCP,
		.refused = one_in(sim, 20),
		.start_us = sim->now_us + scaled(sim, 15000000),
		.connect_us = one_in(sim, 2) ? 0 : scaled(sim, 5000000),
		.target = { (uint16_t)(1 + number), "flow" },
	};
	draw_app(sim, flow, &flow->client, &sim->client);
	draw_app(sim, flow, &flow->server, &sim->server);
	draw_ending(sim, flow);
	flow->client.next_us = flow->start_us;
}

/* A pool that just suffices when every conversation keeps to its share; a message that is being put
 * together holds its fragments beyond that. */
static void draw_memory(struct sim *sim, struct side *side)
{
	uint32_t share = 4 + scaled(sim, 300);

	side->host.pool.pool.fair_share = share;
	side->host.pool.limit = 64 + sim->flow_count * (2ull * share + KG_KCP_FRAGMENTS_MAX);
	/* A stream's queues, and the channels' own conversations. */
	if (sim->mux_channels > 0)
		side->host.pool.limit += (sim->flow_count + sim->mux_channels) *
					 (2ull * STREAM_SEGMENTS + KG_KCP_FRAGMENTS_MAX);
}

/* One fast writer on a long clean path: the largest windows fill. */
static void draw_bulk(struct sim *sim)
{
	const struct kg_sim_link_params path = {
		.delay_us = (uint32_t)MSEC(100),
		.loss = (uint16_t)below(sim, PERCENT(1)),
		.jitter_us = scaled(sim, 2000),
	};
	struct app *writer = one_in(sim, 2) ? &sim->flows[0].client : &sim->flows[0].server;

	sim->dies = false;
	sim->flow_count = 1;
	kg_sim_link_init(&sim->client.link, &path, &sim->rng);
	kg_sim_link_init(&sim->server.link, &path, &sim->rng);
	sim->client.config.kcp.snd_wnd = sim->server.config.kcp.snd_wnd = KG_KCP_WINDOW_MAX;
	sim->client.config.kcp.rcv_wnd = sim->server.config.kcp.rcv_wnd = KG_KCP_WINDOW_MAX;
	sim->client.config.kcp.mtu = sim->server.config.kcp.mtu = 100;
	sim->client.config.outbound_Bps = sim->client.config.inbound_Bps = 0;
	sim->server.config.outbound_Bps = sim->server.config.inbound_Bps = 0;
	sim->flows[0].protocol = KG_PROTOCOL_TCP;
	sim->flows[0].ending = END_ORDERLY;
	writer->pause_max_us = 100;
	writer->write_max_bytes = 65536;
	writer->plan_bytes = 150000ull * (100 - KG_KCP_HEADER_BYTES);
}

void scenario_draw(struct sim *sim)
{
	/* Far into a box's life, or right after its start. */
	sim->now_us = sim->started_us = one_in(sim, 2) ? kg_rng_next(&sim->rng) >> 16 : 0;
	/* Every second seed mixes what the others have now and then. */
	sim->mixed = sim->seed % 2 == 0;
	/* In every third one memory runs out. */
	sim->scarce = sim->seed % 3 == 0;
	sim->arrival = sim->seed % 4 == 1;
	sim->deadline_ms = sim->seed % 5 == 3 ? 50 + (uint32_t)(sim->seed * 37 % 500) : 0;
	sim->port_next = SIM_PORT_FIRST;
	memset(sim->flow_of_port, SIM_NO_FLOW, sizeof(sim->flow_of_port));
	draw_side(sim, &sim->client, KG_ROLE_CLIENT);
	draw_side(sim, &sim->server, KG_ROLE_SERVER);
	sim->client.address = (struct kg_ip){ 4, { 198, 18, 0, 1 } };
	sim->server.address = server_address;
	draw_wraps(sim);
	draw_fec(sim);
	draw_mux(sim);
	draw_network(sim);
	sim->flow_count = 1 + scaled(sim, sim->scarce ? SIM_FLOWS_MAX : SIM_FLOWS_FEW);
	/* Who is silent behind a new address cannot be found. */
	if (sim->rebind_us[0] != 0 && sim->client.config.keep_alive_s == 0)
		sim->client.config.keep_alive_s = 1 + below(sim, 20);
	for (uint32_t i = 0; i < sim->flow_count; i++)
		draw_flow(sim, i);
	if (sim->scarce) {
		pressure_draw(sim);
		return;
	}
	if (one_in(sim, 50)) {
		draw_bulk(sim);
		return;
	}
	if (one_in(sim, 5))
		draw_memory(sim, &sim->client);
	if (one_in(sim, 5))
		draw_memory(sim, &sim->server);
}
