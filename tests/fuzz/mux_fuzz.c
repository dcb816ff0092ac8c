/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A mux channel whose peer says anything: our streams as client or server, the peer a bare session.
 * The input is a script; its first byte says
 *
 *   bit 0  we are the client      bit 2  clients name targets
 *   bit 1  both ends extended     3 … 7  bytes of a fragment of the peer's messages, 0: whole
 *
 * and then each step a byte, modulo 4: 0 raw bytes as a message, 1 a message with a known id, 2 a
 * deed of an application, 3 time passes.
 */
#include "host.h"

#define MTU 600

struct run {
	struct host host;
	struct kg_session *peer;
	struct kg_channel *peer_channel;
	uint16_t fragment;
	bool client;
};

static struct run *run_of(void *host)
{
	return KG_CONTAINER_OF(host, struct run, host);
}

/* ---- the peer's ---- */

static void peer_connect(void *host, struct kg_channel *ch, const struct kg_target *target)
{
	run_of(host)->peer_channel = ch;
	kg_channel_connected(ch, run_of(host)->host.now_us);
}

static void peer_readable(void *host, struct kg_channel *ch)
{
	struct kg_buf *chain;

	while ((chain = kg_channel_recv(ch, run_of(host)->host.now_us)) != NULL)
		kg_buf_free_chain(chain);
}

static void peer_closed(void *host, struct kg_channel *ch, enum kg_close why, const char *text)
{
	run_of(host)->peer_channel = NULL;
	kg_channel_free(ch);
}

static const struct kg_session_ops peer_ops = {
	.port_acquire = host_port_acquire,
	.port_release = host_port_release,
	.port_share = host_port_share,
	.connect = peer_connect,
	.readable = peer_readable,
	.closed = peer_closed,
};

/* ---- both ---- */

static bool carry(struct run *run, struct kg_session *from, struct kg_session *to)
{
	uint8_t bytes[MTU];
	struct kg_datagram out = { .data = bytes };
	bool any = false;

	while (kg_session_output(from, &out, run->host.now_us)) {
		struct kg_datagram in = { .local = out.remote,
					  .remote = { out.remote.ip, out.local.port },
					  .data = bytes,
					  .len = out.len,
					  .digest = kg_rng_next(&run->host.own.rng) };

		any = true;
		kg_session_input(to, &in, run->host.now_us);
	}
	return any;
}

static void exchange(struct run *run)
{
	struct kg_session *ours = kg_streams_session(run->host.streams);
	int turns = 0;

	while (carry(run, ours, run->peer) || carry(run, run->peer, ours))
		FUZZ_CHECK(++turns < 10000);
}

static void pass(struct run *run, uint64_t us)
{
	run->host.now_us += us;
	kg_twheel_advance(run->host.own.wheel, run->host.now_us);
	exchange(run);
}

/* ---- steps ---- */

static void send_message(struct run *run, const uint8_t *bytes, size_t len)
{
	uint16_t most = kg_session_rest_bytes(run->peer);
	uint16_t part = run->fragment > 0 ? run->fragment : most;
	struct kg_buf *chain = kg_buf_chain_copy(&run->host.own.pool.pool, bytes, len, part, part);

	FUZZ_CHECK(chain != NULL);
	if (run->peer_channel == NULL ||
	    !kg_channel_send_message(run->peer_channel, chain, run->host.now_us))
		kg_buf_free_chain(chain);
}

/* One of ours, or one of a few others. */
static uint32_t known_id(struct run *run)
{
	uint32_t nth = fuzz_take(&run->host.in, 1);
	const struct kg_mux *mux = TAILQ_FIRST(&run->host.streams->muxes);
	const struct kg_mux_stream *ms = mux != NULL ? TAILQ_FIRST(&mux->members) : NULL;

	if (nth >= 16)
		return nth % 4;
	while (ms != NULL && nth-- > 0)
		ms = TAILQ_NEXT(ms, link);
	return ms != NULL ? ms->id : nth;
}

