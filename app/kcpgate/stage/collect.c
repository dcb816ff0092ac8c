/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads the payload threads' messages and calls who each is for. */
#include "stage/stage.h"

#define COLLECT_MAX 512 /* messages per turn and payload thread */
#define PREFETCH    4   /* of them, how far ahead what they bring is wanted */

/* What the payload thread may say, and who listens. */
static void (*const handlers[])(struct kg_worker *w, const struct kg_msg *msg) = {
	[KG_MSG_OPEN] = kg_conn_open,       [KG_MSG_CONNECTED] = kg_conn_connected,
	[KG_MSG_REFUSED] = kg_conn_refused, [KG_MSG_DATA] = kg_conn_data,
	[KG_MSG_CREDIT] = kg_conn_credit,   [KG_MSG_FINISH] = kg_conn_finish,
	[KG_MSG_ABORT] = kg_conn_abort,     [KG_MSG_RELEASED] = kg_conn_released,
	[KG_MSG_LOST] = kg_conn_lost,
};

static unsigned int collect_from(struct kg_worker *w, struct rte_ring *to_worker)
{
	struct kg_msg msgs[KG_CONN_REFUSED_MAX];
	unsigned int n, total = 0;

	do {
		if (!kg_conn_tell_refused(w))
			break;
		n = rte_ring_sc_dequeue_burst_elem(to_worker, msgs, sizeof(msgs[0]),
						   KG_CONN_REFUSED_MAX, NULL);
		for (unsigned int i = 0; i < n; i++) {
			if (i + PREFETCH < n) /* it comes from another core's cache */
				__builtin_prefetch(msgs[i + PREFETCH].buf);
			handlers[msgs[i].type](w, &msgs[i]);
		}
		total += n;
	} while (n == KG_CONN_REFUSED_MAX && total < COLLECT_MAX);
	return total;
}

unsigned int kg_stage_collect(struct kg_worker *w)
{
	unsigned int total = 0;

	for (unsigned int i = 0; i < w->link_count; i++)
		total += collect_from(w, w->links[i].rings->to_worker);
	return total;
}
