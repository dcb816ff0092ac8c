/* SPDX-License-Identifier: BSD-3-Clause */
/* Gives connections that have bursts an outlet, and takes it back when they are quiet. */
#include "conn/burst.h"

#include "conn/internal.h"
#include "worker.h"

#define QUIET_US (1ull * KG_US_PER_S)

static struct kg_burst **burst_of(const struct kg_conn *conn)
{
	return &conn->side->worker->bursts[conn->burst - 1];
}

void kg_conn_end_burst(struct kg_conn *conn)
{
	struct kg_worker *w = conn->side->worker;
	struct kg_burst *burst;

	if (conn->burst == 0)
		return;
	burst = *burst_of(conn);
	*burst_of(conn) = NULL;
	conn->burst = 0;
	kg_twheel_cancel(w->wheel, &burst->timer);
	kg_mem_free(kg_arena_mem(w->arena), burst, sizeof(*burst));
}

/* Of a worker that was held up for long something may wait all the same. */
static void on_timer(struct kg_timer *timer, uint64_t now_us)
{
	struct kg_burst *burst = KG_CONTAINER_OF(timer, struct kg_burst, timer);
	struct kg_conn *conn = burst->conn;

	kg_conn_mark(conn, KG_CONN_DATA);
	if (now_us - burst->outlet.looked_us >= QUIET_US)
		kg_conn_end_burst(conn);
	else
		kg_twheel_arm(conn->side->worker->wheel, timer, now_us + QUIET_US);
}

/* A place in the worker's table, from 1 on; 0: all are taken. */
static uint8_t free_place(const struct kg_worker *w)
{
	for (unsigned int i = 0; i < KG_BURSTS_MAX; i++) {
		if (w->bursts[i] == NULL)
			return (uint8_t)(i + 1);
	}
	return 0;
}

static void look(struct kg_burst *burst)
{
	const struct kg_conn *conn = burst->conn;

	burst->segment = kg_streams_rest_bytes(conn->side->streams);
	kg_outlet_look(&burst->outlet, kg_stream_received(&conn->stream),
		       conn->side->worker->now_us);
}

struct kg_burst *kg_burst_look(struct kg_conn *conn)
{
	if (conn->burst == 0 || conn->side->worker->stopping)
		return NULL;
	look(*burst_of(conn));
	return *burst_of(conn);
}

/* NULL without a place or memory. */
static struct kg_burst *create(struct kg_conn *conn)
{
	struct kg_worker *w = conn->side->worker;
	uint8_t place = free_place(w);
	struct kg_burst *burst = NULL;

	if (place != 0)
		burst = kg_mem_alloc(kg_arena_mem(w->arena), sizeof(*burst));
	if (burst == NULL)
		return NULL;
	conn->burst = place;
	*burst_of(conn) = burst;
	burst->conn = conn;
	burst->timer = (struct kg_timer){ .deadline_us = KG_NEVER_US, .fire = on_timer };
	return burst;
}

struct kg_burst *kg_burst_begin(struct kg_conn *conn)
{
	struct kg_worker *w = conn->side->worker;
	struct kg_burst *burst = NULL;

	if (kg_stream_protocol(&conn->stream) == KG_PROTOCOL_UDP && !w->stopping)
		burst = create(conn);
	if (burst == NULL)
		return NULL;
	kg_outlet_init(&burst->outlet, kg_stream_received(&conn->stream), w->now_us);
	look(burst);
	(void)kg_outlet_take(&burst->outlet, KG_BURST_TOGETHER); /* they have left */
	kg_twheel_arm(w->wheel, &burst->timer, w->now_us + QUIET_US);
	return burst;
}

void kg_burst_wait(struct kg_burst *burst)
{
	kg_twheel_arm(burst->conn->side->worker->wheel, &burst->timer,
		      kg_outlet_next_us(&burst->outlet));
}

void kg_conn_lost(struct kg_worker *w, const struct kg_msg *msg)
{
	struct kg_conn *conn = msg->conn;

	if (conn->burst != 0)
		kg_outlet_on_lost(&(*burst_of(conn))->outlet);
}
