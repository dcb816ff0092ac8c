/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two ends of a tunnel, with a relay between them or without, over a bad network: whatever the
 * settings, the losses, the memory that fails and what comes bent or again, nothing is left in the
 * end. What the first six bytes mean is in tunnel.h. Then each step a byte, modulo 16, and its
 * arguments: see step().
 */
#include "base/hash.h"
#include "fec/rs_isal.h"
#include "host.h"
#include "relay/relay.h"
#include "tunnel.h"
#include "wire/profile.h"

#define ROOM  2048
#define KEPT  16
#define TURNS 4000 /* of one step */

/* One end of a leg; what it says travels in its link. */
struct end {
	struct test_host *host;
	struct kg_session *session;
	struct kg_ip address;
	struct kg_sim_link link;
};

struct kept {
	struct kg_datagram datagram;
	unsigned int leg, role;
	uint8_t bytes[ROOM];
};

struct run {
	struct host client, server;
	struct test_host between;
	struct kg_relay *relay;
	struct kg_fec *fec[3];
	struct end ends[2][2]; /* leg, role */
	unsigned int legs;
	struct tunnel_bits bits;
	uint16_t widest; /* of datagrams that pass; 0: all do */
	bool slow;
	struct kept kept[KEPT];
	unsigned int kept_count;
	uint64_t now_us;
};

static struct run run;

static uint32_t take(size_t bytes)
{
	return fuzz_take(&run.client.in, bytes);
}

static struct kg_fec *fec_of(struct test_host *host)
{
	const struct kg_fec_content *content =
		run.bits.settings & BARE ? &kg_session_bare_fec_content : &kg_session_fec_content;

	return run.bits.settings & WITH_FEC ? kg_fec_create(3, 2, &kg_rs_isal, content, &host->mem)
					    : NULL;
}

/* ---- the wire ---- */

static bool passes(const struct kg_datagram *out)
{
	return run.widest == 0 || out->len + TUNNEL_SEAL_BYTES + 28 <= run.widest;
}

static void output(struct end *end)
{
	uint8_t bytes[ROOM];
	struct kg_datagram out = { .data = bytes };

	for (int count = 0; kg_session_output(end->session, &out, run.now_us); count++) {
		FUZZ_CHECK(count < 20000 && out.len > 0 && out.len <= KG_BODY_MAX_BYTES);
		out.local.ip = end->address;
		if (passes(&out))
			kg_sim_link_send(&end->link, run.now_us, &out.local, &out.remote, bytes,
					 out.len);
	}
}

/* Of its own: a sanitizer sees one byte too far. */
static void input(const struct kg_datagram *datagram, unsigned int leg, unsigned int role)
{
	struct kg_datagram in = *datagram;

	in.data = malloc(in.len);
	memcpy(in.data, datagram->data, in.len);
	kg_session_input(run.ends[leg][role].session, &in, run.now_us);
	free(in.data);
}

static void keep(const struct kg_datagram *in, unsigned int leg, unsigned int role)
{
	struct kept *kept = &run.kept[run.kept_count++ % KEPT];

	*kept = (struct kept){ .datagram = *in, .leg = leg, .role = role };
	memcpy(kept->bytes, in->data, in->len);
	kept->datagram.data = kept->bytes;
}

static void arrive(unsigned int leg, unsigned int role)
{
	struct kg_sim_link_packet *packet;

	while ((packet = kg_sim_link_receive(&run.ends[leg][!role].link, run.now_us)) != NULL) {
		const struct kg_datagram in = {
			.local = packet->to,
			.remote = packet->from,
			.data = packet->bytes,
			.len = packet->len,
			.digest = kg_hash64(packet->bytes, packet->len, 0),
		};

		keep(&in, leg, role);
		input(&in, leg, role);
		free(packet);
	}
}

/* ---- applications ---- */

