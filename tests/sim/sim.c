/* SPDX-License-Identifier: BSD-3-Clause */
/*
 *   sim SEED                runs one seed and tells about it
 *   sim FIRST COUNT STEP    runs COUNT seeds: FIRST, FIRST+STEP, …
 *
 * The environment variable KG_SIM_SEEDS replaces COUNT, for longer runs of the test suite.
 */
#include "sim.h"
#include "crypto/aead_table.h"
#include "seeds.h"

/* Nothing in a scenario takes longer than this, whatever the network does. */
#define LIMIT_US SEC(4 * 3600)
/* Channels, handshakes and their lingering are over this long after the last flow. */
#define QUIET_US SEC(400)
/* What the tables of a session may have grown to and keep. */
#define TABLES_BYTES (256 * SIM_FLOWS_MAX)
/* What an address hears before it has answered, of a channel (lib/session/roam.c). */
#define FIRST_DATAGRAMS 5

/* Since the start. */
static double seconds(const struct sim *sim, uint64_t at_us)
{
	return (double)((int64_t)(at_us - sim->started_us)) / KG_US_PER_S;
}

/* What its channel is at. */
static void print_channel(const struct app *app)
{
	struct kg_channel_info info;

	if (!app->there)
		return;
	kg_stream_get_info(&app->stream, &info, app->sim->now_us);
	printf("      %s, silent for %.3f s, in flight %u, queued %u, their window %u, unread %u, "
	       "held %u, refused %llu, rto %u us\n",
	       kg_channel_state_name(info.state), (double)info.silent_us / KG_US_PER_S,
	       info.kcp.in_flight, info.kcp.queued, info.kcp.rmt_wnd, info.kcp.readable,
	       info.kcp.held, (unsigned long long)info.kcp.refused, info.kcp.rto_us);
}

static void print_app(const struct app *app)
{
	const char *pace = app->stands_until_us > 0 ? " stands" : app->slow ? " slow" : "";

	printf("    %s sent %llu/%llu got %llu lacks since %.3f s finished %d aborted %d closed "
	       "%s%s\n",
	       app->is_client ? "client" : "server", (unsigned long long)app->sent_bytes,
	       (unsigned long long)app->plan_bytes, (unsigned long long)app->got_bytes,
	       seconds(app->sim, app->lacks_us), app->finished, app->aborted,
	       app->closed ? kg_close_name(app->why) : "-", pace);
	print_channel(app);
}

static void print_link(const char *name, const struct kg_sim_link *link)
{
	const struct kg_sim_link_params *p = &link->params;

	printf("  %s delay %u us, jitter %u us%s, loss %.2f %%, duplicate %.2f %%, corrupt %.2f %%,"
	       " bursts %.2f %% of %u us, %llu bytes/s; sent %llu lost %llu\n",
	       name, p->delay_us, p->jitter_us, p->in_order ? " in order" : "", p->loss / 655.36,
	       p->duplicate / 655.36, p->corrupt / 655.36, p->burst / 655.36, p->burst_us,
	       (unsigned long long)p->rate_Bps, (unsigned long long)link->sent,
	       (unsigned long long)link->lost);
}

static void print_side(const char *name, const struct side *side)
{
	const struct kg_kcp_params *kcp = &side->config.kcp;

	printf("  %s limit %zu kept %zu in use %zu share %u windows %u/%u mtu %u nodelay %u "
	       "interval %u resend %u nc %d blast %d "
	       "first_sn"
	       " %#x workers %u bandwidths %llu/%llu\n",
	       name, side->host.pool.limit, side->host.pool.kept, side->host.pool.in_use,
	       side->host.pool.pool.fair_share, kcp->snd_wnd, kcp->rcv_wnd, kcp->mtu, kcp->nodelay,
	       kcp->interval_ms, kcp->resend, kcp->nc, kcp->blast, kcp->first_sn, side->workers,
	       (unsigned long long)side->config.outbound_Bps,
	       (unsigned long long)side->config.inbound_Bps);
}

static void print_sim(const struct sim *sim)
{
	printf("seed %llu: %.3f s, %u mux channels, fec %u:%u (faults %d, %d)%s\n",
	       (unsigned long long)sim->seed, (double)(sim->now_us - sim->started_us) / KG_US_PER_S,
	       sim->mux_channels, sim->data, sim->parity, sim->client.fault, sim->server.fault,
	       sim->dies ? ", network dies" : "");
	print_link("up  ", &sim->client.link);
	print_link("down", &sim->server.link);
	print_side("client", &sim->client);
	print_side("server", &sim->server);
	for (uint32_t i = 0; i < sim->flow_count; i++) {
		printf("  flow %u protocol %d ending %d%s\n", i, sim->flows[i].protocol,
		       sim->flows[i].ending, sim->flows[i].refused ? " refused" : "");
		print_app(&sim->flows[i].client);
		print_app(&sim->flows[i].server);
	}
}

