/* SPDX-License-Identifier: BSD-3-Clause */
/* Puts a connection that has something to do into the worker's list. */
#include "conn.h"

#include "worker.h"

void kg_conn_mark(struct kg_conn *conn, unsigned int todo)
{
	if (conn->todo == 0)
		STAILQ_INSERT_TAIL(&conn->side->worker->conns, conn, link);
	conn->todo |= (uint8_t)todo;
}
