/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads a worker's mail, and does what it says. */
#include "mail.h"

#include "box.h"
#include "resting.h"
#include "udp_ports/arrival.h"
#include "worker.h"

static void no_route(struct kg_worker *w, const struct kg_ip *peer)
{
	for (unsigned int i = 0; i < w->sides.count; i++) {
		const struct kg_side *side = w->sides.all[i];

		if (side->tunnel->config->wire.role == KG_ROLE_CLIENT)
			kg_session_no_route(side->session, peer, w->now_us);
	}
}

static void next_hop(struct kg_worker *w, const struct kg_nexthop *nexthop)
{
	kg_nexthops_update(w->nexthops, nexthop);
	if (nexthop->state == KG_NEXTHOP_NO_ROUTE)
		no_route(w, &nexthop->peer);
}

/* Acknowledged when it is done. */
static void stop(struct kg_worker *w, atomic_uint *awaited)
{
	w->stopping = true;
	w->stop_awaited = awaited;
	w->stop_deadline_us = w->now_us + KG_SIDE_DRAIN_US;
	for (unsigned int i = 0; i < w->sides.count; i++)
		kg_side_drain(w->sides.all[i]);
}

static void set_destinations(struct kg_worker *w, const struct kg_destinations *to)
{
	const struct kg_side *side = kg_worker_side(w, to->tunnel);

	if (side != NULL)
		kg_session_set_destinations(side->session, to->ips, to->count, to->ports,
					    to->port_count, w->now_us);
}

static void hop(struct kg_worker *w, uint16_t tunnel)
{
	struct kg_side *side = kg_worker_side(w, tunnel);

	if (side != NULL)
		kg_session_hop(side->session, w->now_us);
}

static void too_big(struct kg_worker *w, const struct kg_too_big *word)
{
	struct kg_side *side = kg_worker_side(w, word->tunnel);

	if (side != NULL)
		kg_session_too_big(side->session, &word->ends, word->mtu, w->now_us);
}

/* The last one wakes who waits. */
static void acknowledge(struct kg_worker *w, atomic_uint *awaited)
{
	if (atomic_fetch_sub_explicit(awaited, 1, memory_order_acq_rel) == 1)
		kg_waker_wake(&w->box->control_waker);
}

/* Acknowledged when it has ended. */
static void drain(struct kg_side *side, atomic_uint *awaited)
{
	side->awaited = awaited;
	if (!side->draining)
		kg_side_drain(side);
}

static void end_drained(struct kg_worker *w)
{
	for (unsigned int i = w->sides.count; i > 0; i--) {
		struct kg_side *side = w->sides.all[i - 1];
		atomic_uint *awaited = side->awaited;

		if (awaited == NULL || !side->draining || !kg_side_is_drained(side))
			continue;
		kg_side_end(side);
		acknowledge(w, awaited);
	}
}

/* Before mail is read: what payload threads said before it has been heard in the turn. Where
 * nothing is open peers hear at once that their mux channels end, lest they open something on these
 * while the gates are shut. */
static void end_rested(struct kg_worker *w)
{
	for (unsigned int i = 0; w->resting_sides > 0 && i < w->sides.count; i++) {
		struct kg_side *side = w->sides.all[i];

		if (!side->resting || side->draining || side->awaited == NULL ||
		    !kg_resting_is_over(side))
			continue;
		acknowledge(w, side->awaited);
		side->awaited = NULL;
		if (side->conns == 0)
			kg_side_drain(side);
	}
}

/* Has everyone been told, or is it time to go anyway? */
static bool has_stopped(const struct kg_worker *w)
{
	if (w->now_us >= w->stop_deadline_us)
		return true;
	for (unsigned int i = 0; i < w->sides.count; i++) {
		if (!kg_side_is_over(w->sides.all[i]))
			return false;
	}
	return STAILQ_EMPTY(&w->conns);
}

static void end_stop(struct kg_worker *w)
{
	if (w->stop_awaited == NULL || !has_stopped(w))
		return;
	acknowledge(w, w->stop_awaited);
	w->stop_awaited = NULL;
}

void kg_mail_read(struct kg_worker *w)
{
	struct kg_mail mail;

	end_rested(w);
	while (rte_ring_sc_dequeue_elem(w->mail, &mail, sizeof(mail)) == 0) {
		switch (mail.type) {
		case KG_MAIL_NEXTHOP:
			next_hop(w, &mail.nexthop);
			break;
		case KG_MAIL_FORGET_NEXTHOP:
			kg_nexthops_forget(w->nexthops, &mail.nexthop.peer);
			break;
		case KG_MAIL_PAGE:
			kg_pages_begin(w, mail.page);
			break;
		case KG_MAIL_LEAVE_PORT:
			kg_arrival_leave(w, mail.port);
			break;
		case KG_MAIL_DESTINATIONS:
			set_destinations(w, mail.destinations);
			break;
		case KG_MAIL_TOO_BIG:
			too_big(w, &mail.too_big);
			break;
		case KG_MAIL_HOP:
			hop(w, mail.tunnel);
			break;
		case KG_MAIL_TRACE:
			w->trace = mail.trace;
			break;
		case KG_MAIL_BEGIN_SIDE:
			mail.side->barred = kg_side_begin(mail.side);
			break;
		case KG_MAIL_OPEN_SIDE:
			mail.side->barred = false;
			break;
		case KG_MAIL_REST_SIDE:
			kg_resting_begin(mail.side, mail.awaited);
			continue;
		case KG_MAIL_DRAIN_SIDE:
			drain(mail.side, mail.awaited);
			continue;
		case KG_MAIL_STOP:
			stop(w, mail.awaited);
			continue;
		case KG_MAIL_LEAVE:
			w->leave_awaited = mail.awaited;
			continue;
		}
		if (mail.awaited != NULL)
			acknowledge(w, mail.awaited);
	}
	end_drained(w);
	end_stop(w);
	kg_pages_fill(w);
}
