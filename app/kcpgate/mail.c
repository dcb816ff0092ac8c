/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads a worker's mail: next hops go into its table, pages of channels are filled a few per turn.
 */
#include "mail.h"

#include "arrival.h"
#include "box.h"
#include "worker.h"

#define TOUR_STEPS    1024 /* channels passed per turn: the others must not wait for a reader */
#define STOP_GRACE_US (500 * 1000u) /* for peers to acknowledge our goodbye */

static void begin_page(struct kg_worker *w, struct kg_snapshot *page)
{
	page->count = 0;
	page->more = false;
	w->tour.page = page;
	if (page->skip != 0 && page->skip == w->tour.passed)
		return;
	w->tour.passed = 0;
	w->tour.place = 0;
	for (unsigned int i = 0; i < w->sides.count; i++) {
		const struct kg_side *side = w->sides.all[i];

		kg_session_tour_begin(side->session);
	}
}

/* Of the side that the tour has come to; NULL: it is at its end. */
static struct kg_channel *next_channel(struct kg_worker *w, const struct kg_side **side)
{
	for (; w->tour.place < KG_SLOTS; w->tour.place++) {
		struct kg_channel *ch;

		*side = w->sides.places[w->tour.place];
		ch = *side != NULL ? kg_session_tour_next((*side)->session) : NULL;
		if (ch != NULL)
			return ch;
	}
	return NULL;
}

/* True when there is more to do for this page. */
static bool step(struct kg_worker *w, struct kg_snapshot *page)
{
	struct kg_snapshot_row *row = &page->rows[page->count];
	const struct kg_side *side;
	struct kg_channel *ch = next_channel(w, &side);

	if (ch == NULL)
		return false;
	if (w->tour.passed++ < page->skip)
		return true;
	row->tunnel = side->id;
	row->streams = kg_streams_of_channel(ch);
	kg_channel_get_info(ch, &row->info, w->now_us);
	page->more = ++page->count == KG_SNAPSHOT_CHANNELS;
	return !page->more;
}

static void fill_page(struct kg_worker *w)
{
	struct kg_snapshot *page = w->tour.page;

	for (int i = 0; i < TOUR_STEPS; i++) {
		if (step(w, page))
			continue;
		w->tour.page = NULL;
		atomic_store_explicit(&page->done, true, memory_order_release);
		return;
	}
}

static void no_route(struct kg_worker *w, const struct kg_ip *peer)
{
	for (unsigned int i = 0; i < w->sides.count; i++) {
		const struct kg_side *side = w->sides.all[i];

		if (side->tunnel->config->wire.role == KG_ROLE_CLIENT)
			kg_session_no_route(side->session, peer, w->now_us);
	}
}

static void next_hop(struct kg_worker *w, const struct kg_nexthop *hop)
{
	kg_nexthops_update(w->nexthops, hop);
	if (hop->state == KG_NEXTHOP_NO_ROUTE)
		no_route(w, &hop->peer);
}

static void stop(struct kg_worker *w)
{
	w->stopping = true;
	w->stop_deadline_us = w->now_us + STOP_GRACE_US;
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

void kg_mail_read(struct kg_worker *w)
{
	struct kg_mail mail;

	while (rte_ring_sc_dequeue_elem(w->mail, &mail, sizeof(mail)) == 0) {
		switch (mail.type) {
		case KG_MAIL_NEXTHOP:
			next_hop(w, &mail.nexthop);
			break;
		case KG_MAIL_FORGET_HOP:
			kg_nexthops_forget(w->nexthops, &mail.nexthop.peer);
			break;
		case KG_MAIL_SNAPSHOT:
			begin_page(w, mail.snapshot);
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
		case KG_MAIL_STOP:
			stop(w);
			break;
		}
		if (mail.awaited != NULL)
			acknowledge(w, mail.awaited);
	}
	if (w->tour.page != NULL)
		fill_page(w);
}
