/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client whose paths hop and a server with eight ports, in a world that goes wrong: the wire
 * loses and stops, a NAT gives the client other addresses, the server's ports die one by one, a
 * clock is wrong by an hour for a while, the server is started anew. No byte may be lost, no
 * channel may be stuck, and only a server that was started anew has forgotten one. From seed 500 on
 * the client spreads over several 5-tuples, and its messages are long.
 *
 *   paths SEED                runs one seed and tells about it
 *   paths FIRST COUNT STEP    runs COUNT seeds: FIRST, FIRST+STEP, …
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "seeds.h"
#include "sim/link.h"
#include "test_host.h"
#include "wire/envelope.h"

#define SEC(n)         ((uint64_t)(n)*KG_US_PER_S)
#define MSEC(n)        ((uint64_t)(n)*KG_US_PER_MS)
#define PERCENT(n)     ((uint16_t)((n)*65536 / 100))
#define MTU            1200
#define FLOWS          6
#define FIRST_PORT     3000
#define PORTS          8
#define SPREADS_FROM   500 /* seed */
#define LONG_BYTES     6000
#define MESSAGES       300 /* of a flow, each way; the first of the client's says which flow it is */
#define FAULTS_UNTIL_S 60
#define LIMIT_US       SEC(900)
#define QUIET_US       SEC(400)
#define UNIX_S         1700000000u

struct flow {
	struct kg_channel *ch[2]; /* by role; NULL: none, or no longer */
	uint64_t next_us[2];
	uint32_t sent[2], got[2]; /* messages; got: by the end of that role */
	bool closed[2];
	enum kg_close why;
	bool cut; /* the server that had it is no more */
};

struct end {
	struct test_host host;
	struct sim *sim;
	struct kg_session_config config;
	struct kg_session *session;
	struct kg_ip address;
	struct kg_sim_link link; /* what this end sends */
	int32_t clock_s;         /* by which its wall clock is wrong */
};

struct sim {
	uint64_t seed, now_us, started_us;
	struct kg_rng rng;
	struct end ends[2]; /* by role */
	struct flow flows[FLOWS];
	uint64_t rebind_us[2], dies_us[PORTS - 2], restart_us;
	uint64_t wrong_from_us, wrong_to_us; /* the clock of wrong_end, by wrong_s */
	int wrong_end;
	int32_t wrong_s;
	uint16_t port_next;
	unsigned int restarts, dead; /* dead: ports, in the end */
};

static struct kg_ip server_address = { 4, { 198, 18, 0, 2 } };
static const struct kg_port_range server_ports = { FIRST_PORT, FIRST_PORT + PORTS - 1 };

static double seconds(const struct sim *sim, uint64_t at_us)
{
	return at_us == KG_NEVER_US ? -1 : (double)(at_us - sim->started_us) / KG_US_PER_S;
}

static void print(const struct sim *sim)
{
	const struct kg_session_config *config = &sim->ends[KG_ROLE_CLIENT].config;

	printf("seed %llu at %.3f s: hops every %u-%u s, spread %u, capabilities %u, loss %.1f %%, "
	       "restart at %.1f s, clock of %d wrong by %d s from %.1f s to %.1f s\n",
	       (unsigned long long)sim->seed, seconds(sim, sim->now_us), config->hop_min_s,
	       config->hop_max_s, config->spread, config->capabilities,
	       sim->ends[0].link.params.loss / 655.36, seconds(sim, sim->restart_us),
	       sim->wrong_end, sim->wrong_s, seconds(sim, sim->wrong_from_us),
	       seconds(sim, sim->wrong_to_us));
	for (int i = 0; i < FLOWS; i++) {
		const struct flow *f = &sim->flows[i];

		printf("  flow %d: sent %u/%u got %u/%u closed %d/%d (%s)%s\n", i, f->sent[0],
		       f->sent[1], f->got[0], f->got[1], f->closed[0], f->closed[1],
		       kg_close_name(f->why), f->cut ? ", cut" : "");
	}
}

static uint32_t below(struct sim *sim, uint32_t bound)
{
	return kg_rng_below(&sim->rng, bound);
}

static bool one_in(struct sim *sim, uint32_t n)
{
	return below(sim, n) == 0;
}

static bool spreads(const struct sim *sim)
{
	return sim->seed >= SPREADS_FROM;
}

/* ---- applications ---- */

static size_t message_bytes(const struct sim *sim)
{
	return spreads(sim) ? LONG_BYTES : 4;
}

static uint32_t word(int flow, int by, uint32_t nth)
{
	return (uint32_t)flow << 24 | (uint32_t)by << 20 | nth;
}

