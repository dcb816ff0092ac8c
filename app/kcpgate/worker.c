/* SPDX-License-Identifier: BSD-3-Clause */
/* Tells other threads what a worker has to say: messages to payload threads, reports to the control
 * thread. */
#include "worker.h"

#include "box.h"

bool kg_worker_post(struct kg_worker_link *link, const struct kg_msg *msg)
{
	if (rte_ring_sp_enqueue_bulk_elem(link->rings->to_payload, msg, sizeof(*msg), 1, NULL) == 0)
		return false;
	link->posted = true;
	return true;
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
