/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A tunnel's end, with channels of their own or mux, with FEC or without, and a peer that knows its
 * password and keeps to nothing: well-made segments that say anything, from anywhere; and memory
 * that fails. The first two bytes are settings:
 *
 *   bit 0  we are the client             bit 5  windows of a few segments
 *   bit 1  FEC                           bit 6  sending is paced, FEC has more parity
 *   bit 2  extensions of ours            bit 7  at the end all must go by itself
 *   bit 3  client: mux; server: targets  bit 8  few channels may be in doubt
 *   bit 4  keep-alive, no blast          bit 9  bandwidths are set
 *   bit 10 windows and rate set          bit 11 the path's size is asked for, datagrams
 *          themselves                           do not wait for others
 *
 * and then each step a byte, modulo 16 but for FORGOTTEN, and its arguments: see step(). What makes
 * up the datagrams is in peer.h.
 */
#include "fec/rs_isal.h"
#include "peer.h"
#include "telemetry/counters.h"
#include "telemetry/troubles.h"

#define MTU      PEER_BYTES_MAX
#define KEPT     16 /* datagrams for replays */
#define ROOM     2048
#define CHANNELS 12
#define SEQUENCE 200 /* where the peer's next group is, when it makes one up */

#define FORGOTTEN 0xff /* the step */

#define QUIET_US  (20ull * KG_US_PER_S)
#define WAKES_MAX 2000u /* in that time; what tries again each 10 ms has as many */

struct kept {
	struct kg_datagram datagram;
	uint8_t bytes[ROOM];
};

struct run {
	struct host host;
	struct kg_session *session;
	struct peer peer;
	void *(*alloc)(struct kg_mem *mem, size_t bytes);
	uint64_t failing; /* bit by bit, which allocation fails */
	unsigned int allocations;
	struct kept kept[KEPT];
	unsigned int kept_count;
	struct kg_counters counters;
	struct kg_troubles troubles;
	uint64_t told;              /* of troubles */
	struct kg_kcp_segment said; /* the latest of ours … */
	struct kg_tuple said_to;    /* … and between where, as the peer sees it */
};

static uint32_t take(struct run *run, size_t bytes)
{
	return fuzz_take(&run->host.in, bytes);
}

static void *failing_alloc(struct kg_mem *mem, size_t bytes)
{
	struct run *run = KG_CONTAINER_OF(mem, struct run, host.own.mem);

	if (run->failing >> (run->allocations++ % 64) & 1)
		return NULL;
	return run->alloc(mem, bytes);
}

/* ---- how datagrams come in ---- */

static struct kg_endpoint someone(struct run *run, uint32_t who)
{
	struct kg_endpoint from = {
		{ who % 4 == 3 ? 6 : 4, { 198, 18, 0, (uint8_t)(1 + who % 4) } },
		(uint16_t)(run->peer.client ? 3000 + who % 3 : 30000 + who % 2),
	};

	return from;
}

/* `who`: the peer as we know it, if the upper bit is set and we do. */
static struct kg_tuple path(struct run *run, const struct kg_line *line, uint32_t who)
{
	const struct kg_path *known = line != NULL ? line->path : NULL;
	struct kg_tuple path = {
		.local = { { 4, { 198, 18, 0, 9 } },
			   known != NULL ? known->ends.local.port : 3000 },
		.remote = someone(run, who),
	};

	if (!run->peer.client)
		path.local.port = (uint16_t)(3000 + who % 2);
	if (known != NULL && known->ends.remote.port != 0 && (who & 0x80))
		path.remote = known->ends.remote;
	return path;
}

/* As a box counts and complains. */
static void count(struct run *run, const struct kg_datagram *in, enum kg_drop drop)
{
	FUZZ_CHECK(drop < KG_DROP_COUNT);
	run->counters.drops[drop]++;
	if (drop == KG_DROP_KCP_MALFORMED || drop == KG_DROP_HANDSHAKE_MALFORMED)
		run->told += kg_troubles_note(&run->troubles, KG_TROUBLE_MALFORMED, 0,
					      &in->remote.ip, run->host.now_us);
	FUZZ_CHECK(run->told <= run->counters.drops[KG_DROP_KCP_MALFORMED] +
					run->counters.drops[KG_DROP_HANDSHAKE_MALFORMED]);
}

