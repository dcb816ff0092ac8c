/* SPDX-License-Identifier: BSD-3-Clause */
#include "path/path.h"

/* Each connection that has something to say gets one try; who is stuck stays in the list. */
unsigned int kg_path_deliver(struct kg_worker *w)
{
	struct kg_conn_list list = TAILQ_HEAD_INITIALIZER(list);
	unsigned int served = 0;
	struct kg_conn *conn;

	if (TAILQ_EMPTY(&w->conns))
		return 0;
	TAILQ_CONCAT(&list, &w->conns, link);
	while ((conn = TAILQ_FIRST(&list)) != NULL) {
		TAILQ_REMOVE(&list, conn, link);
		served += kg_conn_run(conn);
	}
	if (served > 0)
		kg_waker_wake(w->link->payload_waker);
	return served;
}
