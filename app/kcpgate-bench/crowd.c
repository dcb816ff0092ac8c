/* SPDX-License-Identifier: BSD-3-Clause */
/* Plays the applications of both boxes for very many connections. */
#include "crowd.h"

#define BURST      64
#define WORD_BYTES 64

/* A connection is known by its worker's half alone: what it has for a flow is only not NULL. */
static void *const some_flow = &(char){ 0 };

void bench_crowd_init(struct bench_crowd *crowd, struct two_boxes *two, uint32_t under_way_max,
		      bool passing)
{
	*crowd = (struct bench_crowd){
		.client = two->boxes[0].workers[0],
		.server = two->boxes[1].workers[0],
		.under_way_max = under_way_max,
		.passing = passing,
	};
}

static void tell(struct kg_worker *w, enum kg_msg_type type, void *conn, struct kg_buf *buf)
{
	struct kg_msg msg = {
		.type = (uint8_t)type,
		.protocol = KG_PROTOCOL_TCP,
		.count = buf != NULL,
		.flow = some_flow,
		.conn = conn,
		.buf = buf,
	};

	if (rte_ring_sp_enqueue_elem(w->links[0].rings->to_worker, &msg, sizeof(msg)) != 0)
		kg_msg_discard(&msg);
}

static void say_word(struct kg_worker *w, void *conn)
{
	struct kg_buf *buf = kg_buf_alloc(kg_buf_mempool_pool(w->box->bufs), WORD_BYTES);

	if (buf != NULL) {
		buf->len = WORD_BYTES;
		tell(w, KG_MSG_DATA, conn, buf);
	}
	tell(w, KG_MSG_FINISH, conn, NULL);
}

static void on_client(struct bench_crowd *crowd, const struct kg_msg *msg)
{
	if (msg->type == KG_MSG_ATTACHED && crowd->passing)
		say_word(crowd->client, msg->conn);
	if (msg->type != KG_MSG_CLOSE)
		return;
	crowd->refused += msg->count;
	crowd->left++;
	if (msg->conn != NULL)
		tell(crowd->client, KG_MSG_RELEASED, msg->conn, NULL);
}

static void on_server(struct bench_crowd *crowd, const struct kg_msg *msg)
{
	if (msg->type == KG_MSG_CONNECT)
		tell(crowd->server, KG_MSG_CONNECTED, msg->conn, NULL);
	if (msg->type == KG_MSG_FINISH)
		tell(crowd->server, KG_MSG_FINISH, msg->conn, NULL);
	if (msg->type == KG_MSG_CLOSE)
		tell(crowd->server, KG_MSG_RELEASED, msg->conn, NULL);
	kg_msg_discard(msg);
}

static void take(struct bench_crowd *crowd, struct kg_worker *w,
		 void (*on_msg)(struct bench_crowd *crowd, const struct kg_msg *msg))
{
	struct kg_msg msgs[BURST];
	unsigned int n;

	do {
		n = rte_ring_sc_dequeue_burst_elem(w->links[0].rings->to_payload, msgs,
						   sizeof(msgs[0]), BURST, NULL);
		for (unsigned int i = 0; i < n; i++)
			on_msg(crowd, &msgs[i]);
	} while (n == BURST);
}

void bench_crowd_turn(struct bench_crowd *crowd, uint64_t wanted)
{
	struct kg_session_stats stats;
	uint64_t done;

	take(crowd, crowd->client, on_client);
	take(crowd, crowd->server, on_server);
	kg_session_get_stats(two_boxes_side(crowd->client)->session, &stats);
	crowd->answered = stats.handshakes_done;
	done = crowd->passing ? crowd->left : crowd->answered + crowd->refused;
	for (int i = 0; i < BURST && crowd->asked < wanted; i++) {
		if (crowd->asked - done >= crowd->under_way_max)
			break;
		tell(crowd->client, KG_MSG_OPEN, NULL, NULL);
		crowd->asked++;
	}
}