static void say(struct sim *sim, int number, int role)
{
	struct flow *flow = &sim->flows[number];
	struct end *end = &sim->ends[role];
	uint8_t bytes[LONG_BYTES] = { 0 };
	struct kg_buf *chain;

	kg_store_be32(bytes, word(number, role, flow->sent[role]));
	chain = kg_buf_chain_copy(&end->host.pool.pool, bytes, message_bytes(sim), MTU - 64,
				  MTU - 64);
	check(sim, chain != NULL);
	check(sim, kg_channel_send(flow->ch[role], chain, sim->now_us));
	flow->sent[role]++;
}

/* An answer follows at once in half of the flows; else each end talks as it likes. */
static void talk(struct sim *sim, int number, int role)
{
	struct flow *flow = &sim->flows[number];

	if (flow->ch[role] == NULL || flow->closed[role] || sim->now_us < flow->next_us[role])
		return;
	if (flow->sent[role] < MESSAGES && kg_channel_room(flow->ch[role]) > 0)
		say(sim, number, role);
	flow->next_us[role] = sim->now_us + MSEC(20) + below(sim, 400000);
	if (role == KG_ROLE_CLIENT && flow->sent[role] == MESSAGES && flow->got[role] == MESSAGES)
		kg_channel_finish(flow->ch[role], sim->now_us);
}

static void hear(struct sim *sim, struct kg_channel *ch, int role)
{
	struct kg_buf *chain;

	while ((chain = kg_channel_recv(ch, sim->now_us)) != NULL) {
		uint8_t bytes[LONG_BYTES];
		uint32_t said;
		int number;

		check(sim, kg_buf_chain_len(chain) == message_bytes(sim));
		kg_buf_chain_gather(chain, bytes);
		kg_buf_free_chain(chain);
		said = kg_load_be32(bytes);
		number = (int)(said >> 24);
		check(sim, number < FLOWS);
		/* At a server the first word says whose channel it is. */
		if (sim->flows[number].ch[role] == NULL && said == word(number, !role, 0)) {
			sim->flows[number].ch[role] = ch;
			sim->flows[number].closed[role] = false;
			kg_channel_set_user(ch, &sim->flows[number]);
			sim->flows[number].next_us[role] = sim->now_us;
		}
		check(sim, sim->flows[number].ch[role] == ch);
		check(sim, said == word(number, !role, sim->flows[number].got[role]));
		sim->flows[number].got[role]++;
	}
}

/* ---- hosts ---- */

static uint16_t on_port_acquire(void *host, const struct kg_endpoint *remote, bool alone)
{
	struct end *end = host;

	return end->sim->port_next++;
}

static void on_port_release(void *host, uint16_t port)
{
}

static void on_connect(void *host, struct kg_channel *ch, const struct kg_target *target)
{
	struct end *end = host;

	kg_channel_connected(ch, end->sim->now_us);
}

static void on_readable(void *host, struct kg_channel *ch)
{
	struct end *end = host;

	hear(end->sim, ch, end->config.role);
}

static void on_finished(void *host, struct kg_channel *ch)
{
	struct end *end = host;

	kg_channel_finish(ch, end->sim->now_us);
}

static void on_closed(void *host, struct kg_channel *ch, enum kg_close why, const char *text)
{
	struct end *end = host;
	struct flow *flow = kg_channel_user(ch);

	if (flow != NULL) {
		flow->closed[end->config.role] = true;
		flow->ch[end->config.role] = NULL;
		if (end->config.role == KG_ROLE_CLIENT)
			flow->why = why;
	}
	kg_channel_free(ch);
}

static const struct kg_session_ops ops = {
	.port_acquire = on_port_acquire,
	.port_release = on_port_release,
	.connect = on_connect,
	.readable = on_readable,
	.finished = on_finished,
	.closed = on_closed,
};

/* ---- wire ---- */

static uint32_t unix_s(const struct end *end)
{
	const struct sim *sim = end->sim;
	uint32_t right = UNIX_S + (uint32_t)((sim->now_us - sim->started_us) / KG_US_PER_S);

	return right + (uint32_t)end->clock_s;
}

static bool is_alive(const struct sim *sim, uint16_t port)
{
	unsigned int nth = port - FIRST_PORT;

	return nth >= KG_ARRAY_SIZE(sim->dies_us) || sim->now_us < sim->dies_us[nth];
}