static void input(struct run *run, const struct kg_datagram *datagram)
{
	struct kg_datagram in = *datagram;

	/* of its own: a sanitizer sees one byte too far */
	in.data = malloc(in.len > 0 ? in.len : 1);
	memcpy(in.data, datagram->data, in.len);
	FUZZ_CHECK(kg_session_owner(false, run->peer.fec, &in, 3) < 3);
	count(run, &in, kg_session_input(run->session, &in, run->host.now_us));
	free(in.data);
}

static void arrive(struct run *run, const struct kg_tuple *path, uint8_t *bytes, size_t len)
{
	struct kept *kept = &run->kept[run->kept_count++ % KEPT];

	memcpy(kept->bytes, bytes, len);
	kept->datagram = (struct kg_datagram){
		.local = path->local,
		.remote = path->remote,
		.data = kept->bytes,
		.len = (uint16_t)len,
		.digest = kg_rng_next(&run->host.own.rng),
		.age_s = (int16_t)((int)(run->kept_count % 8) - 2),
	};
	input(run, &kept->datagram);
}

/* The nth line of that kind, NULL when there are fewer. */
static struct kg_line *nth_line(struct run *run, enum kg_line_kind kind, uint32_t nth)
{
	struct kg_line *line;

	for (unsigned int home = KG_HOME_CHANNELS; home < KG_HOME_COUNT; home++)
		TAILQ_FOREACH (line, &run->session->homes[home], home_link)
			if (line->kind == kind && nth-- == 0)
				return line;
	return NULL;
}

/* ---- what the peer says ---- */

static void handshake_step(struct run *run)
{
	uint8_t bytes[ROOM];
	uint32_t who = take(run, 1), how = take(run, 1);
	struct kg_kcp_segment seg = { .cmd = KG_KCP_PUSH, .wnd = 128, .ts = 1000 + (how >> 6) };
	struct kg_line *line = nth_line(run, KG_LINE_HANDSHAKE, how % 4);
	struct kg_tuple from = path(run, line, who);
	size_t at = peer_put_fec_header(&run->peer, bytes, 0, 0);

	if (line != NULL && (run->peer.client || (how & 8))) {
		seg.sn = line->kcp->recv.nxt + (how >> 5 & 1);
		seg.una = how & 16 ? line->kcp->flight.nxt : line->kcp->flight.una;
		if (run->peer.client)
			seg.ts += kg_kcp_ts(line->kcp, run->host.now_us) - 1000;
	}
	seg.frg = how >> 2 & 1;
	seg.len = (uint32_t)peer_put_message(&run->peer, bytes + at + KG_KCP_HEADER_BYTES, true);
	kg_kcp_segment_encode(bytes + at, &seg);
	arrive(run, &from, bytes, at + KG_KCP_HEADER_BYTES + seg.len);
}

static void channel_step(struct run *run)
{
	uint8_t bytes[ROOM];
	uint32_t who = take(run, 1), n = take(run, 1), fec = 0, group = 0;
	struct kg_line *line = nth_line(run, KG_LINE_CHANNEL, n >> 4);
	struct kg_tuple from = path(run, line, who);
	size_t len;

	if (line == NULL)
		return;
	if (run->peer.fec != NULL) {
		fec = take(run, 1);
		run->peer.group += fec >> 3 & 1;
		group = fec & 0x80 ? fec * SEQUENCE : run->peer.group;
	}
	len = peer_put_fec_header(&run->peer, bytes, group, fec % 6);
	if (run->peer.fec != NULL && fec % 6 >= kg_fec_data(run->peer.fec))
		len += peer_put_parity(&run->peer, kg_line_channel(line), bytes + len);
	else
		len += peer_put_segments(&run->peer, kg_line_channel(line), bytes + len, 1 + n % 6);
	arrive(run, &from, bytes, len);
}

/* The peer acknowledges what we have just said, from where it heard it or from elsewhere. */
static void answer_step(struct run *run)
{
	uint8_t bytes[ROOM];
	uint32_t who = take(run, 1);
	struct kg_kcp_segment seg = run->said;
	struct kg_tuple from = run->said_to;
	size_t at =
		peer_put_fec_header(&run->peer, bytes, seg.conv != 0 ? ++run->peer.group : 0, 0);

	if (seg.cmd != KG_KCP_PUSH)
		return;
	if (who & 0x80)
		from.remote = someone(run, who);
	seg.cmd = KG_KCP_ACK;
	seg.una = seg.sn + (who >> 6 & 1);
	seg.len = 0;
	kg_kcp_segment_encode(bytes + at, &seg);
	arrive(run, &from, bytes, at + KG_KCP_HEADER_BYTES);
}