static void serve(struct host *host)
{
	for (unsigned int i = 0; i < host->app_count; i++) {
		struct host_app *app = &host->apps[i];
		struct kg_buf *chain;

		if (app->there && !app->closed)
			kg_stream_connected(&app->stream, run.now_us);
		while (!run.slow && app->there && !app->closed &&
		       (chain = kg_stream_recv(&app->stream, run.now_us)) != NULL)
			kg_buf_free_chain(chain);
	}
}

static void deed(struct host *host)
{
	host->now_us = run.now_us;
	if (host == &run.client) {
		host_deed(host);
		return;
	}
	host->in = run.client.in;
	host_deed(host);
	run.client.in = host->in;
}

/* As much as an application may say at once. */
static void bulk(struct host *host)
{
	static const uint8_t zeros[KG_KCP_MTU_MAX];
	struct host_app *app = &host->apps[take(1) % HOST_APPS_MAX];
	uint16_t part = kg_streams_first_bytes(host->streams);
	struct kg_buf *buf;

	while (app->there && !app->closed && kg_stream_room(&app->stream) > 0 &&
	       (buf = kg_buf_chain_copy(&host->own.pool.pool, zeros, part, part, part)) != NULL) {
		if (kg_stream_send(&app->stream, buf, run.now_us))
			continue;
		kg_buf_free_chain(buf);
		return;
	}
}

/* ---- time ---- */

static uint64_t next_us(void)
{
	uint64_t next = KG_MIN(kg_twheel_next_us(run.client.own.wheel),
			       kg_twheel_next_us(run.server.own.wheel));

	next = KG_MIN(next, kg_twheel_next_us(run.between.wheel));
	for (unsigned int leg = 0; leg < run.legs; leg++)
		for (unsigned int role = 0; role < 2; role++)
			next = KG_MIN(next, kg_sim_link_next_us(&run.ends[leg][role].link));
	return next;
}

static void turn(void)
{
	run.client.now_us = run.server.now_us = run.now_us;
	kg_twheel_advance(run.client.own.wheel, run.now_us);
	kg_twheel_advance(run.server.own.wheel, run.now_us);
	kg_twheel_advance(run.between.wheel, run.now_us);
	for (unsigned int leg = 0; leg < run.legs; leg++)
		for (unsigned int role = 0; role < 2; role++)
			arrive(leg, role);
	serve(&run.client);
	serve(&run.server);
	for (unsigned int leg = 0; leg < run.legs; leg++)
		for (unsigned int role = 0; role < 2; role++)
			output(&run.ends[leg][role]);
}

static void pass(uint64_t us)
{
	uint64_t end_us = run.now_us + us;

	for (int turns = 0; run.now_us < end_us && turns < TURNS; turns++) {
		run.now_us = KG_MIN(end_us, KG_MAX(next_us(), run.now_us + 100));
		turn();
	}
	run.now_us = KG_MAX(run.now_us, end_us);
	turn();
}

/* ---- what goes wrong, and who looks ---- */

/* The same again, or bent, or from elsewhere. */
static void again(void)
{
	uint32_t nth = take(1), at = take(2), by = take(1);
	struct kept bent = run.kept[nth % KEPT];

	bent.datagram.data = bent.bytes;
	if (bent.datagram.len == 0 || bent.leg >= run.legs)
		return;
	if (by != 0)
		bent.bytes[at % bent.datagram.len] ^= (uint8_t)by;
	bent.datagram.digest ^= by;
	if (nth & 64)
		bent.datagram.remote.port ^= 1;
	if (nth & 128)
		bent.datagram.len = (uint16_t)(1 + at % bent.datagram.len);
	input(&bent.datagram, bent.leg, bent.role);
}

