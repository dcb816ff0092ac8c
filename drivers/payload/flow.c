/* SPDX-License-Identifier: BSD-3-Clause */
/* Leads a flow through its life, and sees that no message to its worker is lost. */
#include "payload/internal.h"

#include <errno.h>
#include <stdlib.h>

struct kg_flow *kg_flow_create(struct kg_payload *p, struct kg_gate *gate,
			       enum kg_protocol protocol)
{
	struct kg_flow *flow = calloc(1, sizeof(*flow));

	if (flow == NULL)
		return NULL;
	flow->ops = protocol == KG_PROTOCOL_UDP ? &kg_udp_ops : &kg_tcp_ops;
	flow->gate = gate;
	flow->tunnel = &gate->tunnel;
	gate->flows++;
	flow->protocol = (uint8_t)protocol;
	flow->queue_tail = &flow->queue;
	flow->source.fd = -1;
	TAILQ_INSERT_TAIL(&p->flows, flow, flow_link);
	kg_count(&p->stats.flows, 1);
	return flow;
}

bool kg_flow_has_socket_room(const struct kg_payload *p, enum kg_protocol protocol)
{
	unsigned int max = p->config.sockets_max;

	if (max == 0)
		return true;
	return p->stats.sockets < max &&
	       (protocol != KG_PROTOCOL_UDP || p->stats.udp_sockets < max - max / 4);
}

static void count_socket(struct kg_payload *p, const struct kg_flow *flow, uint64_t by)
{
	kg_count(&p->stats.sockets, by);
	if (flow->protocol == KG_PROTOCOL_UDP)
		kg_count(&p->stats.udp_sockets, by);
}

int kg_flow_open_socket(struct kg_payload *p, struct kg_flow *flow, int fd, uint32_t events)
{
	int error = kg_source_open(p, &flow->source, fd, events);

	if (error == 0)
		count_socket(p, flow, 1);
	return error;
}

void kg_flow_close_socket(struct kg_payload *p, struct kg_flow *flow)
{
	if (flow->source.fd >= 0)
		count_socket(p, flow, (uint64_t)-1);
	kg_source_close(p, &flow->source);
}

/* Connections that are still being made have a part of the sockets; beyond it the one that has
 * waited longest gives way. Destinations that do not answer keep no others from theirs. */
static void make_room_to_dial(struct kg_payload *p)
{
	struct kg_flow *oldest = TAILQ_FIRST(&p->connecting.flows);

	if (p->config.sockets_max == 0 ||
	    p->connecting.count + p->trying.count < KG_MAX(p->config.sockets_max / 4, 1u))
		return;
	if (oldest == NULL)
		oldest = TAILQ_FIRST(&p->trying.flows);
	kg_count(&p->stats.dials_gave_way, 1);
	kg_dial_end(oldest); /* its other addresses are not tried */
	kg_flow_refuse(p, oldest, ETIMEDOUT);
}

void kg_flow_dial(struct kg_payload *p, struct kg_flow *flow)
{
	make_room_to_dial(p);
	if (kg_flow_has_socket_room(p, flow->protocol)) {
		flow->ops->dial(p, flow);
		return;
	}
	kg_count(&p->stats.sockets_full, 1);
	kg_flow_refuse(p, flow, EMFILE);
}

static void drop_queue(struct kg_flow *flow)
{
	struct kg_buf *buf;

	while ((buf = kg_flow_dequeue(flow)) != NULL)
		kg_buf_free(buf);
}

void kg_flow_destroy(struct kg_payload *p, struct kg_flow *flow)
{
	/* A connection that is cut off must not look like one that has ended. */
	if (flow->state != KG_FLOW_OVER)
		flow->ops->close(p, flow, flow->state != KG_FLOW_DRAINING || flow->queue != NULL);
	kg_flow_disarm(flow);
	kg_dial_end(flow);
	drop_queue(flow);
	if (flow->is_pending)
		TAILQ_REMOVE(&flow->link->pending, flow, pending_link);
	TAILQ_REMOVE(&p->flows, flow, flow_link);
	kg_count(&p->stats.flows, (uint64_t)-1);
	flow->gate->flows--;
	free(flow);
}

void kg_flow_end(struct kg_payload *p, struct kg_flow *flow, bool reset)
{
	flow->ops->close(p, flow, reset);
	kg_flow_disarm(flow);
	kg_dial_end(flow);
	drop_queue(flow);
	flow->state = KG_FLOW_OVER;
	if (flow->pending == 0)
		kg_flow_destroy(p, flow);
}

/* ---- worker side ---- */