static void replay_step(struct run *run)
{
	uint32_t nth = take(run, 1);
	struct kept *kept = &run->kept[nth % KEPT];
	struct kg_datagram again = kept->datagram;

	if (again.len == 0)
		return;
	if (nth & 0x80)
		again.remote = someone(run, nth >> 4);
	input(run, &again);
}

static void raw_step(struct run *run)
{
	uint8_t bytes[ROOM];
	uint32_t who = take(run, 1);
	enum kg_line_kind kind = who & 1 ? KG_LINE_CHANNEL : KG_LINE_HANDSHAKE;
	struct kg_line *line = nth_line(run, kind, who >> 1 & 7);
	struct kg_tuple from = path(run, line, who);
	size_t len = fuzz_take_bytes(&run->host.in, bytes, take(run, 1));
	size_t at = run->peer.fec != NULL ? KG_FEC_HEADER_BYTES : 0;

	if (line != NULL && kind == KG_LINE_CHANNEL && len >= at + sizeof(uint32_t))
		kg_store_le32(bytes + at, kg_line_channel(line)->conv);
	arrive(run, &from, bytes, len);
}

/* ---- what the peer has forgotten, or asks whether we have ---- */

static uint32_t number_of(const struct run *run, const struct kg_channel *ch)
{
	return (uint32_t)kg_siphash(&run->session->source_key, &ch->conv, sizeof(ch->conv));
}

/* Its own question alone ends a channel, and one datagram draws one denial at most. */
static void forgotten_step(struct run *run)
{
	uint8_t bytes[ROOM];
	uint32_t who = take(run, 1), how = take(run, 1);
	bool denies = how & 1, strange = how & 2, wrong = how & 4;
	struct kg_line *line = nth_line(run, KG_LINE_CHANNEL, how >> 4);
	struct kg_tuple from = path(run, line, who);
	struct kg_channel *ch = line != NULL ? kg_line_channel(line) : NULL;
	uint32_t conv = ch != NULL ? ch->conv + strange : 1 + how;
	uint32_t ts = ch != NULL ? number_of(run, ch) + wrong : how;
	unsigned int waiting = run->session->denials.count;
	uint16_t len = kg_framing_deny(run->peer.fec, conv, ts, bytes);
	bool open = ch != NULL && ch->state == KG_CHANNEL_OPEN;
	bool asked = ch != NULL && ch->asks > 0;

	if (!denies)
		bytes[len - KG_KCP_HEADER_BYTES + 4] = KG_KCP_WASK;
	arrive(run, &from, bytes, len);
	FUZZ_CHECK(run->session->denials.count <= waiting + !denies);
	if (open && denies && (wrong || !asked))
		FUZZ_CHECK(ch->state == KG_CHANNEL_OPEN);
}

/* ---- what we say ---- */

static void output(struct run *run)
{
	uint8_t bytes[MTU + KG_FEC_OVERHEAD_BYTES];
	struct kg_datagram out = { .data = bytes };
	size_t at = run->peer.fec != NULL ? KG_FEC_HEADER_BYTES : 0;
	unsigned int datagrams = 0;

	while (kg_session_output(run->session, &out, run->host.now_us)) {
		FUZZ_CHECK(++datagrams < 20000);
		FUZZ_CHECK(out.len > at && out.len <= sizeof(bytes));
		if (kg_kcp_segment_decode(bytes + at, out.len - at, &run->said) > 0)
			run->said_to = (struct kg_tuple){ out.local, out.remote };
	}
	run->said.payload = NULL;
}

static void pass(struct run *run, uint64_t us)
{
	run->host.now_us += us;
	kg_twheel_advance(run->host.own.wheel, run->host.now_us);
	output(run);
}

/* Which of the next allocations fail, how many buffers are left, what a conversation may hold. */
static void pinch_step(struct run *run)
{
	uint32_t which = take(run, 1), left = take(run, 1), share = take(run, 1);

	run->failing = which & 1 ? 0 : (uint64_t)which * 0x0101010101010101ull << which % 8;
	run->host.own.pool.limit = left & 1 ? SIZE_MAX : run->host.own.pool.in_use + left / 8;
	run->host.own.pool.kept = left & 2 ? 0 : left / 16;
	run->host.own.pool.pool.left = left & 1 ? UINT32_MAX : left / 8;
	run->host.own.pool.pool.fair_share = share & 1 ? UINT32_MAX : share;
	run->host.own.mem.soft_limit_bytes =
		share & 2 ? SIZE_MAX : run->host.own.mem.in_use_bytes + share * 16;
}

