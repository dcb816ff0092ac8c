/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client, one to three relays and a server, in virtual time: on each leg another network, cipher,
 * FEC, window and length of a segment. Flows of all protocols finish, half or wholly, abort or are
 * refused; readers stand still at both ends until all queues between them are full; relays are
 * short of memory. Messages come whole, in order and to the last byte, ends and reasons arrive at
 * the other end, and a relay never holds more than its windows.
 *
 *   relay SEED                runs one seed and tells about it
 *   relay FIRST COUNT STEP    runs COUNT seeds: FIRST, FIRST+STEP, …
 */
#include "relay.h"

#include <string.h>

#include "base/hash.h"
#include "session/framing.h"

struct totals totals;

void print(const struct sim *sim)
{
	printf("seed %llu at %.3f s: %u legs, half-close %d, scarce %d\n",
	       (unsigned long long)sim->seed, (double)(sim->now_us - sim->started_us) / KG_US_PER_S,
	       sim->legs, sim->half_close, sim->scarce);
	for (int i = 0; i < FLOWS; i++) {
		const struct flow *flow = &sim->flows[i];

		printf("  flow %d %s ending %d:", i, kg_protocol_name(flow->protocol),
		       flow->ending);
		for (int role = 0; role < 2; role++) {
			const struct app *app = &flow->apps[role];

			printf("  sent %u/%u got %u %s", app->sent, app->plan, app->got,
			       app->closed ? kg_close_name(app->why) : "open");
		}
		printf("\n");
	}
}

/* ---- wire ---- */

static uint32_t unix_s(const struct sim *sim)
{
	return UNIX_S + (uint32_t)((sim->now_us - sim->started_us) / KG_US_PER_S);
}

static void output(struct sim *sim, struct end *end)
{
	uint8_t bytes[MTU_MAX + KG_FEC_OVERHEAD_BYTES + KG_AEAD_OVERHEAD_MAX + 64];
	struct kg_datagram out = { .data = bytes + kg_profile_kcptube.head_bytes };

	while (kg_session_output(end->session, &out, sim->now_us)) {
		struct kg_profile_job job = { .data = out.data, .len = out.len };

		out.local.ip = end->address;
		job.iv = (uint16_t)kg_rng_next(&end->node->host.rng);
		kg_profile_kcptube.seal(&end->key, &job, 1, unix_s(sim));
		kg_sim_link_send(&end->link, sim->now_us, &out.local, &out.remote, job.data,
				 job.len);
	}
}

static void input(struct sim *sim, struct end *end, struct end *peer)
{
	struct kg_sim_link_packet *packet;

	while ((packet = kg_sim_link_receive(&peer->link, sim->now_us)) != NULL) {
		struct kg_profile_job job = { .data = packet->bytes, .len = packet->len };
		struct kg_datagram in = {
			.local = packet->to,
			.remote = packet->from,
			.digest = kg_hash64(packet->bytes, packet->len, 0),
		};

		kg_profile_kcptube.open(&end->key, &job, 1, unix_s(sim));
		in.data = job.data;
		in.len = job.len;
		if (job.drop == KG_DROP_NONE)
			kg_session_input(end->session, &in, sim->now_us);
		free(packet);
	}
}

/* ---- running ---- */

static void start(struct sim *sim)
{
	for (unsigned int leg = 0; leg < sim->legs; leg++) {
		for (int role = 0; role < 2; role++) {
			struct end *end = &sim->ends[leg][role];
			bool relayed = end->node->relay != NULL;

			end->session =
				test_host_session(&end->node->host, &end->config,
						  relayed ? relay_ops : app_ops, sim->now_us);
			check(sim, end->session != NULL);
			if (relayed && role == KG_ROLE_CLIENT)
				kg_relay_set_forwarder(end->node->relay, end->session);
		}
	}
}

static void begin_flows(struct sim *sim)
{
	for (int i = 0; i < FLOWS; i++) {
		struct flow *flow = &sim->flows[i];
		struct app *app = &flow->apps[KG_ROLE_CLIENT];
		const struct kg_target target = { (uint16_t)(1 + i), "behind.relays" };

		if (app->began || sim->now_us < flow->start_us)
			continue;
		app->ch = kg_session_open(sim->ends[0][KG_ROLE_CLIENT].session, flow->protocol,
					  i == MUX_FLOW ? NULL : &target, app, sim->now_us);
		check(sim, app->ch != NULL);
		app->began = true;
	}
}

static uint64_t next_us(const struct sim *sim)
{
	uint64_t next = sim->now_us + MSEC(50);

	for (unsigned int i = 0; i <= sim->legs; i++)
		next = KG_MIN(next, kg_twheel_next_us(sim->nodes[i].host.wheel));
	for (unsigned int leg = 0; leg < sim->legs; leg++) {
		next = KG_MIN(next, kg_sim_link_next_us(&sim->ends[leg][0].link));
		next = KG_MIN(next, kg_sim_link_next_us(&sim->ends[leg][1].link));
	}
	return KG_MAX(next, sim->now_us + 1);
}

/* As a box's first worker does, every now and then. */
static void keep_house(struct sim *sim)
{
	bool age = sim->now_us >= sim->age_us;

	for (unsigned int i = 1; i < sim->legs; i++) {
		struct kg_buf_malloc_pool *pool = &sim->nodes[i].host.pool;

		if (sim->scarce)
			pool->pool.fair_share =
				kg_buf_share(pool->limit - pool->in_use, pool->kept);
		check(sim, pool->in_use <= sim->nodes[i].held_max);
		totals.held = KG_MAX(totals.held, pool->in_use);
	}
	if (!age)
		return;
	sim->age_us = sim->now_us + KG_FEC_AGE_US;
	for (unsigned int leg = 0; leg < sim->legs; leg++) {
		for (int role = 0; role < 2; role++) {
			if (sim->ends[leg][role].config.fec != NULL)
				kg_fec_age(sim->ends[leg][role].config.fec);
		}
	}
}

