/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Plays the payload threads of both boxes and the applications behind them. Every flow is a stream
 * of bytes each way that both ends know beforehand; the client's begins with the flow's number. A
 * datagram says whose it is, when it was said and where in the stream it belongs, for on a mux
 * channel some may be missing, of those with a deadline others than these are too old, and UDP
 * Hop's wire does not put them in order.
 */
#include "boxes/boxes.h"

#define BURST 64

#define NUMBER_BYTES 4
#define HEAD_BYTES   BOXES_LEAST_BYTES /* of a datagram: flow and time, offset */
/* The time, in milliseconds since the start, is above the flow's number. */
#define FLOW_BITS 8u
_Static_assert(BOXES_FLOWS_MAX < 1u << FLOW_BITS, "a flow's number");

/* Byte `offset` of what `side` says. */
static uint8_t byte_at(const struct flow *flow, int side, uint64_t offset)
{
	if (side == CLIENT && offset < NUMBER_BYTES)
		return (uint8_t)(flow->number >> 8 * offset);
	return (uint8_t)(flow->number * 31u + (unsigned int)side * 17u + offset * 7u +
			 (offset >> 8));
}

static void put(uint8_t *to, uint64_t number)
{
	for (int i = 0; i < NUMBER_BYTES; i++)
		to[i] = (uint8_t)(number >> 8 * i);
}

static uint32_t get(const uint8_t *from)
{
	uint32_t number = 0;

	for (int i = 0; i < NUMBER_BYTES; i++)
		number |= (uint32_t)from[i] << 8 * i;
	return number;
}

static uint32_t flow_of(const uint8_t *from)
{
	return get(from) & ((1u << FLOW_BITS) - 1);
}

/* A millisecond is not said. */
static uint64_t said_us(const struct boxes *boxes, const uint8_t *from)
{
	return boxes->started_us + (uint64_t)(get(from) >> FLOW_BITS) * KG_US_PER_MS;
}

static uint64_t number_now(const struct app *app)
{
	uint64_t now_ms = (app->boxes->now_us - app->boxes->started_us) / KG_US_PER_MS;

	return now_ms << FLOW_BITS | app->flow->number;
}

static struct kg_worker *worker_of(const struct app *app)
{
	return app->boxes->two.boxes[app->side].workers[app->worker];
}

static void tell(struct app *app, enum kg_msg_type type, uint32_t count, struct kg_buf *buf)
{
	struct kg_msg msg = {
		.type = (uint8_t)type,
		.protocol = app->flow != NULL ? app->flow->protocol : 0,
		.tunnel = app->flow != NULL && app->side == CLIENT ? app->flow->tunnel : 0,
		.count = count,
		.flow = app,
		.conn = type == KG_MSG_OPEN ? NULL : app->conn,
		.buf = buf,
	};

	boxes_check(app->boxes, rte_ring_sp_enqueue_elem(worker_of(app)->links[0].rings->to_worker,
							 &msg, sizeof(msg)) == 0);
}

/* ---- stalls ---- */

/* What it has sent and has not arrived waits from now on, unless some did before. */
static void begin_to_wait(struct app *app)
{
	if (app->waits_since_us == 0)
		app->waits_since_us = app->boxes->now_us;
}

static struct app *other_end(const struct app *app)
{
	return app->side == CLIENT ? app->flow->server : &app->flow->client;
}

/* Something of what the other end has sent is there. */
static void end_wait(const struct app *app)
{
	struct app *from = other_end(app);

	if (from == NULL || from->waits_since_us == 0)
		return;
	from->stall_us = KG_MAX(from->stall_us, app->boxes->now_us - from->waits_since_us);
	from->waits_since_us = app->got_bytes < from->sent_bytes ? app->boxes->now_us : 0;
}

/* ---- writing ---- */

/* Bytes of the next message: enough for a head, and nothing is left that is less than one. */
static uint16_t next_bytes(const struct app *app)
{
	uint64_t most = kg_streams_first_bytes(two_boxes_side(worker_of(app))->streams);
	uint64_t bytes = HEAD_BYTES + kg_rng_below(&app->boxes->rng, app->flow->write_max_bytes);
	uint64_t left = app->plan_bytes - app->sent_bytes;

	bytes = KG_MIN(bytes, most - HEAD_BYTES);
	return (uint16_t)(left < bytes + HEAD_BYTES ? left : bytes);
}