static void relieve(struct run *run)
{
	run->failing = 0;
	run->host.own.pool.limit = SIZE_MAX;
	run->host.own.pool.kept = 0;
	run->host.own.pool.pool.fair_share = run->host.own.pool.pool.left = UINT32_MAX;
	run->host.own.mem.soft_limit_bytes = SIZE_MAX;
}

/* ---- what an operator sees, and the host hears ---- */

static void look(struct run *run)
{
	struct kg_session_stats session;
	struct kg_streams_stats streams;
	struct kg_channel_info info;
	struct kg_fec_stats fec = { 0 };
	struct kg_channel *ch;
	uint64_t count = 0;

	kg_session_get_stats(run->session, &session);
	kg_streams_get_stats(run->host.streams, &streams);
	FUZZ_CHECK(streams.muxes <= session.channels);
	if (run->peer.fec != NULL)
		kg_fec_add_stats(run->peer.fec, &fec);
	FUZZ_CHECK(fec.recovered <= fec.received + fec.parity_received);
	kg_session_tour_begin(run->session);
	for (; (ch = kg_session_tour_next(run->session)) != NULL; count++) {
		kg_channel_get_info(ch, &info, run->host.now_us);
		FUZZ_CHECK(*kg_channel_state_name(info.state) != '\0');
		FUZZ_CHECK(*kg_protocol_name(info.protocol) != '\0');
		FUZZ_CHECK(info.protocol == KG_PROTOCOL_MUX || kg_streams_of_channel(ch) == 1);
	}
	FUZZ_CHECK(count == session.channels);
}

/* Of routes and ports; `what` chooses. */
static void hear(struct run *run, uint32_t what)
{
	uint16_t port = (uint16_t)(HOST_PORT_FIRST + what / 4 % HOST_PORTS);
	uint64_t since_us, now_us = run->host.now_us;
	struct kg_endpoint asked;

	if (!kg_session_asks(run->session, &asked, &since_us))
		asked = someone(run, what);
	else
		FUZZ_CHECK(since_us <= now_us);
	if (what % 4 == 1)
		kg_session_no_route(run->session, &asked.ip, now_us);
	else if (what % 4 == 2)
		kg_session_no_route_from(run->session, port, now_us);
	else if (what % 4 == 3)
		kg_session_leave_port(run->session, port, now_us);
}

static void look_step(struct run *run)
{
	uint32_t what = take(run, 1);

	look(run);
	if (run->peer.client)
		hear(run, what);
}

static void step(struct run *run)
{
	uint32_t what = take(run, 1);

	if (what == FORGOTTEN) {
		forgotten_step(run);
		return;
	}
	switch (what % 16) {
	case 0:
	case 1:
		handshake_step(run);
		break;
	case 2:
	case 3:
	case 4:
	case 5:
		channel_step(run);
		break;
	case 6:
		replay_step(run);
		break;
	case 7:
		raw_step(run);
		break;
	case 8:
	case 9:
		host_deed(&run->host);
		break;
	case 10:
		answer_step(run);
		break;
	case 11:
		output(run);
		break;
	case 12:
		pass(run, (uint64_t)take(run, 1) * KG_US_PER_MS);
		break;
	case 13:
		pass(run, (uint64_t)take(run, 1) * (KG_US_PER_S / 2));
		break;
	case 14:
		pinch_step(run);
		break;
	default:
		look_step(run);
	}
}

/* ---- life ---- */

static struct kg_kcp_params kcp_of(uint32_t settings)
{
	return (struct kg_kcp_params){
		.mtu = MTU,
		.snd_wnd = settings & 32 ? 8 : 128,
		.rcv_wnd = settings & 32 ? 4 : 128,
		.nodelay = 1,
		.interval_ms = 1,
		.resend = 2,
		.nc = settings & 32,
		.blast = !(settings & 16),
		.pace = settings & 64,
		.rcv_grows = settings & 1024,
		.snd_spread = settings & 1024,
		.rate_auto = settings & 1024,
	};
}

static struct kg_session_config config_of(const struct run *run, uint32_t settings)
{
	static const struct kg_ip address = { 4, { 198, 18, 0, 1 } };
	static const struct kg_port_range ports[] = { { 3000, 3000 }, { 3002, 3010 } };