static void output(struct sim *sim, int role)
{
	struct end *end = &sim->ends[role];
	uint8_t bytes[KG_ENVELOPE_BYTES + MTU];
	struct kg_datagram out = { .data = bytes + KG_ENVELOPE_BYTES };

	while (kg_session_output(end->session, &out, sim->now_us)) {
		out.local.ip = end->address;
		kg_store_le32(bytes, unix_s(end));
		kg_sim_link_send(&end->link, sim->now_us, &out.local, &out.remote, bytes,
				 (uint16_t)(KG_ENVELOPE_BYTES + out.len));
	}
}

static void take(struct end *end, const struct kg_sim_link_packet *packet)
{
	int32_t skew_s = (int32_t)(kg_load_le32(packet->bytes) - unix_s(end));
	uint8_t body[MTU];
	struct kg_datagram in = {
		.local = packet->to,
		.remote = packet->from,
		.data = body,
		.len = packet->len - KG_ENVELOPE_BYTES,
		.digest = kg_hash64(packet->bytes, packet->len, packet->from.port),
		.age_s = (int16_t)-skew_s,
	};

	if (abs(skew_s) > KG_CLOCK_SKEW_MAX_S)
		return;
	memcpy(body, packet->bytes + KG_ENVELOPE_BYTES, in.len);
	kg_session_input(end->session, &in, end->sim->now_us);
}

static void input(struct sim *sim, int role)
{
	struct kg_sim_link_packet *packet;
	uint16_t port;

	while ((packet = kg_sim_link_receive(&sim->ends[!role].link, sim->now_us)) != NULL) {
		port = role == KG_ROLE_SERVER ? packet->to.port : packet->from.port;
		if (is_alive(sim, port) && kg_ip_equal(&packet->to.ip, &sim->ends[role].address))
			take(&sim->ends[role], packet);
		free(packet);
	}
}

/* ---- what goes wrong ---- */

static void start_session(struct end *end)
{
	struct sim *sim = end->sim;

	if (end->config.role == KG_ROLE_SERVER)
		end->host.seen = kg_seen_create(&end->host.mem, 1024, 2 * KG_CLOCK_SKEW_MAX_S,
						sim->now_us - KG_US_PER_S);
	end->session = test_host_session(&end->host, &end->config, ops, sim->now_us);
	check(sim, end->session != NULL);
}

static void restart_server(struct sim *sim)
{
	struct end *server = &sim->ends[KG_ROLE_SERVER];

	kg_session_destroy(server->session);
	kg_seen_destroy(server->host.seen);
	for (int i = 0; i < FLOWS; i++) {
		struct flow *flow = &sim->flows[i];

		if (!flow->closed[KG_ROLE_CLIENT] && flow->sent[KG_ROLE_CLIENT] > 0)
			flow->cut = true;
		flow->ch[KG_ROLE_SERVER] = NULL;
		flow->closed[KG_ROLE_SERVER] = true;
	}
	start_session(server);
	sim->restart_us = KG_NEVER_US;
	sim->restarts++;
}

static void go_wrong(struct sim *sim)
{
	bool wrong = sim->now_us >= sim->wrong_from_us && sim->now_us < sim->wrong_to_us;

	for (size_t i = 0; i < KG_ARRAY_SIZE(sim->rebind_us); i++) {
		if (sim->now_us < sim->rebind_us[i])
			continue;
		sim->rebind_us[i] = KG_NEVER_US;
		sim->ends[KG_ROLE_CLIENT].address.bytes[3]++;
	}
	sim->ends[sim->wrong_end].clock_s = wrong ? sim->wrong_s : 0;
	if (sim->now_us >= sim->restart_us)
		restart_server(sim);
}

/* ---- drawing ---- */

static uint64_t some_time(struct sim *sim)
{
	return sim->started_us + SEC(2) + below(sim, SEC(FAULTS_UNTIL_S - 2));
}

static struct kg_sim_link_params draw_link(struct sim *sim)
{
	struct kg_sim_link_params params = {
		.delay_us = 1000 + below(sim, 60000),
		.jitter_us = below(sim, 5000),
		.loss = one_in(sim, 2) ? PERCENT(1) + (uint16_t)below(sim, PERCENT(9)) : 0,
	};

	/* Both ways together less than the 30 s after which a handshake is given up. */
	for (int i = 0; i < 2 && one_in(sim, 2); i++) {
		params.holes[i].from_us = some_time(sim);
		params.holes[i].to_us = params.holes[i].from_us + below(sim, SEC(7));
	}
	return params;
}