/* A message of one buffer; false: none now. */
static bool write_some(struct app *app)
{
	uint16_t bytes = next_bytes(app);
	struct kg_buf *buf = kg_buf_alloc(kg_buf_mempool_pool(worker_of(app)->box->bufs), bytes);

	if (buf == NULL)
		return false;
	buf->len = bytes;
	for (uint64_t i = 0; i < bytes; i++)
		buf->data[i] = byte_at(app->flow, app->side, app->sent_bytes + i);
	if (app->flow->protocol == KG_PROTOCOL_UDP) {
		put(buf->data, number_now(app));
		put(buf->data + NUMBER_BYTES, app->sent_bytes);
		app->sent_datagrams++;
	}
	app->sent_bytes += bytes;
	begin_to_wait(app);
	app->credit--;
	tell(app, KG_MSG_DATA, 1, buf);
	return true;
}

static bool may_write(const struct app *app)
{
	return app->there && !app->closed && app->flow != NULL && app->credit > 0 &&
	       app->sent_bytes < app->plan_bytes;
}

static void finish(struct app *app)
{
	app->finished = true;
	tell(app, KG_MSG_FINISH, 0, NULL);
}

static bool act(struct app *app)
{
	struct boxes *boxes = app->boxes;
	bool any = false;

	while (boxes->now_us >= app->next_us && may_write(app) && write_some(app)) {
		app->next_us = boxes->now_us + kg_rng_below(&boxes->rng, app->flow->pause_max_us);
		any = true;
	}
	/* Datagrams have no end: their channels rest until they are given up. */
	if (app->there && !app->closed && !app->finished && app->flow != NULL &&
	    app->sent_bytes == app->plan_bytes && app->flow->protocol == KG_PROTOCOL_TCP) {
		finish(app);
		any = true;
	}
	return any;
}

/* ---- what the worker says ---- */

/* Of a server's end: whose it is. */
static void recognize(struct app *app, uint32_t number)
{
	struct boxes *boxes = app->boxes;

	boxes_check(boxes, number < boxes->scenario.flow_count);
	app->flow = &boxes->flows[number];
	app->plan_bytes = app->flow->plan_bytes[SERVER];
	boxes_check(boxes, app->flow->server == NULL);
	app->flow->server = app;
}

/* Where a datagram continues the stream; what it leaves out is missing, or has its own time. */
static void go_to(struct app *app, const struct kg_buf *buf)
{
	const struct boxes *boxes = app->boxes;
	bool any_order = boxes->scenario.params.udphop || boxes->scenario.arrival;
	uint32_t offset = get(buf->data + NUMBER_BYTES);

	boxes_check(boxes, buf->len >= HEAD_BYTES && flow_of(buf->data) == app->flow->number);
	boxes_check(boxes, offset >= app->got_bytes || any_order);
	if (offset > app->got_bytes)
		app->missing_bytes += offset - app->got_bytes;
	app->got_bytes = offset;
	app->got_datagrams++;
	app->oldest_us = KG_MAX(app->oldest_us, boxes->now_us - said_us(boxes, buf->data));
}

/* As a payload thread does whose sockets take all at once. */
static void on_taken(struct app *app, uint32_t segments)
{
	bool udp = app->flow->protocol == KG_PROTOCOL_UDP;

	app->owed += segments;
	if (app->owed < (udp ? KG_FLOW_TX_SEGMENTS : KG_FLOW_TX_FLOOR) / 2)
		return;
	tell(app, KG_MSG_CREDIT, app->owed, NULL);
	app->owed = 0;
}

static void on_data(struct app *app, const struct kg_msg *msg)
{
	for (const struct kg_buf *buf = msg->buf; buf != NULL; buf = buf->next) {
		uint16_t from = 0;

		if (app->flow == NULL)
			recognize(app, flow_of(buf->data));
		/* A datagram of several buffers has one head. */
		if (app->flow->protocol == KG_PROTOCOL_UDP && buf == msg->buf) {
			go_to(app, buf);
			from = HEAD_BYTES;
		}
		for (uint16_t i = from; i < buf->len; i++)
			boxes_check(app->boxes, buf->data[i] == byte_at(app->flow, !app->side,
									app->got_bytes + i));
		app->got_bytes += buf->len;
	}
	end_wait(app);
	kg_buf_free_chain(msg->buf);
	on_taken(app, msg->count);
}

static void on_close(struct app *app, const struct kg_msg *msg)
{
	app->closed = true;
	app->reset = msg->count != 0;
	tell(app, KG_MSG_RELEASED, 0, NULL);
}