static void pinch(void)
{
	uint32_t whose = take(1), left = take(1);
	struct test_host *hosts[] = { &run.client.own, &run.server.own, &run.between };
	struct test_host *host = hosts[whose % KG_ARRAY_SIZE(hosts)];

	host->pool.limit = left & 1 ? SIZE_MAX : host->pool.in_use + left / 4;
	host->pool.kept = left & 2 ? 0 : left / 8;
	host->pool.pool.fair_share = left & 4 ? UINT32_MAX : left / 4;
	host->mem.soft_limit_bytes =
		left & 8 ? SIZE_MAX : host->mem.in_use_bytes + (size_t)left * 64;
}

static void relieve(void)
{
	struct test_host *hosts[] = { &run.client.own, &run.server.own, &run.between };

	for (unsigned int i = 0; i < KG_ARRAY_SIZE(hosts); i++) {
		hosts[i]->pool.limit = SIZE_MAX;
		hosts[i]->pool.kept = 0;
		hosts[i]->pool.pool.fair_share = UINT32_MAX;
		hosts[i]->mem.soft_limit_bytes = SIZE_MAX;
	}
}

static void look_at(struct kg_session *s)
{
	struct kg_session_stats stats;
	struct kg_channel_info info;
	struct kg_path_info path;
	struct kg_channel *ch;

	kg_session_get_stats(s, &stats);
	kg_session_tour_begin(s);
	while ((ch = kg_session_tour_next(s)) != NULL) {
		kg_channel_get_info(ch, &info, run.now_us);
		FUZZ_CHECK(*kg_channel_state_name(info.state) != '\0');
	}
	kg_session_path_tour_begin(s);
	while (kg_session_path_tour_next(s, &path, run.now_us))
		FUZZ_CHECK(*path.state != '\0' && *kg_pmtu_how_text(path.mtu_how) != '\0');
}

/* A router says how wide it is; the host has something to say. */
static void tell(struct end *end, uint32_t what)
{
	const struct kept *kept = &run.kept[what % KEPT];
	struct kg_tuple ends = { kept->datagram.remote, kept->datagram.local };
	struct kg_endpoint asked;
	uint64_t since_us;

	switch (what >> 4 & 3) {
	case 0:
		kg_session_too_big(end->session, &ends, (uint16_t)(500 + take(1) * 4), run.now_us);
		break;
	case 1:
		if (end == &run.ends[0][KG_ROLE_CLIENT])
			kg_session_hop(end->session, run.now_us);
		break;
	case 2:
		if (kg_session_asks(end->session, &asked, &since_us) && (what & 64))
			kg_session_no_route(end->session, &asked.ip, run.now_us);
		break;
	default:
		look_at(end->session);
	}
}

static void step(void)
{
	uint32_t what;

	switch (take(1) % 16) {
	case 0:
	case 1:
	case 2:
		deed(&run.client);
		break;
	case 3:
	case 4:
		deed(&run.server);
		break;
	case 5:
		bulk(&run.client);
		break;
	case 6:
		bulk(&run.server);
		break;
	case 7:
	case 8:
		pass((1 + take(1)) * KG_US_PER_MS);
		break;
	case 9:
		pass((1 + take(1)) * (KG_US_PER_S / 4));
		break;
	case 10:
		run.widest = (uint16_t)(take(1) * 6);
		break;
	case 11:
		again();
		break;
	case 12:
		pinch();
		break;
	case 13:
		run.slow = take(1) & 1;
		break;
	default:
		what = take(1);
		tell(&run.ends[what >> 7 & (run.legs - 1)][what >> 6 & 1], what);
	}
	turn();
}

/* ---- life ---- */

static void relay_connect(void *host, struct kg_channel *ch, const struct kg_target *target)
{
	kg_relay_accept(run.relay, ch, target);
}

static const struct kg_session_ops relay_ops = { .connect = relay_connect,
						 KG_RELAY_OPS,
						 .closed = kg_relay_closed };

static void place(unsigned int leg, enum kg_role role, struct test_host *host,
		  struct kg_session *session)
{
	struct kg_sim_link_params params = tunnel_link(run.bits.wires >> (leg + role));
	struct end *end = &run.ends[leg][role];

