/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Applications at both ends of a flow. Each direction of a flow has a sequence of bytes that is its
 * own; TCP may cut it anywhere, a UDP datagram begins with its number and goes on with its bytes.
 */
#include <string.h>

#include "base/bytes.h"
#include "sim.h"

#define UDP_HEADER_BYTES 4
#define UDP_MAX_BYTES    3000
#define WRITE_MAX_BYTES  65536
#define NO_BUFFER_US     5000 /* until a payload thread tries again, or thereabouts */

static uint32_t below(struct app *app, uint32_t bound)
{
	return kg_rng_below(&app->sim->rng, bound);
}

static struct app *other(const struct app *app)
{
	return app->is_client ? &app->flow->server : &app->flow->client;
}

const struct app *app_other(const struct app *app)
{
	return other(app);
}

static uint32_t shared_capabilities(const struct sim *sim)
{
	return sim->client.config.capabilities & sim->server.config.capabilities;
}

bool sim_grants_credit(const struct sim *sim)
{
	return (shared_capabilities(sim) & KG_CAPABILITY_MUX) != 0;
}

static bool half_closes(const struct app *app)
{
	const struct sim *sim = app->sim;

	uint32_t with = sim->mux_channels > 0 ? KG_CAPABILITY_MUX : KG_CAPABILITY_HALF_CLOSE;

	return app->flow->protocol == KG_PROTOCOL_TCP && (shared_capabilities(sim) & with) != 0;
}

/* ---- what is said ---- */

/* The byte at an offset of what the client, or the server, says. */
static uint8_t byte_at(const struct flow *flow, bool by_client, uint64_t at)
{
	uint64_t mixed = (at >> 3) * 0x9e3779b97f4a7c15u + flow->number * 2u + by_client;

	mixed = (mixed ^ (mixed >> 29)) * 0xbf58476d1ce4e5b9u;
	return (uint8_t)(mixed >> (8 * (at & 7)));
}

/* The end of a first long datagram must not look like a short one (docs/decisions/0049). */
static uint8_t unlike_kind(const struct app *app, uint8_t byte)
{
	uint8_t kind = kg_message_kind(KG_FEATURE_RAW_DATA, KG_PROTOCOL_UDP);

	return app->sim->arrival && byte == kind ? 0 : byte;
}

static void fill(const struct app *app, uint8_t *to, uint64_t at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = unlike_kind(app, byte_at(app->flow, app->is_client, at + i));
}

static bool matches(const struct app *reader, const uint8_t *bytes, uint64_t at, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] !=
		    unlike_kind(reader, byte_at(reader->flow, !reader->is_client, at + i)))
			return false;
	}
	return true;
}

static bool send_message(struct app *app, const uint8_t *bytes, size_t len)
{
	const struct kg_streams *s = app->side->streams[0];
	struct kg_buf *chain = kg_buf_chain_copy_for(&app->side->host.pool.pool, bytes, len,
						     kg_streams_first_bytes(s),
						     kg_streams_rest_bytes(s), KG_BUF_FIRST);

	app->no_buffer = chain == NULL;
	if (chain != NULL && kg_stream_send(&app->stream, chain, app->sim->now_us))
		return true;
	kg_buf_free_chain(chain);
	return false;
}

/* As much as fits the room, or a datagram; false when nothing more can be written now. */
static bool write_some(struct app *app)
{
	static uint8_t bytes[WRITE_MAX_BYTES];
	bool udp = app->flow->protocol == KG_PROTOCOL_UDP;
	uint32_t room = kg_stream_room(&app->stream);
	size_t mss = kg_streams_first_bytes(app->side->streams[0]);
	size_t most =
		KG_MIN(app->write_max_bytes, (uint32_t)(udp ? UDP_MAX_BYTES : WRITE_MAX_BYTES));
	size_t len;

	most = KG_MIN(most, KG_MIN(room, 100u) * mss);
	if (app->sent_bytes >= app->plan_bytes || most == 0)
		return false;
	len = 1 + below(app, (uint32_t)most);
	len = KG_MIN(len, app->plan_bytes - app->sent_bytes);
	if (udp) {
		kg_store_be32(bytes, app->sent_messages);
		fill(app, bytes + UDP_HEADER_BYTES, app->sent_messages, len - 1);
		if (!send_message(app, bytes, UDP_HEADER_BYTES + len - 1))
			return false;
	} else {
		fill(app, bytes, app->sent_bytes, len);
		if (!send_message(app, bytes, len))
			return false;
	}
	if (other(app)->got_bytes == app->sent_bytes)
		other(app)->lacks_us = app->sim->now_us;
	app->sent_bytes += len;
	app->sent_messages++;
	return true;
}