static void step(struct sim *sim)
{
	keep_house(sim);
	begin_flows(sim);
	for (unsigned int leg = 0; leg < sim->legs; leg++) {
		input(sim, &sim->ends[leg][0], &sim->ends[leg][1]);
		input(sim, &sim->ends[leg][1], &sim->ends[leg][0]);
	}
	for (unsigned int i = 0; i <= sim->legs; i++)
		kg_twheel_advance(sim->nodes[i].host.wheel, sim->now_us);
	for (int i = 0; i < FLOWS; i++) {
		act(sim, i, KG_ROLE_CLIENT);
		act(sim, i, KG_ROLE_SERVER);
	}
	for (unsigned int leg = 0; leg < sim->legs; leg++) {
		output(sim, &sim->ends[leg][0]);
		output(sim, &sim->ends[leg][1]);
	}
	sim->now_us = next_us(sim);
}

/* ---- what must hold ---- */

static bool all_over(const struct sim *sim)
{
	for (int i = 0; i < FLOWS; i++) {
		const struct app *apps = sim->flows[i].apps;

		if (!apps[KG_ROLE_CLIENT].closed ||
		    (apps[KG_ROLE_SERVER].began && !apps[KG_ROLE_SERVER].closed))
			return false;
	}
	return true;
}

static void check_orderly(struct sim *sim, const struct flow *flow)
{
	bool each = half_closes(sim, flow);

	for (int role = 0; role < 2; role++) {
		const struct app *app = &flow->apps[role];

		check(sim, app->sent == app->plan);
		check(sim, app->got == flow->apps[!role].plan);
		check(sim, !each || app->peer_finished);
	}
	check(sim, flow->apps[KG_ROLE_CLIENT].why == KG_CLOSE_FINISHED);
	check(sim, flow->apps[KG_ROLE_SERVER].why == (each ? KG_CLOSE_FINISHED : KG_CLOSE_PEER));
}

/* Of a connection that the other end has aborted. What it said may be under way still when it has
 * ended for good, for each leg acknowledges by itself. */
static bool knows_of_abort(const struct sim *sim, const struct flow *flow, const struct app *app,
			   const struct app *other)
{
	switch (app->why) {
	case KG_CLOSE_ABORTED:
		return true;
	case KG_CLOSE_RESET:
		return half_closes(sim, flow);
	case KG_CLOSE_PEER:
		return !half_closes(sim, flow);
	case KG_CLOSE_FINISHED:
		return app->sent == app->plan && app->got == other->plan;
	default:
		return app->why == KG_CLOSE_UNHEARD && other->got == 0;
	}
}

static void check_aborted(struct sim *sim, const struct flow *flow)
{
	for (int role = 0; role < 2; role++) {
		const struct app *app = &flow->apps[role], *other = &flow->apps[!role];

		check(sim, !app->began || !other->began || other->why != KG_CLOSE_ABORTED ||
				   knows_of_abort(sim, flow, app, other));
	}
}

static void check_flow(struct sim *sim, const struct flow *flow)
{
	const struct app *client = &flow->apps[KG_ROLE_CLIENT];

	if (flow->ending == END_ORDERLY) {
		check_orderly(sim, flow);
	} else if (flow->ending == END_ABORT) {
		check_aborted(sim, flow);
	} else {
		check(sim, client->why == KG_CLOSE_REFUSED && strcmp(client->text, REASON) == 0);
		check(sim, client->got == 0);
	}
}

static void stop(struct sim *sim)
{
	for (unsigned int leg = 0; leg < sim->legs; leg++) {
		for (int role = 0; role < 2; role++) {
			struct end *end = &sim->ends[leg][role];
			struct kg_session_stats stats;

			kg_session_get_stats(end->session, &stats);
			check(sim, stats.channels == 0);
			kg_session_destroy(end->session);
			kg_fec_destroy(end->config.fec);
			kg_profile_key_fini(&end->key);
			kg_sim_link_fini(&end->link);
		}
	}
	for (unsigned int i = 0; i <= sim->legs; i++) {
		check(sim, sim->nodes[i].host.pool.in_use == 0);
		kg_relay_destroy(sim->nodes[i].relay);
		check(sim, test_host_fini(&sim->nodes[i].host));
	}
}

static void run_seed(uint64_t seed, bool verbose)
{
	static struct sim sim;
	uint64_t end_us;

	sim = (struct sim){ .seed = seed };
	kg_rng_init(&sim.rng, seed);
	draw(&sim);
	start(&sim);
	while (!all_over(&sim)) {
		step(&sim);
		check(&sim, sim.now_us - sim.started_us < LIMIT_US);
	}
	if (verbose)
		print(&sim);
	for (int i = 0; i < FLOWS; i++)
		check_flow(&sim, &sim.flows[i]);
	for (end_us = sim.now_us + QUIET_US; sim.now_us < end_us;)
		step(&sim);
	stop(&sim);
}

static void print_totals(void)
{
	printf("passed: %llu messages, at most %zu buffers at a relay; closed by",
	       (unsigned long long)totals.messages, totals.held);
	for (size_t i = 0; i < KG_CLOSE_COUNT; i++)
		printf(" %s %llu", kg_close_name(i), (unsigned long long)totals.closed_by[i]);
	printf("\n");
}

int main(int argc, char **argv)
{
	return seeds_run(argc, argv, run_seed, print_totals);
}
