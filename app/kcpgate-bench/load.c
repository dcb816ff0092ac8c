/* SPDX-License-Identifier: BSD-3-Clause */
/* Plays a payload thread that always has something to send, and always reads. */
#include "load.h"

#include "box.h"

#include <stdlib.h>
#include <string.h>

#define BURST 64

struct bench_flow {
	void *conn;
	int32_t credit; /* segments we may send */
	uint32_t owed;  /* buffers taken and not yet given back */
};

bool bench_load_init(struct bench_load *load, struct kg_worker *worker, unsigned int sources,
		     unsigned int sinks, uint8_t protocol, uint16_t size)
{
	*load = (struct bench_load){
		.worker = worker,
		.size = size,
		.protocol = protocol,
		.sources = sources,
		.sinks = sinks,
		.flows = calloc(sources + sinks + 1, sizeof(struct bench_flow)),
	};
	return load->flows != NULL;
}

void bench_load_fini(struct bench_load *load)
{
	free(load->flows);
}

static bool tell(struct bench_load *load, enum kg_msg_type type, struct bench_flow *flow,
		 uint32_t count, struct kg_buf *buf)
{
	struct kg_msg msg = {
		.type = type,
		.protocol = load->protocol,
		.count = count,
		.flow = flow,
		.conn = flow->conn,
		.buf = buf,
	};

	return rte_ring_sp_enqueue_elem(load->worker->links[0].rings->to_worker, &msg,
					sizeof(msg)) == 0;
}

/* ---- from the worker ---- */

static void on_connect(struct bench_load *load, const struct kg_msg *msg)
{
	struct bench_flow *flow = &load->flows[load->sources + load->accepted++ % load->sinks];

	flow->conn = msg->conn;
	tell(load, KG_MSG_CONNECTED, flow, 0, NULL);
}

static void on_data(struct bench_load *load, const struct kg_msg *msg)
{
	struct bench_flow *flow = msg->flow;

	load->messages++;
	load->bytes += kg_buf_chain_len(msg->buf);
	kg_buf_free_chain(msg->buf);
	flow->owed += msg->count;
	if (flow->owed >= KG_FLOW_TX_SEGMENTS / 4 &&
	    tell(load, KG_MSG_CREDIT, flow, flow->owed, NULL))
		flow->owed = 0;
}

static void take(struct bench_load *load, const struct kg_msg *msg)
{
	struct bench_flow *flow = msg->flow;

	switch (msg->type) {
	case KG_MSG_ATTACHED:
		flow->conn = msg->conn;
		flow->credit = (int32_t)msg->count;
		break;
	case KG_MSG_CREDIT:
		flow->credit += (int32_t)msg->count;
		break;
	case KG_MSG_CONNECT:
		on_connect(load, msg);
		break;
	case KG_MSG_DATA:
		on_data(load, msg);
		break;
	default:
		kg_msg_discard(msg);
	}
}

/* ---- to the worker ---- */

static struct kg_buf *fill(struct bench_load *load)
{
	struct kg_buf *buf = kg_buf_alloc(kg_buf_mempool_pool(load->worker->box->bufs), load->size);

	if (buf != NULL)
		buf->len = load->size;
	return buf;
}

static void send_on(struct bench_load *load, struct bench_flow *flow)
{
	uint32_t n = (uint32_t)KG_MIN(KG_MAX(flow->credit, 0), BURST);

	if (flow->conn == NULL || rte_ring_free_count(load->worker->links[0].rings->to_worker) < n)
		return;
	for (uint32_t i = 0; i < n; i++) {
		struct kg_buf *buf = fill(load);

		if (buf == NULL)
			return;
		tell(load, KG_MSG_DATA, flow, 1, buf);
		flow->credit--;
	}
}

void bench_load_turn(struct bench_load *load)
{
	struct kg_msg msgs[BURST];
	unsigned int n;

	do {
		n = rte_ring_sc_dequeue_burst_elem(load->worker->links[0].rings->to_payload, msgs,
						   sizeof(msgs[0]), BURST, NULL);
		for (unsigned int i = 0; i < n; i++)
			take(load, &msgs[i]);
	} while (n == BURST);
	if (load->opened < load->sources)
		tell(load, KG_MSG_OPEN, &load->flows[load->opened++], 0, NULL);
	for (unsigned int i = 0; i < load->opened; i++)
		send_on(load, &load->flows[i]);
}