static uint32_t message_count(const struct kg_payload *p, const struct kg_flow *flow,
			      enum kg_msg_type type)
{
	switch (type) {
	case KG_MSG_OPEN:
		return p->config.index;
	case KG_MSG_CREDIT:
		return flow->owed;
	case KG_MSG_REFUSED:
		return (uint32_t)flow->error;
	default:
		return 0;
	}
}

static bool post_bits(struct kg_payload *p, struct kg_flow *flow)
{
	while (flow->pending != 0) {
		enum kg_msg_type type = (enum kg_msg_type)__builtin_ctz(flow->pending);
		struct kg_msg msg = {
			.type = (uint8_t)type,
			.protocol = flow->protocol,
			.tunnel = flow->tunnel->id,
			.count = message_count(p, flow, type),
			.flow = flow,
			.conn = flow->conn,
			.tuple = flow->tuple.local.ip.version != 0 ? &flow->tuple : NULL,
		};

		if (type == KG_MSG_OPEN)
			msg.mapped = flow->mapped;
		if (!kg_link_post(p, flow->link, &msg, 1))
			return false;
		flow->pending &= ~(1u << type);
		if (type == KG_MSG_CREDIT)
			flow->owed = 0;
	}
	return true;
}

void kg_flow_post(struct kg_payload *p, struct kg_flow *flow, enum kg_msg_type type)
{
	flow->pending |= 1u << type;
	if (flow->is_pending || post_bits(p, flow))
		return;
	TAILQ_INSERT_TAIL(&flow->link->pending, flow, pending_link);
	flow->is_pending = true;
}

bool kg_link_post_pending(struct kg_payload *p, struct kg_link *link)
{
	struct kg_flow *flow;

	while ((flow = TAILQ_FIRST(&link->pending)) != NULL) {
		if (kg_link_room(link) == 0 || !post_bits(p, flow))
			return false;
		TAILQ_REMOVE(&link->pending, flow, pending_link);
		flow->is_pending = false;
		if (flow->state == KG_FLOW_OVER)
			kg_flow_destroy(p, flow);
	}
	return true;
}

/* In turn; but who takes a flow's datagrams from the wire knows only its tuple. */
static struct kg_link *next_link(struct kg_payload *p, const struct kg_flow *flow)
{
	unsigned int link = p->next_link;

	if (flow->tuple.local.ip.version != 0)
		return &p->links[kg_tuple_hash(&flow->tuple, 0) % p->config.link_count];
	p->next_link = (p->next_link + 1) % p->config.link_count;
	return &p->links[link];
}

void kg_flow_open(struct kg_payload *p, struct kg_flow *flow)
{
	flow->state = KG_FLOW_OPENING;
	flow->link = next_link(p, flow);
	kg_flow_post(p, flow, KG_MSG_OPEN);
}

void kg_flow_connected(struct kg_payload *p, struct kg_flow *flow)
{
	kg_flow_disarm(flow);
	kg_dial_end(flow);
	flow->state = KG_FLOW_RUNNING;
	kg_flow_post(p, flow, KG_MSG_CONNECTED);
}

void kg_flow_refuse(struct kg_payload *p, struct kg_flow *flow, int error)
{
	if (kg_dial_next(p, flow))
		return;
	if (flow->protocol == KG_PROTOCOL_TCP)
		kg_count(&p->stats.tcp_refused, 1);
	flow->error = error;
	kg_flow_post(p, flow, KG_MSG_REFUSED);
	kg_flow_end(p, flow, false);
}

/* The worker may have so many outstanding and more, unless memory has just become short: it hears
 * of these when it wakes for another reason. */
static bool can_wait(const struct kg_payload *p, const struct kg_flow *flow)
{
	return flow->owed < KG_FLOW_TX_FLOOR && kg_buf_fair_share(p->config.pool) > KG_BUF_FLOOR;
}

static void give_credit(struct kg_payload *p, struct kg_flow *flow)
{
	bool posted = flow->link->posted || !can_wait(p, flow);

	kg_flow_post(p, flow, KG_MSG_CREDIT);
	flow->link->posted = posted;
}

void kg_flow_taken(struct kg_payload *p, struct kg_flow *flow, uint32_t segments)
{
	bool all = flow->protocol == KG_PROTOCOL_TCP && flow->queue == NULL;
	uint32_t enough = all ? KG_FLOW_TX_FLOOR / 2 : KG_FLOW_TX_SEGMENTS / 2;

	flow->owed += segments;
	if (flow->state == KG_FLOW_RUNNING && flow->owed >= enough)
		give_credit(p, flow);
}