static void draw_faults(struct sim *sim)
{
	sim->dead = one_in(sim, 2) ? below(sim, KG_ARRAY_SIZE(sim->dies_us) + 1) : 0;
	for (size_t i = 0; i < KG_ARRAY_SIZE(sim->dies_us); i++)
		sim->dies_us[i] = i < sim->dead ? some_time(sim) : KG_NEVER_US;
	for (size_t i = 0; i < KG_ARRAY_SIZE(sim->rebind_us); i++)
		sim->rebind_us[i] = one_in(sim, 3) ? some_time(sim) : KG_NEVER_US;
	sim->restart_us = one_in(sim, 3) ? some_time(sim) : KG_NEVER_US;
	sim->wrong_from_us = sim->wrong_to_us = KG_NEVER_US;
	if (one_in(sim, 4)) {
		sim->wrong_from_us = some_time(sim);
		sim->wrong_to_us = sim->wrong_from_us + below(sim, SEC(20));
		sim->wrong_end = (int)below(sim, 2);
		sim->wrong_s = one_in(sim, 2) ? 3600 : -3600;
	}
}

/* Over one or several; most servers know of it. */
static void draw_spread(struct end *end)
{
	struct kg_session_config *config = &end->config;

	config->kcp.rate_auto = config->kcp.pace = true;
	if (config->role == KG_ROLE_CLIENT)
		config->spread = (uint8_t)(1 + below(end->sim, 8));
	if (config->capabilities != 0)
		config->capabilities |= KG_CAPABILITY_PLACES;
}

static void draw_end(struct sim *sim, int role, uint32_t capabilities)
{
	struct end *end = &sim->ends[role];
	struct kg_sim_link_params link = draw_link(sim);

	end->sim = sim;
	test_host_init(&end->host, kg_rng_next(&sim->rng), SIZE_MAX, sim->now_us);
	end->address =
		role == KG_ROLE_SERVER ? server_address : (struct kg_ip){ 4, { 198, 18, 0, 100 } };
	end->config = (struct kg_session_config){
		.role = role,
		.kcp = { .mtu = MTU,
			 .snd_wnd = 256,
			 .rcv_wnd = 256,
			 .nodelay = 1,
			 .interval_ms = 1,
			 .resend = 2,
			 .nc = true,
			 .blast = true },
		.workers = 1,
		.channels_max = 4 * FLOWS,
		.capabilities = capabilities,
		.answer_wait_s = 10,
		.destinations = &server_address,
		.destination_count = 1,
		.destination_ports = &server_ports,
		.destination_port_count = 1,
	};
	if (role == KG_ROLE_CLIENT && !one_in(sim, 6)) {
		end->config.hop_min_s = 1 + below(sim, 10);
		end->config.hop_max_s = end->config.hop_min_s + below(sim, 10);
	}
	if (spreads(sim))
		draw_spread(end);
	kg_sim_link_init(&end->link, &link, &sim->rng);
	start_session(end);
}

static void draw(struct sim *sim)
{
	uint32_t capabilities = one_in(sim, 3) ? 0
					       : KG_CAPABILITY_HALF_CLOSE | KG_CAPABILITY_ROWS |
							 KG_CAPABILITY_TAILS;

	sim->now_us = sim->started_us = SEC(1000) + below(sim, SEC(1));
	sim->port_next = 10000;
	draw_end(sim, KG_ROLE_CLIENT, capabilities);
	draw_end(sim, KG_ROLE_SERVER, capabilities);
	draw_faults(sim);
	for (int i = 0; i < FLOWS; i++)
		sim->flows[i].next_us[KG_ROLE_CLIENT] = some_time(sim) - SEC(2);
}

/* ---- running ---- */

static void begin_flows(struct sim *sim)
{
	for (int i = 0; i < FLOWS; i++) {
		struct flow *flow = &sim->flows[i];
		bool begun = flow->ch[KG_ROLE_CLIENT] != NULL || flow->closed[KG_ROLE_CLIENT];

		if (begun || sim->now_us < flow->next_us[KG_ROLE_CLIENT])
			continue;
		flow->ch[KG_ROLE_CLIENT] =
			kg_session_open(sim->ends[KG_ROLE_CLIENT].session, KG_PROTOCOL_TCP, NULL,
					flow, sim->now_us);
		check(sim, flow->ch[KG_ROLE_CLIENT] != NULL);
		flow->closed[KG_ROLE_SERVER] = false;
	}
}

static uint64_t next_us(const struct sim *sim)
{
	uint64_t next = sim->now_us + MSEC(100); /* faults */

	for (int role = 0; role < 2; role++) {
		next = KG_MIN(next, kg_sim_link_next_us(&sim->ends[role].link));
		next = KG_MIN(next, kg_twheel_next_us(sim->ends[role].host.wheel));
		for (int i = 0; i < FLOWS; i++) {
			const struct flow *flow = &sim->flows[i];

			if (flow->ch[role] != NULL ||
			    (role == KG_ROLE_CLIENT && !flow->closed[role]))
				next = KG_MIN(next, flow->next_us[role]);
		}
	}
	return KG_MAX(next, sim->now_us + 1);
}

