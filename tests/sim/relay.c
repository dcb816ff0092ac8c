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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "crypto/aead_table.h"
#include "fec/rs_isal.h"
#include "relay/relay.h"
#include "session/framing.h"
#include "sim/link.h"
#include "test_host.h"
#include "wire/envelope.h"
#include "wire/profile.h"

#define SEC(n)     ((uint64_t)(n)*KG_US_PER_S)
#define MSEC(n)    ((uint64_t)(n)*KG_US_PER_MS)
#define PERCENT(n) ((uint16_t)((n)*65536 / 100))

#define LEGS_MAX    4
#define FLOWS       6
#define MUX_FLOW    0
#define MESSAGE_MAX 6000
#define MTU_MAX     1400
#define LIMIT_US    SEC(2000)
#define QUIET_US    SEC(400)
#define UNIX_S      1700000000u
#define ENDS_CAN    (KG_CAPABILITY_HALF_CLOSE | KG_CAPABILITY_MUX)
#define REASON      "nobody is at home"

enum ending {
	END_ORDERLY,
	END_ABORT,
	END_REFUSED,
	ENDINGS,
};

/* One end of a flow. */
struct app {
	struct kg_channel *ch; /* NULL: none, or no longer */
	uint32_t plan, sent, got;
	uint64_t next_us, stands_until_us, abort_us;
	bool began, peer_finished, closed;
	enum kg_close why;
	char text[64];
};

struct flow {
	enum kg_protocol protocol;
	enum ending ending;
	uint64_t start_us;
	struct app apps[2]; /* by role */
};

struct node;

/* One of the two ends of a leg. */
struct end {
	struct node *node;
	struct kg_session *session;
	struct kg_session_config config;
	struct kg_profile_key key;
	struct kg_link link; /* what it sends */
	struct kg_ip address;
	struct kg_port_range port; /* client: of the other end */
	struct kg_ip peer;
};

/* Between two legs a relay; at the ends the client and the server. */
struct node {
	struct test_host host;
	struct sim *sim;
	struct kg_relay *relay; /* NULL: an end */
	size_t held_max;        /* a relay: so many buffers it may hold */
};

struct sim {
	uint64_t seed, now_us, started_us, age_us;
	struct kg_rng rng;
	unsigned int legs;
	struct node nodes[LEGS_MAX + 1]; /* the client is the first, the server the last */
	struct end ends[LEGS_MAX][2];    /* by role */
	struct flow flows[FLOWS];
	bool half_close, scarce;
};

static struct {
	uint64_t messages, closed_by[KG_CLOSE_COUNT];
	size_t held;
} totals;

