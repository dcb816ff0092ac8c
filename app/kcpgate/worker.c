/* SPDX-License-Identifier: BSD-3-Clause */
/* Tells other threads what a worker has to say: messages to payload threads, reports to the control
 * thread. */
#include "worker.h"

#include "box.h"

/* There is room for all: nobody else puts anything in. */
void kg_worker_flush(struct kg_worker_link *link)
{
	if (link->count == 0)
		return;
	rte_ring_sp_enqueue_bulk_elem(link->rings->to_payload, link->batch, sizeof(link->batch[0]),
				      link->count, NULL);
	link->count = link->room = 0;
	link->posted = true;
}

bool kg_worker_make_room(struct kg_worker_link *link)
{
	kg_worker_flush(link);
	link->room = KG_MIN(rte_ring_free_count(link->rings->to_payload), KG_WORKER_LINK_BATCH);
	return link->room > 0;
}

void kg_worker_report(struct kg_worker *w, struct kg_report *report)
{
	if (rte_ring_sp_enqueue_elem(w->reports, report, sizeof(*report)) == 0)
		kg_waker_wake(&w->box->control_waker);
}

bool kg_worker_report_routine(struct kg_worker *w, struct kg_report *report)
{
	if (rte_ring_count(w->reports) >= rte_ring_get_capacity(w->reports) / 2)
		return false;
	kg_worker_report(w, report);
	return true;
}