	return (struct kg_session_config){
		.role = run->peer.client ? KG_ROLE_CLIENT : KG_ROLE_SERVER,
		.kcp = kcp_of(settings),
		.fec = run->peer.fec,
		.outbound_Bps = settings & 512 ? 100000 : 0,
		.inbound_Bps = settings & 512 ? 2000000 : 0,
		.udp_timeout_s = 30,
		.udp_arrival = settings & 2048,
		.path_mtu_max = settings & 2048 ? 1500 : 0,
		.hop_min_s = 1,
		.hop_max_s = 3,
		.keep_alive_s = settings & 16 ? 3 : 0,
		.workers = 1,
		.channels_max = CHANNELS,
		.udp_max = settings & 256 ? CHANNELS / 2 : 0,
		.doubted_max = settings & 256 ? 3 : 0,
		.capabilities = settings & 4
					? KG_CAPABILITY_HALF_CLOSE | KG_CAPABILITY_RIGHT_PARITY |
						  KG_CAPABILITY_MUX | KG_CAPABILITY_MUX_RETURN |
						  KG_CAPABILITY_ROWS | KG_CAPABILITY_TAILS
					: 0,
		.answer_wait_s = 5,
		.destinations = &address,
		.destination_count = 1,
		.destination_ports = ports,
		.destination_port_count = KG_ARRAY_SIZE(ports),
		.announce_first = 3000,
		.announce_last = 3010,
		.custom_targets = !run->peer.client && (settings & 8),
	};
}

static void start(struct run *run, uint32_t settings)
{
	struct kg_streams_config config;

	run->peer.client = settings & 1;
	if (settings & 2)
		run->peer.fec = kg_fec_create(3, settings & 64 ? 3 : 2, &kg_rs_isal,
					      &kg_session_fec_content, &run->host.own.mem);
	if (!run->peer.client)
		run->host.own.seen = kg_seen_create(&run->host.own.mem, 14, 510, run->host.now_us);
	config.session = config_of(run, settings);
	config.mux_channels = run->peer.client && (settings & 8) ? 2 : 0;
	host_start(&run->host, &config);
	run->session = kg_streams_session(run->host.streams);
	run->alloc = run->host.own.mem.alloc;
	run->host.own.mem.alloc = failing_alloc;
	pass(run, 20 * KG_US_PER_S);
}

/* The peer says nothing any more, and applications nothing: nobody wakes again and again. */
static void stay_quiet(struct run *run)
{
	uint64_t end_us = run->host.now_us + QUIET_US;
	unsigned int wakes = 0;

	for (; run->host.now_us < end_us; wakes++) {
		uint64_t next_us = KG_MAX(kg_twheel_next_us(run->host.own.wheel),
					  run->host.now_us + KG_US_PER_MS);

		pass(run, KG_MIN(next_us, end_us) - run->host.now_us);
	}
	FUZZ_CHECK(wakes < WAKES_MAX);
}

/* When nobody says anything any more, nothing is left after ten minutes. */
static void end_by_itself(struct run *run)
{
	for (unsigned int i = 0; i < run->host.app_count; i++)
		if (run->host.apps[i].there && !run->host.apps[i].closed)
			kg_stream_abort(&run->host.apps[i].stream, run->host.now_us);
	for (int i = 0; i < 60; i++) {
		pass(run, 10 * KG_US_PER_S);
		for (unsigned int nth = 0; nth < run->host.app_count; nth++)
			host_let_go(&run->host.apps[nth]);
	}
	for (unsigned int home = KG_HOME_CHANNELS; home < KG_HOME_COUNT; home++)
		FUZZ_CHECK(run->session->home_counts[home] == 0);
	FUZZ_CHECK(run->host.own.pool.in_use == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct run run;
	uint32_t settings;

	run = (struct run){ .peer.host = &run.host };
	host_init(&run.host, data, len);
	settings = take(&run, 2);
	start(&run, settings);
	while (run.host.in.len > 0) {
		step(&run);
		host_check(&run.host);
	}
	relieve(&run);
	output(&run);
	if (settings & 128)
		stay_quiet(&run);
	if ((settings & 128) && !run.peer.client)
		end_by_itself(&run);
	kg_streams_shutdown(run.host.streams, run.host.now_us);
	output(&run);
	kg_streams_destroy(run.host.streams);
	kg_fec_destroy(run.peer.fec);
	host_fini(&run.host);
	return 0;
}
