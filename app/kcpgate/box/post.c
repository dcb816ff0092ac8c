/* SPDX-License-Identifier: BSD-3-Clause */
/* Posts mail to workers: threads that are none of them share a lock. */
#include "box.h"
#include "worker.h"

bool kg_box_post(struct kg_box *box, unsigned int worker, struct kg_mail *mail)
{
	int rc;

	pthread_mutex_lock(&box->mail_lock);
	rc = rte_ring_sp_enqueue_elem(box->mail[worker], mail, sizeof(*mail));
	pthread_mutex_unlock(&box->mail_lock);
	kg_waker_wake(&box->workers[worker]->waker);
	return rc == 0;
}