	end->host = host;
	end->session = session;
	end->address =
		(struct kg_ip){ 4, { 198, 18, 0, (uint8_t)(role == KG_ROLE_CLIENT ? 1 : 2) } };
	kg_sim_link_init(&end->link, &params, &run.between.rng);
}

static void start_host(struct host *host, enum kg_role role, struct kg_fec **fec)
{
	struct kg_streams_config config = { 0 };

	*fec = fec_of(&host->own);
	config.session = tunnel_config(&run.bits, role, *fec);
	if (role == KG_ROLE_CLIENT && (run.bits.settings & WITH_MUX) && !(run.bits.settings & BARE))
		config.mux_channels = 2;
	host_start(host, &config);
}

static void start_relay(void)
{
	const struct kg_supplies supplies = test_host_supplies(&run.between);
	struct kg_session_config config;
	struct kg_session *legs[2];

	run.fec[2] = fec_of(&run.between);
	run.relay = kg_relay_create(&supplies);
	for (unsigned int role = 0; role < 2; role++) {
		config = tunnel_config(&run.bits, role, run.fec[2]);
		config.passed_targets = role == KG_ROLE_SERVER;
		legs[role] = test_host_session(&run.between, &config, relay_ops, run.now_us);
	}
	kg_relay_set_forwarder(run.relay, legs[KG_ROLE_CLIENT]);
	place(0, KG_ROLE_SERVER, &run.between, legs[KG_ROLE_SERVER]);
	place(1, KG_ROLE_CLIENT, &run.between, legs[KG_ROLE_CLIENT]);
}

static void start(const uint8_t *data, size_t len)
{
	run = (struct run){ .now_us = HOST_NOW_US };
	host_init(&run.client, data, len);
	host_init(&run.server, NULL, 0);
	test_host_init(&run.between, 5, SIZE_MAX, run.now_us);
	run.bits.settings = take(1);
	run.bits.kcp = take(2);
	run.bits.wires = take(3);
	run.legs = run.bits.settings & RELAYED ? 2 : 1;
	run.server.own.seen = kg_seen_create(&run.server.own.mem, 64, 510, run.now_us);
	run.between.seen = kg_seen_create(&run.between.mem, 64, 510, run.now_us);
	start_host(&run.client, KG_ROLE_CLIENT, &run.fec[0]);
	start_host(&run.server, KG_ROLE_SERVER, &run.fec[1]);
	if (run.legs == 2)
		start_relay();
	place(0, KG_ROLE_CLIENT, &run.client.own, kg_streams_session(run.client.streams));
	place(run.legs - 1, KG_ROLE_SERVER, &run.server.own,
	      kg_streams_session(run.server.streams));
	pass(2 * KG_US_PER_S);
}

static void stop(void)
{
	relieve();
	kg_streams_shutdown(run.client.streams, run.now_us);
	kg_streams_shutdown(run.server.streams, run.now_us);
	if (run.legs == 2)
		kg_relay_shutdown(run.relay, run.now_us);
	pass(KG_US_PER_S);
	kg_streams_destroy(run.client.streams);
	kg_streams_destroy(run.server.streams);
	if (run.legs == 2) {
		kg_session_destroy(run.ends[0][KG_ROLE_SERVER].session);
		kg_session_destroy(run.ends[1][KG_ROLE_CLIENT].session);
		kg_relay_destroy(run.relay);
	}
	for (unsigned int i = 0; i < KG_ARRAY_SIZE(run.fec); i++)
		kg_fec_destroy(run.fec[i]);
	for (unsigned int leg = 0; leg < run.legs; leg++)
		for (unsigned int role = 0; role < 2; role++)
			kg_sim_link_fini(&run.ends[leg][role].link);
	host_fini(&run.client);
	host_fini(&run.server);
	FUZZ_CHECK(test_host_fini(&run.between));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	start(data, len);
	for (int steps = 0; run.client.in.len > 0 && steps < 300; steps++)
		step();
	stop();
	return 0;
}