struct kg_msg kg_flow_data(const struct kg_flow *flow, struct kg_buf *chain, uint32_t charge)
{
	return (struct kg_msg){
		.type = KG_MSG_DATA,
		.protocol = flow->protocol,
		.count = charge,
		.flow = (void *)(uintptr_t)flow,
		.conn = flow->conn,
		.buf = chain,
	};
}

/* A refusal waits in its flow until the ring has room. Without a flow it cannot: false then leaves
 * the CONNECT in its ring. */
static bool refuse_unborn(struct kg_payload *p, struct kg_link *link, const struct kg_msg *connect,
			  uint32_t error)
{
	const struct kg_msg msg = {
		.type = KG_MSG_REFUSED,
		.protocol = connect->protocol,
		.tunnel = connect->tunnel,
		.count = error,
		.conn = connect->conn,
	};

	return kg_link_post(p, link, &msg, 1);
}

static bool on_connect(struct kg_payload *p, struct kg_link *link, const struct kg_msg *msg)
{
	struct kg_gate *gate = kg_slots_get(&p->gates, msg->tunnel);
	struct kg_flow *flow;

	if (gate == NULL || !gate->open)
		return refuse_unborn(p, link, msg, ESHUTDOWN);
	flow = kg_flow_create(p, gate, (enum kg_protocol)msg->protocol);
	if (flow == NULL)
		return refuse_unborn(p, link, msg, ENOMEM);
	flow->link = link;
	flow->conn = msg->conn;
	flow->state = KG_FLOW_CONNECTING;
	kg_dial_begin(p, flow, msg->target);
	return true;
}

/* RELEASED goes after what is still pending, and is the last. */
static void on_close(struct kg_payload *p, struct kg_flow *flow, bool reset)
{
	if (flow->conn != NULL)
		kg_flow_post(p, flow, KG_MSG_RELEASED);
	flow->state = KG_FLOW_DRAINING;
	flow->ops->finish(p, flow, reset);
}

bool kg_flow_input(struct kg_payload *p, struct kg_link *link, const struct kg_msg *msg)
{
	struct kg_flow *flow = msg->flow;

	switch (msg->type) {
	case KG_MSG_CONNECT:
		return on_connect(p, link, msg);
	case KG_MSG_DATA:
		flow->ops->output(p, flow, msg->buf);
		break;
	case KG_MSG_ATTACHED:
		flow->conn = msg->conn;
		flow->state = KG_FLOW_RUNNING;
		/* fall through */
	case KG_MSG_CREDIT:
		flow->credit += (int32_t)msg->count;
		flow->unheard = false;
		flow->ops->resume(p, flow);
		break;
	case KG_MSG_FINISH:
		flow->ops->end_output(p, flow);
		break;
	case KG_MSG_CLOSE:
		on_close(p, flow, msg->count == 1);
		break;
	default:
		kg_msg_discard(msg);
		break;
	}
	return true;
}

/* ---- queue, deadlines ---- */

void kg_flow_enqueue(struct kg_flow *flow, struct kg_buf *chain)
{
	struct kg_buf *head = chain;

	*flow->queue_tail = chain;
	for (head->mark = 0; chain != NULL; chain = chain->next) {
		head->mark++;
		flow->queue_tail = &chain->next;
	}
	flow->queued += head->mark;
}

struct kg_buf *kg_flow_dequeue(struct kg_flow *flow)
{
	struct kg_buf *buf = flow->queue;

	if (buf == NULL)
		return NULL;
	flow->queue = buf->next;
	if (flow->queue == NULL)
		flow->queue_tail = &flow->queue;
	flow->queued--;
	buf->next = NULL;
	return buf;
}

struct kg_buf *kg_flow_dequeue_chain(struct kg_flow *flow, uint32_t *bufs)
{
	struct kg_buf *chain = kg_flow_dequeue(flow), **tail = &chain->next;

	*bufs = chain->mark;
	for (uint32_t i = 1; i < *bufs; i++) {
		*tail = kg_flow_dequeue(flow);
		tail = &(*tail)->next;
	}
	return chain;
}

void kg_flow_arm(struct kg_payload *p, struct kg_flow *flow, struct kg_deadlines *deadlines)
{
	kg_flow_disarm(flow);
	flow->deadlines = deadlines;
	flow->deadline_us = p->now_us + deadlines->span_us;
	TAILQ_INSERT_TAIL(&deadlines->flows, flow, deadline_link);
	deadlines->count++;
}

void kg_flow_disarm(struct kg_flow *flow)
{
	if (flow->deadlines == NULL)
		return;
	TAILQ_REMOVE(&flow->deadlines->flows, flow, deadline_link);
	flow->deadlines->count--;
	flow->deadlines = NULL;
}
