/* SPDX-License-Identifier: BSD-3-Clause */
/* Gives every connection that has something for its application a try. */
#include "stage/stage.h"

/* Who sleeps and has got something, from here or from stages before. */
static void wake_payload_threads(struct kg_worker *w)
{
	for (unsigned int i = 0; i < w->link_count; i++) {
		if (!w->links[i].posted)
			continue;
		w->links[i].posted = false;
		kg_waker_wake(w->links[i].rings->payload_waker);
	}
}

/* Each connection that has something to say gets one try; who is stuck stays in the list. */
unsigned int kg_stage_deliver(struct kg_worker *w)
{
	struct kg_conn_list list = STAILQ_HEAD_INITIALIZER(list);
	unsigned int served = 0;
	struct kg_conn *conn;

	STAILQ_CONCAT(&list, &w->conns);
	while ((conn = STAILQ_FIRST(&list)) != NULL) {
		STAILQ_REMOVE_HEAD(&list, link);
		served += kg_conn_run(conn);
	}
	wake_payload_threads(w);
	return served;
}