/* ---- what is heard ---- */

/* A mux channel drops datagrams that find no place, on either side, and so does who has a deadline
 * those that are too old: then some before this one. */
static uint32_t skipped(const struct app *app, uint32_t number)
{
	uint32_t skipped = number - app->got_messages;

	sim_check(app->sim, number >= app->got_messages);
	sim_check(app->sim,
		  skipped == 0 || app->sim->mux_channels > 0 || app->sim->deadline_ms > 0);
	return skipped;
}

/* Each one comes once. */
static void note_number(struct app *app, uint32_t number)
{
	uint8_t bit = (uint8_t)(1u << number % 8);

	if (!app->sim->arrival) {
		app->got_messages += skipped(app, number);
		return;
	}
	sim_check(app->sim, number < other(app)->sent_messages && number < SIM_DATAGRAMS_MAX);
	sim_check(app->sim, (app->got[number / 8] & bit) == 0);
	app->got[number / 8] |= bit;
	app->sim->overtook += number > app->got_messages;
}

static void hear(struct app *app, struct kg_buf *chain)
{
	static uint8_t bytes[KG_KCP_FRAGMENTS_MAX * 2048];
	size_t len = kg_buf_chain_gather(chain, bytes);
	uint32_t number = kg_load_be32(bytes);

	kg_buf_free_chain(chain);
	if (app->flow->protocol == KG_PROTOCOL_UDP) {
		sim_check(app->sim, len >= UDP_HEADER_BYTES);
		note_number(app, number);
		len -= UDP_HEADER_BYTES;
		sim_check(app->sim, matches(app, bytes + UDP_HEADER_BYTES, number, len));
		app->got_bytes += len + 1;
	} else {
		sim_check(app->sim, matches(app, bytes, app->got_bytes, len));
		app->got_bytes += len;
	}
	app->got_messages++;
	app->lacks_us = app->sim->now_us;
	sim_check(app->sim, app->got_bytes <= other(app)->sent_bytes);
}

/* False when nothing more was there. */
static bool read_some(struct app *app, uint32_t messages)
{
	while (messages-- > 0) {
		struct kg_buf *chain = NULL;

		if (app->there)
			chain = kg_stream_recv(&app->stream, app->sim->now_us);
		if (chain == NULL)
			return false;
		hear(app, chain);
	}
	return true;
}

/* ---- what is done ---- */

static void open_channel(struct app *app)
{
	struct sim *sim = app->sim;

	app->began = true;
	sim->opening = app->flow;
	app->there = true;
	sim_check(sim,
		  kg_streams_open(app->side->streams[0], &app->stream, app->flow->protocol,
				  sim->mux_channels > 0 ? &app->flow->target : NULL, sim->now_us));
	sim->opening = NULL;
}

static void answer(struct app *app)
{
	app->began = true;
	if (app->flow->refused)
		kg_stream_refused(&app->stream, "refused by the simulation", app->sim->now_us);
	else
		kg_stream_connected(&app->stream, app->sim->now_us);
}

static bool wants_to_finish(const struct app *app)
{
	bool said_all = app->sent_bytes == app->plan_bytes;
	bool heard_all = app->got_bytes == other(app)->plan_bytes;

	if (app->finished || !said_all)
		return false;
	if (app->peer_finished)
		return true;
	return app->ends && (app->flow->ending == END_EARLY || app->flow->ending == END_BOTH ||
			     (app->flow->ending == END_ORDERLY && heard_all));
}