#define check(sim, condition)                                                          \
	do {                                                                           \
		if (!(condition)) {                                                    \
			print(sim);                                                    \
			printf("FAILED seed %llu at line %d: %s\n",                    \
			       (unsigned long long)(sim)->seed, __LINE__, #condition); \
			exit(1);                                                       \
		}                                                                      \
	} while (0)

static void print(const struct sim *sim)
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

static uint32_t below(struct sim *sim, uint32_t bound)
{
	return kg_rng_below(&sim->rng, bound);
}

static bool one_in(struct sim *sim, uint32_t n)
{
	return below(sim, n) == 0;
}

/* ---- applications ---- */

/* What an end says as its nth message; of a mux channel with the header that it has there. */
static size_t compose(const struct sim *sim, int number, int role, uint32_t nth,
		      uint8_t bytes[MESSAGE_MAX])
{
	const uint64_t name[] = { sim->seed, (uint64_t)number, (uint64_t)role, nth };
	uint64_t chance = kg_hash64(name, sizeof(name), 0);
	size_t head = number == MUX_FLOW ? KG_MESSAGE_MUX_BYTES : 0;
	size_t most = chance % 4 == 0 ? MESSAGE_MAX : 300;
	size_t len = head + (chance >> 8) % (most - head);

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(chance + i * 7 + (i >> 8) * 3);
	if (head > 0)
		bytes[0] = kg_message_kind(KG_FEATURE_MUX_TRANSFER, KG_PROTOCOL_TCP);
	return len;
}

static bool say(struct sim *sim, int number, int role)
{
	struct app *app = &sim->flows[number].apps[role];
	struct node *node = &sim->nodes[role == KG_ROLE_SERVER ? sim->legs : 0];
	uint16_t rest = kg_session_rest_bytes(kg_channel_session(app->ch));
	bool mux = number == MUX_FLOW;
	uint8_t bytes[MESSAGE_MAX];
	size_t len = compose(sim, number, role, app->sent, bytes);
	struct kg_buf *chain =
		kg_buf_chain_copy(&node->host.pool.pool, bytes, len,
				  (uint16_t)(rest - !mux * KG_MESSAGE_KIND_BYTES), rest);

	if (mux ? kg_channel_send_message(app->ch, chain, sim->now_us)
		: kg_channel_send(app->ch, chain, sim->now_us)) {
		app->sent++;
		return true;
	}
	kg_buf_free_chain(chain);
	return false;
}

static void hear(struct sim *sim, int number, int role)
{
	struct app *app = &sim->flows[number].apps[role];
	uint8_t bytes[MESSAGE_MAX], expected[MESSAGE_MAX];
	struct kg_buf *chain;

	while (app->ch != NULL && sim->now_us >= app->stands_until_us &&
	       (chain = kg_channel_recv(app->ch, sim->now_us)) != NULL) {
		size_t len = compose(sim, number, !role, app->got, expected);

		check(sim, kg_buf_chain_len(chain) == len);
		kg_buf_chain_gather(chain, bytes);
		kg_buf_free_chain(chain);
		check(sim, memcmp(bytes, expected, len) == 0);
		app->got++;
		totals.messages++;
	}
}

static bool half_closes(const struct sim *sim, const struct flow *flow)
{
	return sim->half_close && flow->protocol == KG_PROTOCOL_TCP;
}

/* Who knows half-close ends when it has said all. Else the client does, when it has heard all. */
static void end_some_time(struct sim *sim, int number, int role)
{
	struct flow *flow = &sim->flows[number];
	struct app *app = &flow->apps[role];
	bool all_said = app->sent == app->plan;
	bool all_heard = app->got == flow->apps[!role].plan;

	if (flow->ending == END_ABORT && sim->now_us >= app->abort_us)
		kg_channel_abort(app->ch, sim->now_us);
	else if (all_said && (half_closes(sim, flow) || (role == KG_ROLE_CLIENT && all_heard)))
		kg_channel_finish(app->ch, sim->now_us);
}

static void act(struct sim *sim, int number, int role)
{
	struct app *app = &sim->flows[number].apps[role];

	if (app->ch == NULL || sim->now_us < app->next_us)
		return;
	app->next_us = sim->now_us + MSEC(1) + below(sim, 20000);
	hear(sim, number, role);
	while (app->ch != NULL && app->sent < app->plan && kg_channel_room(app->ch) > 0) {
		if (!say(sim, number, role))
			break;
	}
	if (app->ch != NULL)
		end_some_time(sim, number, role);
}

static void on_connect(void *host, struct kg_channel *ch, const struct kg_target *target)
{
	struct node *node = host;
	struct sim *sim = node->sim;
	int number = target != NULL ? target->port - 1 : MUX_FLOW;
	struct app *app = &sim->flows[number].apps[KG_ROLE_SERVER];

	check(sim, (kg_channel_protocol(ch) == KG_PROTOCOL_MUX) == (target == NULL));
	check(sim, target == NULL || strcmp(target->address, "behind.relays") == 0);
	if (sim->flows[number].ending == END_REFUSED) {
		kg_channel_refused(ch, REASON, sim->now_us);
		return;
	}
	app->ch = ch;
	app->began = true;
	app->next_us = sim->now_us;
	kg_channel_set_user(ch, app);
	kg_channel_connected(ch, sim->now_us);
}

static void on_readable(void *host, struct kg_channel *ch)
{
	struct app *app = kg_channel_user(ch);

	app->next_us = 0;
}

static void on_finished(void *host, struct kg_channel *ch)
{
	struct app *app = kg_channel_user(ch);

	app->peer_finished = true;
}

static void on_closed(void *host, struct kg_channel *ch, enum kg_close why, const char *text)
{
	struct app *app = kg_channel_user(ch);

	kg_channel_free(ch);
	if (app == NULL)
		return; /* refused */
	app->ch = NULL;
	app->closed = true;
	app->why = why;
	snprintf(app->text, sizeof(app->text), "%s", text);
	totals.closed_by[why]++;
}

static const struct kg_session_ops app_ops = {
	.connect = on_connect,
	.readable = on_readable,
	.finished = on_finished,
	.closed = on_closed,
};

static void on_relay_connect(void *host, struct kg_channel *ch, const struct kg_target *target)
{
	struct node *node = host;

	kg_relay_accept(node->relay, ch, target);
}

static const struct kg_session_ops relay_ops = { .connect = on_relay_connect, KG_RELAY_OPS };

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
		kg_link_send(&end->link, sim->now_us, &out.local, &out.remote, job.data, job.len);
	}
}

static void input(struct sim *sim, struct end *end, struct end *peer)
{
	struct kg_link_packet *packet;

	while ((packet = kg_link_receive(&peer->link, sim->now_us)) != NULL) {
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

/* ---- drawing ---- */

static struct kg_link_params draw_link(struct sim *sim)
{
	struct kg_link_params params = {
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
	struct kg_link_params link = draw_link(sim);

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
	kg_link_init(&end->link, &link, &sim->rng);
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

static void draw(struct sim *sim)
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
	for (int i = 0; i < FLOWS; i++)
		draw_flow(sim, i);
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
	for (unsigned int i = 1; i < sim->legs; i++)
		sim->nodes[i].held_max = held_max(sim, i);
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
		next = KG_MIN(next, kg_link_next_us(&sim->ends[leg][0].link));
		next = KG_MIN(next, kg_link_next_us(&sim->ends[leg][1].link));
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
			kg_link_fini(&end->link);
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
	const char *more = getenv("KG_SIM_SEEDS");
	uint64_t first, count, stride;

	if (argc != 2 && argc != 4) {
		fprintf(stderr, "usage: relay SEED | relay FIRST COUNT STEP\n");
		return 2;
	}
	first = strtoull(argv[1], NULL, 0);
	count = argc == 2 ? 1 : strtoull(more != NULL ? more : argv[2], NULL, 0);
	stride = argc == 2 ? 1 : strtoull(argv[3], NULL, 0);
	for (uint64_t i = 0; i < count; i++)
		run_seed(first + i * stride, argc == 2);
	print_totals();
	return 0;
}
