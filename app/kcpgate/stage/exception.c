/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Gives Linux received frames that are for no tunnel, and packets that it routes, and takes what it
 * sends. The pump's thread has the other end of the rings.
 */
#include "box.h"
#include "net/errand.h"
#include "stage/stage.h"

#include <rte_ether.h>

static const struct {
	enum kg_pump_urgency urgency;
	enum kg_drop when_full;
} errands[] = {
	[KG_ERRAND_UNASKED] = { KG_PUMP_UNASKED, KG_DROP_EXCEPTION_UNASKED },
	[KG_ERRAND_CALL] = { KG_PUMP_USUAL, KG_DROP_EXCEPTION_FULL },
	[KG_ERRAND_NEIGHBOUR] = { KG_PUMP_VITAL, KG_DROP_EXCEPTION_FULL },
};

void kg_stage_punt(struct kg_worker *w, uint16_t port, struct rte_mbuf *frame,
		   enum kg_errand errand)
{
	if (errand == KG_ERRAND_REDIRECT) {
		kg_stage_drop_frame(w, frame, KG_DROP_ICMP_REDIRECT, KG_STAGE_EXCEPTION);
		return;
	}
	if (w->box->ports[port].config->vlan != 0 && rte_vlan_strip(frame) != 0) {
		kg_stage_drop_frame(w, frame, KG_DROP_VLAN_FOREIGN, KG_STAGE_EXCEPTION);
		return;
	}
	if (!kg_pump_frame(w->kernel, port, errands[errand].urgency, frame)) {
		kg_stage_drop_frame(w, frame, errands[errand].when_full, KG_STAGE_EXCEPTION);
		return;
	}
	w->punted = true;
	kg_worker_count(w, KG_COUNTER_PUNTED, 1);
}

void kg_stage_route_by_kernel(struct kg_worker *w, struct rte_mbuf *packet)
{
	if (!kg_pump_packet(w->kernel, packet)) {
		kg_stage_drop(w, packet, KG_DROP_TX_EXCEPTION_FULL);
		return;
	}
	w->punted = true;
	kg_worker_count(w, KG_COUNTER_SENT_BY_KERNEL, 1);
}

void kg_stage_wake_kernel(struct kg_worker *w)
{
	if (!w->punted)
		return;
	w->punted = false;
	kg_waker_wake(w->kernel->pump_waker);
}

/* A port of tunnels: one that is listened on or has a channel now, or may have one at any time. */
static bool is_tunnels(const struct kg_worker *w, uint16_t port)
{
	if (kg_port_table_get(&w->box->udp_ports, port) < KG_PORT_TABLE_APP)
		return true;
	for (unsigned int i = 0; i < w->sides.count; i++) {
		const struct kg_side *side = w->sides.all[i];
		const struct kg_wire_end *wire = &side->tunnel->config->wire;

		if (kg_port_ranges_contain(wire->ports, wire->port_count, port))
			return true;
	}
	return false;
}

/* Linux knows nothing of the tunnels. What it complains about would tell strangers which of their
 * ports are in use, for there nobody complains. */
static bool betrays(const struct kg_worker *w, const struct rte_mbuf *frame)
{
	struct kg_endpoint about;

	return kg_errand_complains(rte_pktmbuf_mtod(frame, const uint8_t *),
				   rte_pktmbuf_data_len(frame), &about) &&
	       kg_box_has_address(w->box, &about.ip) && is_tunnels(w, about.port);
}

/* Where tunnels and Linux share ports: Linux awaits an answer there. Tunnels' datagrams that only
 * take the way through Linux do not count. */
static void note_conversation(struct kg_worker *w, const struct rte_mbuf *m)
{
	struct kg_box *box = w->box;
	struct kg_frame frame;
	struct kg_tuple tuple;

	kg_frame_parse(&frame, rte_pktmbuf_mtod(m, const uint8_t *), rte_pktmbuf_data_len(m), 0,
		       KG_FRAME_IP_CSUM_GOOD | KG_FRAME_UDP_CSUM_GOOD);
	if (frame.kind != KG_FRAME_UDP)
		return;
	tuple = (struct kg_tuple){ frame.source, frame.destination };
	if (!kg_recent_has(&box->tunnel_flows, &tuple, w->now_us))
		kg_recent_note(&box->linux_flows, &tuple, w->now_us);
}

static void from_kernel(struct kg_worker *w, uint16_t port, struct rte_mbuf *frame)
{
	uint16_t vlan = w->box->ports[port].config->vlan;

	if (!w->box->ports[port].config->icmp_unreachable && betrays(w, frame)) {
		kg_stage_drop(w, frame, KG_DROP_TX_ICMP_TUNNEL);
		return;
	}
	if (kg_box_shared_ports(w->box).last != 0)
		note_conversation(w, frame);
	if (vlan != 0) {
		frame->vlan_tci = vlan;
		if (rte_vlan_insert(&frame) != 0) {
			kg_stage_drop(w, frame, KG_DROP_TX_NO_BUFFER);
			return;
		}
	}
	kg_worker_count(w, KG_COUNTER_FROM_KERNEL, 1);
	kg_stage_tx_frame(w, port, frame);
}

unsigned int kg_stage_exception(struct kg_worker *w)
{
	void *frames[KG_NIC_BURST];
	unsigned int count;

	if (w->kernel->from_kernel == NULL)
		return 0;
	count = rte_ring_sc_dequeue_burst(w->kernel->from_kernel, frames, KG_NIC_BURST, NULL);
	for (unsigned int i = 0; i < count; i++) {
		struct rte_mbuf *frame = frames[i];

		from_kernel(w, frame->port, frame);
	}
	return count;
}