static bool wants_to_abort(const struct app *app)
{
	return app->ends && app->flow->ending == END_ABORT && !app->aborted;
}

static bool wants_to_write(const struct app *app)
{
	return !app->finished && app->sent_bytes < app->plan_bytes;
}

static void act(struct app *app)
{
	if (app->slow && app->readable && app->sim->now_us >= app->stands_until_us)
		app->readable = read_some(app, 1 + below(app, 8));
	for (int i = 0; i < 50 && app->there && wants_to_write(app); i++) {
		if (!write_some(app))
			break;
	}
	if (app->there && wants_to_finish(app)) {
		app->finished = true;
		kg_stream_finish(&app->stream, app->sim->now_us);
	}
	if (app->there && wants_to_abort(app) && app->sim->now_us >= app->abort_at_us) {
		app->aborted = true;
		kg_stream_abort(&app->stream, app->sim->now_us);
	}
}

/* When there is something to do by itself; the session's calls wake it for the rest. */
static uint64_t wakes_us(struct app *app)
{
	uint64_t soon_us = app->sim->now_us + 1 + below(app, app->pause_max_us);

	if (app->closed || !app->there)
		return KG_NEVER_US;
	if (app->no_buffer)
		soon_us += NO_BUFFER_US;
	if (wants_to_write(app) && kg_stream_room(&app->stream) > 0)
		return soon_us;
	if (app->slow && app->readable)
		return KG_MAX(soon_us, app->stands_until_us);
	return wants_to_abort(app) ? KG_MAX(soon_us, app->abort_at_us) : KG_NEVER_US;
}

void app_step(struct app *app)
{
	if (app->next_us > app->sim->now_us)
		return;
	if (!app->began && app->is_client)
		open_channel(app);
	else if (!app->began && app->there)
		answer(app);
	if (app->there && app->began)
		act(app);
	app->next_us = wakes_us(app);
}

/* ---- what the session asks and tells ---- */

static uint16_t port_acquire(void *host, const struct kg_endpoint *remote, bool alone)
{
	struct sim *sim = ((struct side *)host)->sim;
	uint16_t port;

	/* The next free one, round and round. */
	do {
		port = sim->port_next;
		sim->port_next = port == UINT16_MAX ? SIM_PORT_FIRST : (uint16_t)(port + 1);
	} while (sim->flow_of_port[port] != SIM_NO_FLOW);
	sim->flow_of_port[port] = SIM_CHANNEL;
	if (sim->opening != NULL)
		sim->flow_of_port[port] = (int8_t)sim->opening->number;
	return port;
}

static void port_release(void *host, uint16_t port)
{
	struct sim *sim = ((struct side *)host)->sim;

	sim_check(sim, sim->flow_of_port[port] != SIM_NO_FLOW);
	sim->flow_of_port[port] = SIM_NO_FLOW;
}

static void port_share(void *host, uint16_t port)
{
	struct sim *sim = ((struct side *)host)->sim;

	sim_check(sim, sim->flow_of_port[port] == SIM_CHANNEL);
}

/* On mux channels the target's port is the flow's number. */
static struct kg_stream *accept_stream(void *host, enum kg_protocol protocol,
				       const struct kg_target *target)
{
	struct side *side = host;
	int number = target != NULL ? target->port - 1 : side->sim->flow_of_port[side->input_port];
	struct app *app;

	/* A handshake is served once and only while its client cares. */
	sim_check(side->sim, number >= 0);
	app = &side->sim->flows[number].server;
	sim_check(side->sim, !app->there && !app->began && !app->closed);
	sim_check(side->sim, app->flow->protocol == protocol);
	app->there = true;
	app->next_us = side->sim->now_us + app->flow->connect_us;
	return &app->stream;
}

static struct app *app_of(struct kg_stream *stream)
{
	return KG_CONTAINER_OF(stream, struct app, stream);
}

