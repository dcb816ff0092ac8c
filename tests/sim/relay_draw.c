/* SPDX-License-Identifier: BSD-3-Clause */
/* Draws from the seed what each leg is like, what relays may hold, and what the flows do. */
#include "relay.h"

#include "crypto/aead_table.h"
#include "fec/rs_isal.h"
#include "wire/envelope.h"

static struct kg_sim_link_params draw_link(struct sim *sim)
{
	struct kg_sim_link_params params = {
		.delay_us = 500 + below(sim, 30000),
		.jitter_us = below(sim, 4000),
		.loss = one_in(sim, 2) ? (uint16_t)below(sim, PERCENT(8)) : 0,
		.duplicate = one_in(sim, 4) ? PERCENT(1) : 0,
		.corrupt = one_in(sim, 4) ? PERCENT(1) : 0,
	};

	/* Of a handshake that crosses all legs within 30 s. */
	if (one_in(sim, 3)) {
		params.holes[0].from_us = sim->started_us + below(sim, SEC(20));
		params.holes[0].to_us = params.holes[0].from_us + below(sim, SEC(3));
	}
	return params;
}

static void draw_end(struct sim *sim, unsigned int leg, int role, uint32_t capabilities)
{
	struct end *end = &sim->ends[leg][role];
	struct kg_sim_link_params link = draw_link(sim);

	end->node = &sim->nodes[leg + (role == KG_ROLE_SERVER)];
	end->address = (struct kg_ip){ 4, { 198, 18, (uint8_t)leg, (uint8_t)(1 + role) } };
	end->peer = (struct kg_ip){ 4, { 198, 18, (uint8_t)leg, 2 } };
	end->port = (struct kg_port_range){ 3000, 3000 };
	end->config = (struct kg_session_config){
		.role = role,
		.workers = 1,
		.channels_max = 4 * FLOWS,
		.udp_timeout_s = 180,
		.capabilities = capabilities | KG_CAPABILITY_RIGHT_PARITY,
		.answer_wait_s = leg == 0 ? 10 : 0,
		.destinations = &end->peer,
		.destination_count = 1,
		.destination_ports = &end->port,
		.destination_port_count = 1,
		.custom_targets = leg + 1 == sim->legs,
		.passed_targets = leg + 1 < sim->legs,
	};
	kg_sim_link_init(&end->link, &link, &sim->rng);
}

/* What both ends of a leg have in common, or each for itself. */
static void draw_leg(struct sim *sim, unsigned int leg)
{
	static const char *const algorithms[] = { "AES-GCM", "AES-OCB", "chacha20", "xchacha20",
						  "none" };
	const struct kg_aead_alg *alg = kg_aead_lookup(algorithms[below(sim, 5)]);
	uint8_t secret[KG_AEAD_KEY_BYTES] = { (uint8_t)leg, 17 };
	uint16_t mtu = (uint16_t)(150 + below(sim, MTU_MAX - 150));
	uint8_t data = (uint8_t)(1 + below(sim, 10)), parity = (uint8_t)(1 + below(sim, 3));
	bool fec = one_in(sim, 3);

	for (int role = 0; role < 2; role++) {
		struct end *end = &sim->ends[leg][role];

		end->config.kcp = (struct kg_kcp_params){
			.mtu = mtu,
			.snd_wnd = (uint16_t)(32 + below(sim, 300)),
			.rcv_wnd = (uint16_t)(128 + below(sim, 300)),
			.nodelay = 1,
			.interval_ms = 1 + (uint8_t)below(sim, 20),
			.resend = 2,
			.nc = !one_in(sim, 4),
			.blast = one_in(sim, 2),
		};
		check(sim, kg_profile_key_init(&end->key, &kg_profile_kcptube, alg, secret));
		if (!fec)
			continue;
		end->config.fec = kg_fec_create(data, parity, &kg_rs_isal, &kg_session_fec_content,
						&end->node->host.mem);
		check(sim, end->config.fec != NULL);
	}
}

static void draw_flow(struct sim *sim, int number)
{
	struct flow *flow = &sim->flows[number];
	bool stand = one_in(sim, 3);

	flow->protocol = one_in(sim, 3) ? KG_PROTOCOL_UDP : KG_PROTOCOL_TCP;
	if (number == MUX_FLOW)
		flow->protocol = KG_PROTOCOL_MUX;
	flow->ending = one_in(sim, 3) ? below(sim, ENDINGS) : END_ORDERLY;
	flow->start_us = sim->started_us + below(sim, SEC(20));
	for (int role = 0; role < 2; role++) {
		struct app *app = &flow->apps[role];

		app->plan = 1 + below(sim, stand ? 1500 : 300);
		app->stands_until_us = stand ? flow->start_us + SEC(10 + below(sim, 40)) : 0;
		app->abort_us = KG_NEVER_US;
	}
	flow->apps[one_in(sim, 2)].abort_us = flow->start_us + below(sim, stand ? SEC(60) : SEC(3));
}

static void draw_nodes(struct sim *sim)
{
	for (unsigned int i = 0; i <= sim->legs; i++) {
		struct node *node = &sim->nodes[i];

		node->sim = sim;
		test_host_init(&node->host, kg_rng_next(&sim->rng), SIZE_MAX, sim->now_us);
		if (i > 0)
			node->host.seen =
				kg_seen_create(&node->host.mem, 1024, 2 * KG_CLOCK_SKEW_MAX_S,
					       sim->now_us - KG_US_PER_S);
		if (i == 0 || i == sim->legs)
			continue;
		if (sim->scarce) {
			node->host.pool.kept = 400;
			node->host.pool.limit = 8 * node->host.pool.kept;
		}
		node->relay = kg_relay_create(&(struct kg_supplies){
			&node->host.mem, &node->host.pool.pool, node->host.wheel });
		check(sim, node->relay != NULL);
	}
}

/* Of each flow two queues each way, and a message between them. */
static size_t held_max(const struct sim *sim, unsigned int node)
{
	size_t segments = 0;

	for (int side = 0; side < 2; side++) {
		const struct kg_session_config *config =
			&sim->ends[node - 1 + (unsigned int)side][!side].config;

		segments +=
			2u * config->kcp.snd_wnd + config->kcp.rcv_wnd + 2u * KG_KCP_FRAGMENTS_MAX;
	}
	return FLOWS * segments;
}

void draw(struct sim *sim)
{
	uint32_t can[2] = { one_in(sim, 4) ? 0 : ENDS_CAN, one_in(sim, 4) ? 0 : ENDS_CAN };

	sim->now_us = sim->started_us = SEC(1000) + below(sim, SEC(1));
	sim->legs = 2 + below(sim, LEGS_MAX - 1);
	sim->half_close = can[KG_ROLE_CLIENT] != 0 && can[KG_ROLE_SERVER] != 0;
	sim->scarce = one_in(sim, 3);
	draw_nodes(sim);
	for (unsigned int leg = 0; leg < sim->legs; leg++) {
		draw_end(sim, leg, KG_ROLE_CLIENT, leg == 0 ? can[KG_ROLE_CLIENT] : ENDS_CAN);
		draw_end(sim, leg, KG_ROLE_SERVER,
			 leg + 1 == sim->legs ? can[KG_ROLE_SERVER] : ENDS_CAN);
		draw_leg(sim, leg);
	}
	for (unsigned int i = 1; i < sim->legs; i++)
		sim->nodes[i].held_max = held_max(sim, i);
	for (int i = 0; i < FLOWS; i++)
		draw_flow(sim, i);
}