void sim_fail(const struct sim *sim, const char *file, int line, const char *what)
{
	print_sim(sim);
	printf("FAILED seed %llu at %s:%d: %s\n", (unsigned long long)sim->seed, file, line, what);
	exit(1);
}

/* ---- the clock ---- */

static uint64_t next_us(const struct sim *sim)
{
	uint64_t next = KG_MIN(kg_sim_link_next_us(&sim->client.link),
			       kg_sim_link_next_us(&sim->server.link));

	next = KG_MIN(next, kg_twheel_next_us(sim->client.host.wheel));
	next = KG_MIN(next, kg_twheel_next_us(sim->server.host.wheel));
	next = KG_MIN(next, KG_MIN(sim->client.age_us, sim->server.age_us));
	for (uint32_t i = 0; i < sim->flow_count; i++) {
		next = KG_MIN(next, sim->flows[i].client.next_us);
		next = KG_MIN(next, sim->flows[i].server.next_us);
	}
	return next;
}

/* A handshake is known by its source: one that changes address on the way is a second one. */
static bool is_handshaking(const struct sim *sim)
{
	struct kg_streams_stats stats;

	kg_streams_get_stats(sim->client.streams[0], &stats);
	if (stats.muxes < sim->mux_channels)
		return true;
	for (uint32_t i = 0; i < sim->flow_count; i++) {
		const struct app *client = &sim->flows[i].client;

		if (client->began && !client->opened && client->why != KG_CLOSE_REFUSED)
			return true;
	}
	return false;
}

static void rebind(struct sim *sim)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(sim->rebind_us); i++) {
		if (sim->rebind_us[i] == 0 || sim->now_us < sim->rebind_us[i] ||
		    is_handshaking(sim))
			continue;
		sim->rebind_us[i] = 0;
		sim->client.address.bytes[3]++;
	}
}

static void step(struct sim *sim)
{
	rebind(sim);
	pressure_update(sim);
	side_keep_house(&sim->client);
	side_keep_house(&sim->server);
	side_input(&sim->server, &sim->client);
	side_input(&sim->client, &sim->server);
	kg_twheel_advance(sim->client.host.wheel, sim->now_us);
	kg_twheel_advance(sim->server.host.wheel, sim->now_us);
	for (uint32_t i = 0; i < sim->flow_count; i++) {
		app_step(&sim->flows[i].client);
		app_step(&sim->flows[i].server);
	}
	side_output(&sim->client);
	side_output(&sim->server);
}

static bool all_over(const struct sim *sim)
{
	for (uint32_t i = 0; i < sim->flow_count; i++) {
		if (!flow_is_over(&sim->flows[i]))
			return false;
	}
	return true;
}

static void run_flows(struct sim *sim)
{
	while (!all_over(sim)) {
		step(sim);
		sim->now_us = KG_MAX(sim->now_us + 1, next_us(sim));
		sim_check(sim, sim->now_us - sim->started_us < LIMIT_US);
		pressure_check(sim);
	}
}

static void run_quiet(struct sim *sim)
{
	uint64_t end_us = sim->now_us + QUIET_US;

	while (sim->now_us < end_us) {
		step(sim);
		sim->now_us = KG_MIN(KG_MAX(sim->now_us + 1, next_us(sim)), end_us);
	}
}

static void shut_down(struct sim *sim)
{
	sim->over = true;
	for (uint16_t i = 0; i < sim->client.workers; i++)
		kg_streams_shutdown(sim->client.streams[i], sim->now_us);
}

/* ---- what must hold ---- */

static void check_side(const struct sim *sim, const struct side *side, size_t bytes_before)
{
	uint64_t opened = 0, sum = 0;

	for (uint16_t i = 0; i < side->workers; i++) {
		const struct kg_session *session = kg_streams_session(side->streams[i]);
		struct kg_session_stats stats;
		struct kg_streams_stats streams;

		kg_session_get_stats(session, &stats);
		kg_streams_get_stats(side->streams[i], &streams);
		sim_check(sim, streams.streams == 0 && streams.muxes == 0);
		sim_check(sim, stats.channels == 0);
		sim_check(sim, stats.channels_opened == stats.channels_closed);
		sim_check(sim, stats.messages_dropped == 0);
		sim_check(sim, !kg_session_output_pending(session));
		opened += stats.channels_opened;
	}
	sim_check(sim, opened <= sim->flow_count || sim->mux_channels > 0);
	for (int i = 0; i < KG_DROP_COUNT; i++)
		sum += side->drops[i];
	sim_check(sim, sum == side->received);
	/* A copy draws as much, as a channel's first datagram three times that and some more. */
	sim_check(sim, side->astray_bytes <= 3 * sim->copied_bytes + opened * FIRST_DATAGRAMS *
									     KG_DATAGRAM_MAX_BYTES);
	sim_check(sim, side->drops[KG_DROP_KCP_MALFORMED] == 0);
	sim_check(sim, side->drops[KG_DROP_FEC_MALFORMED] == 0);
	sim_check(sim, side->drops[KG_DROP_HANDSHAKE_MALFORMED] == 0);
	sim_check(sim, side->drops[KG_DROP_CLOCK_SKEW] == 0);
	/* Nothing is left: no timer, no buffer, no state but grown tables. */
	sim_check(sim, kg_twheel_next_us(side->host.wheel) == KG_NEVER_US);
	sim_check(sim, side->host.pool.in_use == 0);
	sim_check(sim, side->host.mem.in_use_bytes <=
			       bytes_before + (1 + sim->mux_channels) * TABLES_BYTES);
}

