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

static uint32_t below(struct app *app, uint32_t bound)
{
	return kg_rng_below(&app->sim->rng, bound);
}

static struct app *other(const struct app *app)
{
	return app->is_client ? &app->flow->server : &app->flow->client;
}

static bool half_closes(const struct app *app)
{
	const struct sim *sim = app->sim;

	return app->flow->protocol == KG_PROTOCOL_TCP &&
	       (sim->client.config.capabilities & sim->server.config.capabilities &
		KG_CAPABILITY_HALF_CLOSE) != 0;
}

/* ---- what is said ---- */

/* The byte at an offset of what the client, or the server, says. */
static uint8_t byte_at(const struct flow *flow, bool by_client, uint64_t at)
{
	uint64_t mixed = (at >> 3) * 0x9e3779b97f4a7c15u + flow->number * 2u + by_client;

	mixed = (mixed ^ (mixed >> 29)) * 0xbf58476d1ce4e5b9u;
	return (uint8_t)(mixed >> (8 * (at & 7)));
}

static void fill(const struct app *app, uint8_t *to, uint64_t at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = byte_at(app->flow, app->is_client, at + i);
}

static bool matches(const struct app *reader, const uint8_t *bytes, uint64_t at, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] != byte_at(reader->flow, !reader->is_client, at + i))
			return false;
	}
	return true;
}

static bool send_message(struct app *app, const uint8_t *bytes, size_t len)
{
	struct kg_session *s = kg_channel_session(app->ch);
	struct kg_buf *chain =
		kg_buf_chain_copy(&app->side->pool.pool, bytes, len, kg_session_first_bytes(s),
				  kg_session_rest_bytes(s));

	if (chain != NULL && kg_channel_send(app->ch, chain, app->sim->now_us))
		return true;
	kg_buf_free_chain(chain);
	return false;
}

/* As much as fits the room, or a datagram; false when nothing more can be written now. */
static bool write_some(struct app *app)
{
	static uint8_t bytes[WRITE_MAX_BYTES];
	bool udp = app->flow->protocol == KG_PROTOCOL_UDP;
	uint32_t room = kg_channel_room(app->ch);
	size_t mss = kg_session_first_bytes(kg_channel_session(app->ch));
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
	app->sent_bytes += len;
	app->sent_messages++;
	return true;
}

/* ---- what is heard ---- */

static void hear(struct app *app, struct kg_buf *chain)
{
	static uint8_t bytes[KG_KCP_FRAGMENTS_MAX * 2048];
	size_t len = kg_buf_chain_gather(chain, bytes);

	kg_buf_free_chain(chain);
	if (app->flow->protocol == KG_PROTOCOL_UDP) {
		sim_check(app->sim, len >= UDP_HEADER_BYTES);
		sim_check(app->sim, kg_load_be32(bytes) == app->got_messages);
		len -= UDP_HEADER_BYTES;
		sim_check(app->sim, matches(app, bytes + UDP_HEADER_BYTES, app->got_messages, len));
		app->got_bytes += len + 1;
	} else {
		sim_check(app->sim, matches(app, bytes, app->got_bytes, len));
		app->got_bytes += len;
	}
	app->got_messages++;
	sim_check(app->sim, app->got_bytes <= other(app)->sent_bytes);
}

