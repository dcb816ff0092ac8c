/* SPDX-License-Identifier: BSD-3-Clause */
/* Leads a tunnel through its life on a payload thread, as the control thread orders. */
#include "payload/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAIL_RING_SIZE 64
/* For applications, to take what has come before the gate was shut. */
#define SHUT_PATIENCE_US (500 * KG_US_PER_MS)

/* ---- life ---- */

struct kg_gate *kg_gate_create(const struct kg_payload *p, const struct kg_payload_tunnel *tunnel,
			       struct kg_kept_list *kept, char *error, size_t error_bytes)
{
	const struct kg_gate_making making = {
		.config = &p->config,
		.kept = kept,
		.error = error,
		.error_bytes = error_bytes,
	};
	struct kg_gate *gate = calloc(1, sizeof(*gate));

	if (gate == NULL) {
		snprintf(error, error_bytes, "tunnel %s: out of memory", tunnel->name);
		return NULL;
	}
	gate->tunnel = *tunnel;
	if (kg_listeners_open(gate, &making))
		return gate;
	kg_gate_destroy(gate);
	return NULL;
}

void kg_gate_destroy(struct kg_gate *gate)
{
	kg_listeners_close(gate);
	free(gate->listeners);
	free(gate);
}

bool kg_gate_is_open(const struct kg_gate *gate)
{
	return gate->open;
}

/* ---- orders ---- */

/* What is read at once must find room in buffers that are ready. */
static void fit_spares(struct kg_payload *p, uint16_t bytes)
{
	if (bytes <= p->spare_bytes)
		return;
	kg_spare_drop(p);
	p->spare_bytes = bytes;
}

bool kg_gate_open(struct kg_payload *p, struct kg_gate *gate)
{
	fit_spares(p, gate->tunnel.first_bytes);
	kg_slots_put(&p->gates, gate->tunnel.id, gate);
	gate->open = kg_listeners_watch(p, gate);
	return gate->open;
}

/* Calls for each of its flows; `call` may end it. */
static void each_flow(struct kg_payload *p, const struct kg_gate *gate,
		      void (*call)(struct kg_payload *p, struct kg_flow *flow))
{
	struct kg_flow *flow = TAILQ_FIRST(&p->flows), *next;

	for (; flow != NULL; flow = next) {
		next = TAILQ_NEXT(flow, flow_link);
		if (flow->gate == gate)
			call(p, flow);
	}
}

/* Its other addresses are not tried. */
static void stop_dialling(struct kg_payload *p, struct kg_flow *flow)
{
	if (flow->state != KG_FLOW_CONNECTING)
		return;
	kg_dial_end(flow);
	kg_flow_refuse(p, flow, ESHUTDOWN);
}

/* Those that are being opened end in their time. */
static void end_came_in(struct kg_payload *p, struct kg_flow *flow)
{
	if (flow->listener != NULL && flow->state == KG_FLOW_RUNNING)
		kg_flow_post(p, flow, KG_MSG_ABORT);
}

static void rest(struct kg_payload *p, struct kg_gate *gate, struct kg_kept_socket *kept)
{
	kg_udp_flush(p);
	if (kept != NULL)
		kg_listeners_keep(p, gate, kept);
	else
		kg_listeners_unwatch(p, gate);
	each_flow(p, gate, end_came_in);
}

static void shut(struct kg_payload *p, struct kg_gate *gate)
{
	if (!gate->open)
		return;
	gate->open = false;
	kg_listeners_shut(p, gate);
	each_flow(p, gate, stop_dialling);
	gate->cut_us = p->now_us + SHUT_PATIENCE_US;
	TAILQ_INSERT_TAIL(&p->shut, gate, link);
	gate->is_shut = true;
}

/* As if the application had gone: whatever its worker still has for it is thrown away. */
static void cut_off(struct kg_payload *p, struct kg_flow *flow)
{
	if (flow->protocol == KG_PROTOCOL_TCP && flow->state < KG_FLOW_DRAINING)
		kg_tcp_cut_off(p, flow);
}