static void step(struct sim *sim)
{
	go_wrong(sim);
	begin_flows(sim);
	for (int role = 0; role < 2; role++) {
		input(sim, role);
		kg_twheel_advance(sim->ends[role].host.wheel, sim->now_us);
	}
	for (int i = 0; i < FLOWS; i++) {
		talk(sim, i, KG_ROLE_CLIENT);
		talk(sim, i, KG_ROLE_SERVER);
	}
	output(sim, KG_ROLE_CLIENT);
	output(sim, KG_ROLE_SERVER);
	sim->now_us = next_us(sim);
}

static bool all_over(const struct sim *sim)
{
	for (int i = 0; i < FLOWS; i++) {
		if (!sim->flows[i].closed[KG_ROLE_CLIENT])
			return false;
	}
	return true;
}

static void check_flow(struct sim *sim, const struct flow *flow)
{
	/* Where most ports are dead it may be over before it has found one that lives. */
	if (flow->cut || (flow->why == KG_CLOSE_HANDSHAKE && sim->dead > PORTS / 2))
		return;
	check(sim, flow->why == KG_CLOSE_FINISHED);
	for (int role = 0; role < 2; role++) {
		check(sim, flow->sent[role] == MESSAGES);
		check(sim, flow->got[role] == MESSAGES);
	}
}

static struct {
	uint64_t hops[KG_HOP_REASONS], moves, failed, beside, closed_by[KG_CLOSE_COUNT];
	unsigned int restarts;
} totals;

static void check_end(struct sim *sim, struct end *end)
{
	struct kg_session_stats stats;

	kg_session_get_stats(end->session, &stats);
	check(sim, stats.channels == 0);
	check(sim, stats.closed_by[KG_CLOSE_SILENCE] == 0);
	check(sim, sim->restarts > 0 || stats.closed_by[KG_CLOSE_FORGOTTEN] == 0);
	check(sim, kg_twheel_next_us(end->host.wheel) == KG_NEVER_US);
	check(sim, end->host.pool.in_use == 0);
	totals.moves += stats.peer_moves;
	totals.failed += stats.path_tests_failed;
	totals.beside += stats.paths_beside;
	for (size_t i = 0; i < KG_HOP_REASONS; i++)
		totals.hops[i] += stats.hops[i];
	for (size_t i = 0; i < KG_CLOSE_COUNT; i++)
		totals.closed_by[i] += stats.closed_by[i];
}

static void stop_end(struct sim *sim, struct end *end)
{
	check_end(sim, end);
	kg_session_destroy(end->session);
	kg_sim_link_fini(&end->link);
	check(sim, test_host_fini(&end->host));
}

static void run_seed(uint64_t seed, bool verbose)
{
	static struct sim sim;
	uint64_t end_us;

	sim = (struct sim){ .seed = seed };
	kg_rng_init(&sim.rng, seed);
	draw(&sim);
	while (!all_over(&sim)) {
		step(&sim);
		check(&sim, sim.now_us - sim.started_us < LIMIT_US);
	}
	for (end_us = sim.now_us + QUIET_US; sim.now_us < end_us;)
		step(&sim);
	if (verbose)
		print(&sim);
	for (int i = 0; i < FLOWS; i++)
		check_flow(&sim, &sim.flows[i]);
	totals.restarts += sim.restarts;
	stop_end(&sim, &sim.ends[KG_ROLE_CLIENT]);
	stop_end(&sim, &sim.ends[KG_ROLE_SERVER]);
}

static void print_totals(void)
{
	printf("passed: moves %llu, tests that failed %llu, paths beside %llu, restarts %u; hops",
	       (unsigned long long)totals.moves, (unsigned long long)totals.failed,
	       (unsigned long long)totals.beside, totals.restarts);
	for (size_t i = 0; i < KG_HOP_REASONS; i++)
		printf(" %s %llu", kg_hop_reason_name(i), (unsigned long long)totals.hops[i]);
	printf("; closed by");
	for (size_t i = 0; i < KG_CLOSE_COUNT; i++)
		printf(" %s %llu", kg_close_name(i), (unsigned long long)totals.closed_by[i]);
	printf("\n");
}

int main(int argc, char **argv)
{
	return seeds_run(argc, argv, run_seed, print_totals);
}
