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
#include <string.h>

#include "fuzz.h"
#include "mux/mux_int.h"

#define APPS_MAX 64
#define MTU      600
#define NOW_US   (1000ull * KG_US_PER_S)

struct app {
	struct kg_stream stream;
	bool there, closed;
};

struct run {
	struct fuzz_input in;
	uint64_t now_us;
	struct kg_mem mem;
	struct kg_buf_malloc_pool pool;
	struct kg_twheel *wheel;
	struct kg_rng rng;
	struct kg_seen *seen;
	struct kg_streams *ours;
	struct kg_session *peer;
	struct kg_channel *peer_channel;
	struct app apps[APPS_MAX];
	unsigned int app_count;
	uint16_t next_port, fragment;
	bool client;
};

/* ---- our host ---- */

static struct app *app_of(struct kg_stream *stream)
{
	struct app *app = KG_CONTAINER_OF(stream, struct app, stream);

	FUZZ_CHECK(app->there && !app->closed);
	return app;
}

static struct app *app_new(struct run *run)
{
	struct app *app = &run->apps[run->app_count];

	if (run->app_count == APPS_MAX)
		return NULL;
	run->app_count++;
	app->there = true;
	return app;
}

static uint16_t port_acquire(void *host, const struct kg_endpoint *remote, bool alone)
{
	return ((struct run *)host)->next_port++;
}

static void port_release(void *host, uint16_t port)
{
}

static struct kg_stream *accept_stream(void *host, enum kg_protocol protocol,
				       const struct kg_target *target)
{
	struct run *run = host;
	struct app *app = app_new(run);

	FUZZ_CHECK(protocol == KG_PROTOCOL_TCP || protocol == KG_PROTOCOL_UDP);
	FUZZ_CHECK((target != NULL) == run->ours->config.session.custom_targets);
	FUZZ_CHECK(target == NULL || strlen(target->address) > 0);
	return app != NULL ? &app->stream : NULL;
}

static void opened(void *host, struct kg_stream *stream)
{
	app_of(stream);
}

static void readable(void *host, struct kg_stream *stream)
{
	size_t bytes;

	FUZZ_CHECK(app_of(stream) != NULL);
	FUZZ_CHECK(kg_stream_peek(stream, &bytes, ((struct run *)host)->now_us));
}

static void acked(void *host, struct kg_stream *stream, uint32_t segments)
{
	FUZZ_CHECK(app_of(stream) != NULL && segments > 0);
}

static void finished(void *host, struct kg_stream *stream)
{
	app_of(stream);
}

static void closed(void *host, struct kg_stream *stream, enum kg_close why, const char *text)
{
	app_of(stream)->closed = true;
}

static void mux_closed(void *host, const struct kg_channel_info *info, enum kg_close why,
		       const char *text, uint32_t count)
{
}

static const struct kg_stream_ops ops = { port_acquire, port_release, accept_stream,
					  opened,       readable,     acked,
					  finished,     closed,       mux_closed };

/* ---- the peer's ---- */

static void peer_connect(void *host, struct kg_channel *ch, const struct kg_target *target)
{
	struct run *run = host;

	run->peer_channel = ch;
	kg_channel_connected(ch, run->now_us);
}

static void peer_note(void *host, struct kg_channel *ch)
{
}

static void peer_readable(void *host, struct kg_channel *ch)
{
	struct kg_buf *chain;

	while ((chain = kg_channel_recv(ch, ((struct run *)host)->now_us)) != NULL)
		kg_buf_free_chain(chain);
}

static void peer_acked(void *host, struct kg_channel *ch, uint32_t segments)
{
}

static void peer_closed(void *host, struct kg_channel *ch, enum kg_close why, const char *text)
{
	((struct run *)host)->peer_channel = NULL;
	kg_channel_free(ch);
}

static const struct kg_session_ops peer_ops = { port_acquire, port_release,  peer_connect,
						peer_note,    peer_readable, peer_acked,
						peer_note,    peer_closed };

/* ---- both ---- */

static bool carry(struct run *run, struct kg_session *from, struct kg_session *to)
{
	uint8_t bytes[MTU];
	struct kg_datagram out = { .data = bytes };
	bool any = false;

	while (kg_session_output(from, &out, run->now_us)) {
		struct kg_datagram in = { .local = out.remote,
					  .remote = { out.remote.ip, out.local.port },
					  .data = bytes,
					  .len = out.len,
					  .digest = kg_rng_next(&run->rng) };

		any = true;
		kg_session_input(to, &in, run->now_us);
	}
	return any;
}

static void exchange(struct run *run)
{
	struct kg_session *ours = kg_streams_session(run->ours);
	int turns = 0;

	while (carry(run, ours, run->peer) || carry(run, run->peer, ours))
		FUZZ_CHECK(++turns < 10000);
}

static void pass(struct run *run, uint64_t us)
{
	run->now_us += us;
	kg_twheel_advance(run->wheel, run->now_us);
	exchange(run);
}

/* ---- steps ---- */

static void send_message(struct run *run, const uint8_t *bytes, size_t len)
{
	uint16_t most = kg_session_rest_bytes(run->peer);
	uint16_t part = run->fragment > 0 ? run->fragment : most;
	struct kg_buf *chain = kg_buf_chain_copy(&run->pool.pool, bytes, len, part, part);

	FUZZ_CHECK(chain != NULL);
	if (run->peer_channel == NULL ||
	    !kg_channel_send_message(run->peer_channel, chain, run->now_us))
		kg_buf_free_chain(chain);
}