/* Over all seeds: what was really exercised. */
static struct {
	uint64_t sent, lost, duplicated, corrupted, closed_by[KG_CLOSE_COUNT];
	uint64_t virtual_us, overtook, stale, blanked;
	unsigned int fec, mux, half_close, all_three; /* seeds */
	struct kg_fec_stats parity;
} totals;

static void add_seed(const struct sim *sim)
{
	bool half_close = (sim->client.config.capabilities & sim->server.config.capabilities &
			   KG_CAPABILITY_HALF_CLOSE) != 0;

	totals.virtual_us += sim->now_us - sim->started_us;
	totals.overtook += sim->overtook;
	totals.fec += sim->parity > 0;
	totals.mux += sim->mux_channels > 0;
	totals.half_close += half_close;
	totals.all_three += sim->parity > 0 && sim->mux_channels > 0 && half_close;
}

static void add_side(const struct side *side)
{
	totals.sent += side->link.sent;
	totals.lost += side->link.lost;
	totals.duplicated += side->link.duplicated;
	totals.corrupted += side->link.corrupted;
	if (side->config.fec != NULL)
		kg_fec_add_stats(side->config.fec, &totals.parity);
	for (uint16_t i = 0; i < side->workers; i++) {
		struct kg_session_stats stats;

		kg_session_get_stats(kg_streams_session(side->streams[i]), &stats);
		totals.stale += stats.datagrams_stale;
		totals.blanked += stats.datagrams_blanked;
		for (size_t j = 0; j < KG_ARRAY_SIZE(totals.closed_by); j++)
			totals.closed_by[j] += stats.closed_by[j];
	}
}

static void print_totals(void)
{
	printf("passed: %.0f s of virtual time, %llu datagrams, %llu lost, %llu duplicated, %llu"
	       " corrupted; closed by",
	       (double)totals.virtual_us / KG_US_PER_S, (unsigned long long)totals.sent,
	       (unsigned long long)totals.lost, (unsigned long long)totals.duplicated,
	       (unsigned long long)totals.corrupted);
	for (size_t i = 0; i < KG_ARRAY_SIZE(totals.closed_by); i++)
		printf(" %s %llu", kg_close_name((enum kg_close)i),
		       (unsigned long long)totals.closed_by[i]);
	printf("\nseeds with FEC %u, mux %u, half-close %u, all three %u; recovered %llu, not "
	       "believed"
	       " %llu, parity wrong %llu; datagrams before earlier ones %llu, too old before they "
	       "were sent %llu, and after"
	       " %llu",
	       totals.fec, totals.mux, totals.half_close, totals.all_three,
	       (unsigned long long)totals.parity.recovered,
	       (unsigned long long)totals.parity.refused,
	       (unsigned long long)(totals.parity.parity_wrong + totals.parity.padding_wrong),
	       (unsigned long long)totals.overtook, (unsigned long long)totals.stale,
	       (unsigned long long)totals.blanked);
	printf("\n");
}

static void run_seed(uint64_t seed, bool verbose)
{
	static struct sim sim;
	size_t client_bytes, server_bytes;

	sim = (struct sim){ .seed = seed, .verbose = verbose };
	kg_rng_init(&sim.rng, seed);
	sim.alg = kg_aead_lookup("AES-GCM");
	scenario_draw(&sim);
	side_start(&sim.client);
	side_start(&sim.server);
	client_bytes = sim.client.host.mem.in_use_bytes;
	server_bytes = sim.server.host.mem.in_use_bytes;
	run_flows(&sim);
	/* Of its end on a mux channel a host knows before the peer does. */
	if (sim.mux_channels > 0)
		run_quiet(&sim);
	for (uint32_t i = 0; i < sim.flow_count; i++)
		flow_check(&sim.flows[i]);
	if (verbose)
		print_sim(&sim);
	shut_down(&sim);
	run_quiet(&sim);
	check_side(&sim, &sim.client, client_bytes);
	check_side(&sim, &sim.server, server_bytes);
	for (int i = 0; i < 65536; i++)
		sim_check(&sim, sim.flow_of_port[i] == SIM_NO_FLOW);
	add_side(&sim.client);
	add_side(&sim.server);
	add_seed(&sim);
	side_stop(&sim.client);
	side_stop(&sim.server);
}

int main(int argc, char **argv)
{
	return seeds_run(argc, argv, run_seed, print_totals);
}