static void send_known(struct run *run)
{
	uint8_t bytes[512], text[256];
	uint32_t kind = fuzz_take(&run->host.in, 1);
	struct kg_message message = {
		.feature = KG_FEATURE_MUX_TRANSFER + kind % 7,
		.protocol = kind & 0x40 ? KG_PROTOCOL_UDP : KG_PROTOCOL_TCP,
		.connection_id = known_id(run),
		.port = (uint16_t)kind,
		.credit_bytes = kind << (kind & 31),
		.data = text,
	};
	size_t len;

	message.len = fuzz_take_bytes(&run->host.in, text, fuzz_take(&run->host.in, 1));
	len = kg_message_encode(bytes, sizeof(bytes), &message);
	if (message.feature == KG_FEATURE_FINISH)
		return;
	for (uint32_t copies = kind & 0x80 ? 64 : 1; copies > 0; copies--)
		send_message(run, bytes, len);
}

static void step(struct run *run)
{
	uint8_t bytes[256];

	switch (fuzz_take(&run->host.in, 1) % 4) {
	case 0:
		send_message(run, bytes,
			     fuzz_take_bytes(&run->host.in, bytes, fuzz_take(&run->host.in, 1)));
		break;
	case 1:
		send_known(run);
		break;
	case 2:
		host_deed(&run->host);
		break;
	default:
		pass(run, (uint64_t)fuzz_take(&run->host.in, 1) * KG_US_PER_S / 8);
	}
	exchange(run);
}

/* ---- life ---- */

static struct kg_session_config config_of(enum kg_role role, uint32_t settings)
{
	static const struct kg_ip address = { 4, { 198, 18, 0, 1 } };
	static const struct kg_port_range ports = { 3000, 3000 };

	return (struct kg_session_config){
		.role = role,
		.kcp = { .mtu = MTU,
			 .snd_wnd = 128,
			 .rcv_wnd = 128,
			 .nodelay = 1,
			 .interval_ms = 1,
			 .resend = 2,
			 .nc = true,
			 .blast = true },
		.udp_timeout_s = 30,
		.workers = 1,
		.channels_max = 32,
		.capabilities = settings & 2 ? KG_CAPABILITY_MUX | KG_CAPABILITY_MUX_RETURN : 0,
		.answer_wait_s = 5,
		.destinations = &address,
		.destination_count = 1,
		.destination_ports = &ports,
		.destination_port_count = 1,
		.custom_targets = role == KG_ROLE_SERVER && (settings & 4) != 0,
	};
}

static void start(struct run *run, uint32_t settings)
{
	enum kg_role role = settings & 1 ? KG_ROLE_CLIENT : KG_ROLE_SERVER;
	enum kg_role other = settings & 1 ? KG_ROLE_SERVER : KG_ROLE_CLIENT;
	struct kg_streams_config config = { config_of(role, settings), settings & 1 };
	struct kg_session_config theirs = config_of(other, settings);

	run->client = role == KG_ROLE_CLIENT;
	run->fragment = (uint16_t)(settings >> 3);
	host_start(&run->host, &config);
	run->peer = test_host_session(&run->host.own, &theirs, peer_ops, run->host.now_us);
	if (!run->client)
		run->peer_channel =
			kg_session_open(run->peer, KG_PROTOCOL_MUX, NULL, run, run->host.now_us);
	pass(run, KG_US_PER_MS);
	pass(run, KG_US_PER_S);
	FUZZ_CHECK(run->host.streams->stats.muxes == 1 && run->peer_channel != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct run run = { .client = false };

	host_init(&run.host, data, len);
	start(&run, fuzz_take(&run.host.in, 1));
	while (run.host.in.len > 0) {
		step(&run);
		host_check(&run.host);
	}
	kg_streams_destroy(run.host.streams);
	kg_session_destroy(run.peer);
	host_fini(&run.host);
	return 0;
}
