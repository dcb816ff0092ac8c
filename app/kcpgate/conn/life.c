/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes a connection, keeps whom it is for, and frees all that it holds. */
#include "conn/internal.h"

#include "shortcut.h"
#include "worker.h"

#include <string.h>

struct kg_conn *kg_conn_create(struct kg_side *side, uint32_t payload)
{
	struct kg_conn *conn = kg_mem_alloc(kg_arena_mem(side->worker->arena), sizeof(*conn));

	if (conn != NULL) {
		conn->side = side;
		conn->payload = (uint8_t)payload;
		side->conns++;
	}
	return conn;
}

static size_t target_bytes(const struct kg_target *target)
{
	return sizeof(*target) + strlen(target->address) + 1;
}

bool kg_conn_set_target(struct kg_conn *conn, const struct kg_target *target)
{
	struct kg_mem *mem = kg_arena_mem(conn->side->worker->arena);

	conn->target = kg_mem_alloc(mem, target_bytes(target));
	if (conn->target == NULL)
		return false;
	*conn->target = (struct kg_target){
		.port = target->port,
		.address = strcpy((char *)(conn->target + 1), target->address),
	};
	return true;
}

void kg_conn_drop_target(struct kg_conn *conn)
{
	struct kg_mem *mem = kg_arena_mem(conn->side->worker->arena);

	if (conn->target != NULL)
		kg_mem_free(mem, conn->target, target_bytes(conn->target));
	conn->target = NULL;
}

void kg_conn_destroy(struct kg_conn *conn)
{
	kg_shortcut_close(conn);
	kg_conn_drop_target(conn);
	kg_conn_end_burst(conn);
	if (conn->streaming)
		kg_stream_free(&conn->stream);
	conn->side->conns--;
	kg_mem_free(kg_arena_mem(conn->side->worker->arena), conn, sizeof(*conn));
}

void kg_conn_report(struct kg_conn *conn, struct kg_report *report)
{
	struct kg_channel_info info;

	report->tunnel = conn->side->id;
	if (conn->streaming) {
		kg_stream_get_info(&conn->stream, &info, conn->side->worker->now_us);
		report->protocol = (uint8_t)info.protocol;
		report->conv = info.conv;
		report->remote = info.remote;
	}
	kg_worker_report(conn->side->worker, report);
}