/* The server's payload thread makes a flow for a channel. */
static void on_connect(struct boxes *boxes, unsigned int worker, const struct kg_msg *msg)
{
	struct app *app = &boxes->accepted[boxes->accepted_count];

	boxes_check(boxes, boxes->accepted_count <
				   boxes->scenario.flow_count *
					   (nat_is_there(boxes) ? 1 + BOXES_NAT_TIMES : 1));
	boxes->accepted_count++;
	*app = (struct app){
		.boxes = boxes,
		.side = SERVER,
		.worker = worker,
		.conn = msg->conn,
		.there = true,
	};
	tell(app, KG_MSG_CONNECTED, 0, NULL);
}

static void take(struct boxes *boxes, unsigned int worker, const struct kg_msg *msg)
{
	struct app *app = msg->flow;

	switch (msg->type) {
	case KG_MSG_CONNECT:
		on_connect(boxes, worker, msg);
		break;
	case KG_MSG_ATTACHED:
		app->conn = msg->conn;
		app->there = true;
		app->credit = (int32_t)msg->count;
		break;
	case KG_MSG_CREDIT:
		app->credit += (int32_t)msg->count;
		break;
	case KG_MSG_DATA:
		on_data(app, msg);
		break;
	case KG_MSG_FINISH: /* this end has its own plan */
		break;
	case KG_MSG_CLOSE:
		boxes_check(boxes, app->there);
		on_close(app, msg);
		break;
	default:
		boxes_check(boxes, false);
	}
}

static bool listen_to(struct boxes *boxes, int side, unsigned int worker)
{
	struct rte_ring *ring = boxes->two.boxes[side].workers[worker]->links[0].rings->to_payload;
	struct kg_msg msgs[BURST];
	unsigned int n = rte_ring_sc_dequeue_burst_elem(ring, msgs, sizeof(msgs[0]), BURST, NULL);

	for (unsigned int i = 0; i < n; i++)
		take(boxes, worker, &msgs[i]);
	return n > 0;
}

/* ---- all of them ---- */

void apps_start(struct boxes *boxes)
{
	for (uint32_t i = 0; i < boxes->scenario.flow_count; i++) {
		struct flow *flow = &boxes->flows[i];

		flow->client = (struct app){
			.boxes = boxes,
			.flow = flow,
			.side = CLIENT,
			.worker = kg_rng_below(&boxes->rng, boxes->two.queues),
			.plan_bytes = flow->plan_bytes[CLIENT],
		};
	}
}

static bool begin(struct flow *flow, uint64_t now_us)
{
	if (flow->opened || now_us < flow->start_us)
		return false;
	flow->opened = true;
	tell(&flow->client, KG_MSG_OPEN, 0, NULL);
	return true;
}

static bool side_turn(struct boxes *boxes, int side)
{
	bool any = false;

	for (unsigned int w = 0; w < boxes->two.queues; w++)
		any |= listen_to(boxes, side, w);
	for (uint32_t i = 0; side == CLIENT && i < boxes->scenario.flow_count; i++) {
		any |= begin(&boxes->flows[i], boxes->now_us);
		any |= act(&boxes->flows[i].client);
	}
	for (uint32_t i = 0; side == SERVER && i < boxes->accepted_count; i++)
		any |= act(&boxes->accepted[i]);
	return any;
}

bool apps_turn(struct boxes *boxes)
{
	bool any = false;

	for (int side = CLIENT; side < SIDES; side++)
		any |= halt_until_us(boxes, side) == 0 && side_turn(boxes, side);
	return any;
}

uint64_t apps_next_us(const struct boxes *boxes)
{
	bool halts[SIDES] = { halt_until_us(boxes, CLIENT) > 0, halt_until_us(boxes, SERVER) > 0 };
	uint64_t next_us = KG_NEVER_US;

	for (uint32_t i = 0; !halts[CLIENT] && i < boxes->scenario.flow_count; i++) {
		const struct flow *flow = &boxes->flows[i];

		if (!flow->opened)
			next_us = KG_MIN(next_us, flow->start_us);
		else if (may_write(&flow->client))
			next_us = KG_MIN(next_us, flow->client.next_us);
	}
	for (uint32_t i = 0; !halts[SERVER] && i < boxes->accepted_count; i++) {
		if (may_write(&boxes->accepted[i]))
			next_us = KG_MIN(next_us, boxes->accepted[i].next_us);
	}
	return next_us;
}

bool apps_are_over(const struct boxes *boxes)
{
	bool over = true;

	for (uint32_t i = 0; i < boxes->scenario.flow_count; i++)
		over &= boxes->flows[i].client.closed;
	for (uint32_t i = 0; i < boxes->accepted_count; i++)
		over &= boxes->accepted[i].closed;
	return over;
}