/* False when nothing more was there. */
static bool read_some(struct app *app, uint32_t messages)
{
	while (messages-- > 0) {
		struct kg_buf *chain = NULL;

		if (app->ch != NULL)
			chain = kg_channel_recv(app->ch, app->sim->now_us);
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
	app->ch = kg_session_open(app->side->sessions[0], app->flow->protocol, NULL, app,
				  sim->now_us);
	sim->opening = NULL;
	sim_check(sim, app->ch != NULL);
}

static void answer(struct app *app)
{
	app->began = true;
	if (app->flow->refused)
		kg_channel_refused(app->ch, "refused by the simulation", app->sim->now_us);
	else
		kg_channel_connected(app->ch, app->sim->now_us);
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
	if (app->slow && app->readable)
		app->readable = read_some(app, 1 + below(app, 8));
	for (int i = 0; i < 50 && app->ch != NULL && wants_to_write(app); i++) {
		if (!write_some(app))
			break;
	}
	if (app->ch != NULL && wants_to_finish(app)) {
		app->finished = true;
		kg_channel_finish(app->ch, app->sim->now_us);
	}
	if (app->ch != NULL && wants_to_abort(app) && app->sim->now_us >= app->abort_at_us) {
		app->aborted = true;
		kg_channel_abort(app->ch, app->sim->now_us);
	}
}

/* When there is something to do by itself; the session's calls wake it for the rest. */
static uint64_t wakes_us(struct app *app)
{
	uint64_t soon_us = app->sim->now_us + 1 + below(app, app->pause_max_us);

	if (app->closed || app->ch == NULL)
		return KG_NEVER_US;
	if ((app->slow && app->readable) || (wants_to_write(app) && kg_channel_room(app->ch) > 0))
		return soon_us;
	return wants_to_abort(app) ? KG_MAX(soon_us, app->abort_at_us) : KG_NEVER_US;
}

void app_step(struct app *app)
{
	if (app->next_us > app->sim->now_us)
		return;
	if (!app->began && app->is_client)
		open_channel(app);
	else if (!app->began && app->ch != NULL)
		answer(app);
	if (app->ch != NULL && app->began)
		act(app);
	app->next_us = wakes_us(app);
}

/* ---- what the session asks and tells ---- */

static uint16_t port_acquire(void *host, const struct kg_endpoint *remote, bool alone)
{
	struct sim *sim = ((struct side *)host)->sim;
	uint16_t port = sim->port_next++;

	sim_check(sim, port >= 10000);
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

static void connect_destination(void *host, struct kg_channel *ch, const struct kg_target *target)
{
	struct side *side = host;
	int8_t number = side->sim->flow_of_port[side->input_port];
	struct app *app;

	/* A handshake is served once and only while its client cares. */
	sim_check(side->sim, number >= 0);
	app = &side->sim->flows[number].server;
	sim_check(side->sim, app->ch == NULL && !app->began && !app->closed);
	app->ch = ch;
	kg_channel_set_user(ch, app);
	app->next_us = side->sim->now_us + app->flow->connect_us;
	app_step(app);
}

static void opened(void *host, struct kg_channel *ch)
{
	struct app *app = kg_channel_user(ch);

	sim_check(app->sim, !app->closed && !app->opened);
	app->opened = true;
	app->next_us = app->sim->now_us;
}

static void readable(void *host, struct kg_channel *ch)
{
	struct app *app = kg_channel_user(ch);

	sim_check(app->sim, !app->closed && !app->readable);
	if (app->slow)
		app->readable = true;
	else
		read_some(app, UINT32_MAX);
	app->next_us = KG_MIN(app->next_us, wakes_us(app));
	if (app->ch != NULL && wants_to_finish(app))
		app->next_us = app->sim->now_us;
}

static void acked(void *host, struct kg_channel *ch, uint32_t segments)
{
	struct app *app = kg_channel_user(ch);

	sim_check(app->sim, !app->closed && segments > 0);
	app->next_us = KG_MIN(app->next_us, wakes_us(app));
}

/* All that the other has said was heard before. */
static void finished(void *host, struct kg_channel *ch)
{
	struct app *app = kg_channel_user(ch);

	sim_check(app->sim, half_closes(app) && !app->closed && !app->peer_finished);
	sim_check(app->sim, other(app)->finished && app->got_bytes == other(app)->sent_bytes);
	app->peer_finished = true;
	app->next_us = app->sim->now_us;
}

static void closed(void *host, struct kg_channel *ch, enum kg_close why, const char *text)
{
	struct app *app = kg_channel_user(ch);

	sim_check(app->sim, !app->closed);
	sim_check(app->sim, app->ch == ch);
	app->closed = true;
	app->why = why;
	if (why != KG_CLOSE_PEER && why != KG_CLOSE_ABORTED)
		read_some(app, UINT32_MAX);
	app->ch = NULL;
	kg_channel_free(ch);
}

const struct kg_session_ops sim_ops = {
	.port_acquire = port_acquire,
	.port_release = port_release,
	.connect = connect_destination,
	.opened = opened,
	.readable = readable,
	.acked = acked,
	.finished = finished,
	.closed = closed,
};

/* ---- what must hold ---- */

bool flow_is_over(const struct flow *flow)
{
	bool server_was = flow->server.began || flow->server.ch != NULL;

	return flow->client.closed && (!server_was || flow->server.closed);
}

static void check_heard_all(const struct app *app)
{
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

static void check_app(const struct app *app)
{
	if (app->flow->ending == END_IDLE) {
		sim_check(app->sim, app->why == KG_CLOSE_IDLE);
		sim_check(app->sim, app->sent_bytes == app->plan_bytes);
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

void flow_check(const struct flow *flow)
{
	const struct sim *sim = flow->client.sim;

	if (sim->dies)
		return;
	if (flow->ending == END_ABORT) {
		sim_check(sim, !flow->server.began || flow->server.closed);
	} else if (flow->refused) {
		sim_check(sim, flow->client.why == KG_CLOSE_REFUSED);
		sim_check(sim, flow->server.why == KG_CLOSE_REFUSED);
	} else {
		check_app(&flow->client);
		check_app(&flow->server);
	}
}