/* One of ours, or one of a few others. */
static uint32_t known_id(struct run *run)
{
	uint32_t nth = fuzz_take(&run->in, 1);
	const struct kg_mux *mux = TAILQ_FIRST(&run->ours->muxes);
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
	uint32_t kind = fuzz_take(&run->in, 1);
	struct kg_message message = {
		.feature = KG_FEATURE_MUX_TRANSFER + kind % 6,
		.protocol = kind & 0x40 ? KG_PROTOCOL_UDP : KG_PROTOCOL_TCP,
		.connection_id = known_id(run),
		.port = (uint16_t)kind,
		.credit_bytes = kind << (kind & 31),
		.data = text,
	};
	size_t len;

	message.len = fuzz_take_bytes(&run->in, text, fuzz_take(&run->in, 1));
	len = kg_message_encode(bytes, sizeof(bytes), &message);
	if (message.feature == KG_FEATURE_FINISH)
		return;
	for (uint32_t copies = kind & 0x80 ? 64 : 1; copies > 0; copies--)
		send_message(run, bytes, len);
}

static void send_payload(struct run *run, struct app *app)
{
	static const uint8_t zeros[1000];
	struct kg_buf *chain = kg_buf_chain_copy(
		&run->pool.pool, zeros, fuzz_take(&run->in, 2) % sizeof(zeros),
		kg_streams_first_bytes(run->ours), kg_streams_rest_bytes(run->ours));

	FUZZ_CHECK(chain != NULL);
	if (!kg_stream_send(&app->stream, chain, run->now_us))
		kg_buf_free_chain(chain);
}

static void let_go(struct app *app)
{
	if (!app->closed)
		return;
	app->there = false;
	kg_stream_free(&app->stream);
}

static void deed(struct run *run)
{
	uint32_t what = fuzz_take(&run->in, 1);
	struct app *app = run->app_count > 0 ? &run->apps[(what >> 3) % run->app_count] : NULL;

	if (what % 8 == 0 && run->client) {
		app = app_new(run);
		if (app != NULL)
			app->there = kg_streams_open(run->ours, &app->stream,
						     what & 8 ? KG_PROTOCOL_UDP : KG_PROTOCOL_TCP,
						     NULL, run->now_us);
		return;
	}
	if (app == NULL || !app->there)
		return;
	switch (what % 8) {
	case 1:
		kg_stream_connected(&app->stream, run->now_us);
		break;
	case 2:
		kg_stream_refused(&app->stream, "no", run->now_us);
		break;
	case 3:
		kg_stream_finish(&app->stream, run->now_us);
		break;
	case 4:
		kg_stream_abort(&app->stream, run->now_us);
		break;
	case 5:
		send_payload(run, app);
		break;
	case 6:
		kg_buf_free_chain(kg_stream_recv(&app->stream, run->now_us));
		break;
	default:
		let_go(app);
	}
}

static void step(struct run *run)
{
	uint8_t bytes[256];

	switch (fuzz_take(&run->in, 1) % 4) {
	case 0:
		send_message(run, bytes, fuzz_take_bytes(&run->in, bytes, fuzz_take(&run->in, 1)));
		break;
	case 1:
		send_known(run);
		break;
	case 2:
		deed(run);
		break;
	default:
		pass(run, (uint64_t)fuzz_take(&run->in, 1) * KG_US_PER_S / 8);
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
		.capabilities = settings & 2 ? KG_CAPABILITY_MUX : 0,
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
	run->now_us = NOW_US;
	run->next_port = 40000;
	kg_mem_malloc_init(&run->mem);
	kg_buf_malloc_pool_init(&run->pool, SIZE_MAX);
	kg_rng_init(&run->rng, settings);
	run->wheel = kg_twheel_create(&run->mem, run->now_us);
	run->ours = kg_streams_create(&config, &ops, run, &run->mem, &run->pool.pool, run->wheel,
				      &run->rng, NULL, run->now_us);
	run->peer = kg_session_create(&theirs, &peer_ops, run, &run->mem, &run->pool.pool,
				      run->wheel, &run->rng, NULL, run->now_us);
	if (!run->client)
		run->peer_channel =
			kg_session_open(run->peer, KG_PROTOCOL_MUX, NULL, run, run->now_us);
	pass(run, KG_US_PER_MS);
	pass(run, KG_US_PER_S);
	FUZZ_CHECK(run->ours->stats.muxes == 1 && run->peer_channel != NULL);
}

static void check(const struct run *run)
{
	unsigned int open = 0;

	for (unsigned int i = 0; i < run->app_count; i++)
		open += run->apps[i].there && !run->apps[i].closed;
	FUZZ_CHECK(kg_streams_count(run->ours) == open);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct run run = { .in = { data, len } };

	start(&run, fuzz_take(&run.in, 1));
	while (run.in.len > 0) {
		step(&run);
		check(&run);
	}
	kg_streams_destroy(run.ours);
	kg_session_destroy(run.peer);
	kg_twheel_destroy(run.wheel);
	FUZZ_CHECK(run.mem.in_use_bytes == 0 && run.pool.in_use == 0);
	return 0;
}