static void opened(void *host, struct kg_stream *stream)
{
	struct app *app = app_of(stream);

	sim_check(app->sim, !app->closed && !app->opened);
	app->opened = true;
	app->next_us = app->sim->now_us;
}

static void readable(void *host, struct kg_stream *stream)
{
	struct app *app = app_of(stream);

	sim_check(app->sim, !app->closed && !app->readable);
	if (app->slow)
		app->readable = true;
	else
		read_some(app, UINT32_MAX);
	app->next_us = KG_MIN(app->next_us, wakes_us(app));
	if (app->there && wants_to_finish(app))
		app->next_us = app->sim->now_us;
}

static void acked(void *host, struct kg_stream *stream, uint32_t segments)
{
	struct app *app = app_of(stream);

	sim_check(app->sim, !app->closed);
	app->next_us = KG_MIN(app->next_us, wakes_us(app));
}

/* All that the other has said was heard before. */
static void finished(void *host, struct kg_stream *stream)
{
	struct app *app = app_of(stream);

	sim_check(app->sim, half_closes(app) && !app->closed && !app->peer_finished);
	sim_check(app->sim, other(app)->finished && app->got_bytes == other(app)->sent_bytes);
	app->peer_finished = true;
	app->next_us = app->sim->now_us;
}

static void closed(void *host, struct kg_stream *stream, enum kg_close why, const char *text)
{
	struct app *app = app_of(stream);

	sim_check(app->sim, !app->closed && app->there);
	app->closed = true;
	app->why = why;
	if (why != KG_CLOSE_PEER && why != KG_CLOSE_ABORTED)
		read_some(app, UINT32_MAX);
	app->there = false;
	kg_stream_free(stream);
}

static void mux_closed(void *host, const struct kg_channel_info *info, enum kg_close why,
		       const char *text, uint32_t count)
{
	struct side *side = host;

	/* One whose client has changed its address in the middle of the handshake serves nobody. */
	sim_check(side->sim, side->sim->dies || side->sim->over || count == 0);
}

const struct kg_stream_ops sim_ops = {
	.port_acquire = port_acquire,
	.port_release = port_release,
	.port_share = port_share,
	.accept = accept_stream,
	.opened = opened,
	.readable = readable,
	.acked = acked,
	.finished = finished,
	.closed = closed,
	.mux_closed = mux_closed,
};

/* ---- what must hold ---- */

bool flow_is_over(const struct flow *flow)
{
	bool server_was = flow->server.began || flow->server.there;

	return flow->client.closed && (!server_was || flow->server.closed);
}

/* Datagrams of the wire that did not arrive, or were refused. */
static uint64_t missing(const struct kg_sim_link *link)
{
	return link->lost + link->corrupted;
}

/* Datagrams that were too old. */
static uint64_t left_out(const struct side *side)
{
	struct kg_session_stats stats;
	uint64_t count = 0;

	for (uint16_t i = 0; i < side->workers; i++) {
		kg_session_get_stats(kg_streams_session(side->streams[i]), &stats);
		count += stats.datagrams_stale + stats.datagrams_blanked;
	}
	return count;
}

/* Datagrams that found no place; or that may have waited for longer than their flow lived, which on
 * a mux channel a segment that is lost again and again does, and without credit a slow reader. */
static bool may_lack_datagrams(const struct side *side)
{
	const struct sim *sim = side->sim;
	struct kg_streams_stats stats;
	uint64_t dropped = 0;

	for (uint16_t i = 0; i < side->workers; i++) {
		kg_streams_get_stats(side->streams[i], &stats);
		dropped += stats.datagrams_dropped;
	}
	return dropped > 0 || (sim->mux_channels > 0 &&
			       (!sim_grants_credit(sim) || missing(&sim->client.link) > 0 ||
				missing(&sim->server.link) > 0));
}

static void check_heard_all(const struct app *app)
{
	if (app->flow->protocol == KG_PROTOCOL_UDP &&
	    (may_lack_datagrams(app->side) || left_out(other(app)->side) > 0))
		return;
	sim_check(app->sim, app->got_bytes == other(app)->sent_bytes);
	sim_check(app->sim, app->got_messages > 0 || other(app)->sent_messages == 0);
}