static void leave_shut(struct kg_payload *p, struct kg_gate *gate)
{
	if (gate->is_shut)
		TAILQ_REMOVE(&p->shut, gate, link);
	gate->is_shut = false;
}

static void forget(struct kg_payload *p, struct kg_gate *gate)
{
	leave_shut(p, gate);
	kg_slots_remove(&p->gates, gate->tunnel.id);
	kg_udp_flush(p);
	kg_listeners_unwatch(p, gate);
	gate->open = false;
	TAILQ_INSERT_TAIL(&p->forgotten, gate, link);
}

/* A flow may be about to write out what its application is slow to take. */
static void reap(struct kg_payload *p)
{
	struct kg_gate *gate = TAILQ_FIRST(&p->forgotten), *next;

	for (; gate != NULL; gate = next) {
		next = TAILQ_NEXT(gate, link);
		if (gate->flows > 0)
			continue;
		TAILQ_REMOVE(&p->forgotten, gate, link);
		kg_gate_destroy(gate);
	}
}

static void do_order(struct kg_payload *p, const struct kg_gate_mail *mail)
{
	struct kg_gate *gate = kg_slots_get(&p->gates, mail->tunnel);

	if (mail->order == KG_GATE_OPEN)
		kg_gate_open(p, mail->gate);
	else if (gate != NULL && mail->order == KG_GATE_REST)
		rest(p, gate, mail->kept);
	else if (gate != NULL && mail->order == KG_GATE_SHUT)
		shut(p, gate);
	else if (gate != NULL && mail->order == KG_GATE_FORGET)
		forget(p, gate);
	if (atomic_fetch_sub_explicit(mail->awaited, 1, memory_order_acq_rel) == 1)
		kg_waker_wake(mail->waker);
}

bool kg_gate_post(struct kg_payload *p, struct kg_gate_mail *mail)
{
	int rc = rte_ring_sp_enqueue_elem(p->gate_mail, mail, sizeof(*mail));

	kg_waker_wake(p->config.waker);
	return rc == 0;
}

bool kg_gates_input(struct kg_payload *p)
{
	struct kg_gate_mail mail;
	bool any = false;

	while (rte_ring_sc_dequeue_elem(p->gate_mail, &mail, sizeof(mail)) == 0) {
		do_order(p, &mail);
		any = true;
	}
	return any;
}

/* ---- the thread's ---- */

bool kg_gates_create(struct kg_payload *p)
{
	char name[RTE_RING_NAMESIZE];

	TAILQ_INIT(&p->shut);
	TAILQ_INIT(&p->forgotten);
	snprintf(name, sizeof(name), "kg_gates_%p", (void *)p);
	p->gate_mail = rte_ring_create_elem(name, sizeof(struct kg_gate_mail), MAIL_RING_SIZE,
					    SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	return p->gate_mail != NULL;
}

void kg_gates_destroy(struct kg_payload *p)
{
	struct kg_gate_mail mail;

	while (p->gates.count > 0)
		forget(p, p->gates.all[0]);
	reap(p);
	while (p->gate_mail != NULL &&
	       rte_ring_sc_dequeue_elem(p->gate_mail, &mail, sizeof(mail)) == 0) {
		if (mail.order == KG_GATE_OPEN) /* nobody has it yet */
			kg_gate_destroy(mail.gate);
	}
	rte_ring_free(p->gate_mail);
}

void kg_gates_expire(struct kg_payload *p)
{
	struct kg_gate *gate;

	while ((gate = TAILQ_FIRST(&p->shut)) != NULL && gate->cut_us <= p->now_us) {
		leave_shut(p, gate);
		each_flow(p, gate, cut_off);
	}
	reap(p);
}

uint64_t kg_gates_due_us(const struct kg_payload *p)
{
	const struct kg_gate *gate = TAILQ_FIRST(&p->shut);

	return gate != NULL ? gate->cut_us : KG_NEVER_US;
}
