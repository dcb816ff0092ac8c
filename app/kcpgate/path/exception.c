/* SPDX-License-Identifier: BSD-3-Clause */
/* Exchanges frames with Linux, through the payload thread that owns the TAPs. */
#include "box.h"
#include "path/path.h"

#include <rte_ether.h>

/* To the payload thread that owns the TAPs, the first. */
static void to_kernel(struct kg_worker *w, enum kg_msg_type type, uint16_t port, struct rte_mbuf *m,
		      enum kg_counter counter, enum kg_drop when_full)
{
	struct kg_msg msg = { .type = type, .tunnel = port, .mbuf = m };

	if (!kg_worker_post(&w->links[0], &msg)) {
		kg_path_drop(w, m, when_full);
		return;
	}
	kg_worker_count(w, counter, 1);
}

void kg_path_punt(struct kg_worker *w, uint16_t port, struct rte_mbuf *frame)
{
	if (w->box->ports[port].config->vlan != 0 && rte_vlan_strip(frame) != 0) {
		kg_path_drop(w, frame, KG_DROP_VLAN_FOREIGN);
		return;
	}
	to_kernel(w, KG_MSG_FRAME, port, frame, KG_COUNTER_PUNTED, KG_DROP_EXCEPTION_FULL);
}

void kg_path_route_by_kernel(struct kg_worker *w, struct rte_mbuf *packet)
{
	to_kernel(w, KG_MSG_PACKET, 0, packet, KG_COUNTER_SENT_BY_KERNEL,
		  KG_DROP_TX_EXCEPTION_FULL);
}

void kg_path_from_kernel(struct kg_worker *w, uint16_t port, struct rte_mbuf *frame)
{
	uint16_t vlan = w->box->ports[port].config->vlan;

	if (vlan != 0) {
		frame->vlan_tci = vlan;
		if (rte_vlan_insert(&frame) != 0) {
			kg_path_drop(w, frame, KG_DROP_TX_NO_BUFFER);
			return;
		}
	}
	kg_worker_count(w, KG_COUNTER_FROM_KERNEL, 1);
	kg_path_tx_frame(w, port, frame);
}