/* Each side had its own end. */
static void check_half_closed(const struct app *app)
{
	sim_check(app->sim, app->why == KG_CLOSE_FINISHED || app->why == KG_CLOSE_ABORTED);
	sim_check(app->sim, app->finished && app->sent_bytes == app->plan_bytes);
	check_heard_all(app);
}

/* `app` finished, and not because the other did. */
static void check_finished(const struct app *app)
{
	sim_check(app->sim, app->sent_bytes == app->plan_bytes);
	if (other(app)->finished)
		return;
	check_heard_all(other(app));
	sim_check(app->sim, other(app)->why == KG_CLOSE_PEER);
}

/* Who is idle first tells the other of it on a mux channel. On one of its own the other, whose
 * application took the last word a moment later, may ask in that moment, and hears that nobody
 * knows the channel any more. Nor does a server know one of which all was too old to be sent. */
static bool is_idle_end(const struct app *app)
{
	if (app->why == KG_CLOSE_UNHEARD)
		return app->got_messages == 0 && left_out(other(app)->side) > 0;
	if (app->why == KG_CLOSE_PEER)
		return app->sim->mux_channels > 0;
	if (app->why == KG_CLOSE_FORGOTTEN)
		return other(app)->why == KG_CLOSE_IDLE;
	return app->why == KG_CLOSE_IDLE;
}

static void check_app(const struct app *app)
{
	if (app->flow->ending == END_IDLE) {
		sim_check(app->sim, is_idle_end(app));
		sim_check(app->sim,
			  app->why == KG_CLOSE_UNHEARD || app->sent_bytes == app->plan_bytes);
		check_heard_all(app);
		return;
	}
	if (half_closes(app)) {
		check_half_closed(app);
		return;
	}
	/* Where much is lost the last acknowledgement may fail to come; data may not. */
	if (app->finished && app->why != KG_CLOSE_PEER) {
		sim_check(app->sim, app->why == KG_CLOSE_FINISHED || app->why == KG_CLOSE_ABORTED);
		check_finished(app);
	} else {
		sim_check(app->sim, app->why == KG_CLOSE_PEER);
	}
	if (app->flow->ending == END_ORDERLY) {
		sim_check(app->sim, app->sent_bytes == app->plan_bytes);
		check_heard_all(app);
	}
}

/* A mux channel brings no words; and who has ended by then, towards an original, hears nothing. */
static void check_refused(const struct flow *flow)
{
	const struct sim *sim = flow->client.sim;
	enum kg_close theirs = half_closes(&flow->client) ? KG_CLOSE_RESET : KG_CLOSE_PEER;

	if (sim->mux_channels == 0)
		theirs = KG_CLOSE_REFUSED;
	else if (flow->client.why == KG_CLOSE_FINISHED && !half_closes(&flow->client))
		return;
	sim_check(sim, flow->client.why == theirs);
	sim_check(sim, flow->server.why == KG_CLOSE_REFUSED);
}

/* Of a mux channel: its reader stood still, or was not there yet, while others waited for buffers
 * or, without credit, for the channel, and both know. */
static bool gave_way(const struct app *app)
{
	if (app->why != KG_CLOSE_GAVE_WAY)
		return false;
	sim_check(app->sim, app->sim->mux_channels > 0 && (app->slow || !app->began));
	sim_check(app->sim, app->sim->scarce || !sim_grants_credit(app->sim) ||
				    app->side->host.pool.pool.fair_share <= KG_BUF_FLOOR);
	sim_check(app->sim, other(app)->closed);
	return true;
}

void flow_check(const struct flow *flow)
{
	const struct sim *sim = flow->client.sim;

	if (sim->dies || gave_way(&flow->client) || gave_way(&flow->server))
		return;
	if (flow->ending == END_ABORT) {
		sim_check(sim, !flow->server.began || flow->server.closed);
	} else if (flow->refused) {
		check_refused(flow);
	} else {
		check_app(&flow->client);
		check_app(&flow->server);
	}
}
