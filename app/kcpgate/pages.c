/* SPDX-License-Identifier: BSD-3-Clause */
/* Fills pages of channels, of paths and of drops, side by side, as far as a turn allows. */
#include "pages.h"

#include "worker.h"

#define TOUR_STEPS 1024 /* rows passed per turn: the others must not wait for a reader */

/* Is the tour where the page begins? */
static bool goes_on(const struct kg_tour *tour, const struct kg_page *page)
{
	return page->skip != 0 && page->skip == tour->passed && page->kind == tour->kind &&
	       page->tunnel == tour->tunnel;
}

static void start(struct kg_worker *w, const struct kg_page *page)
{
	if (goes_on(&w->tour, page))
		return;
	w->tour.kind = page->kind;
	w->tour.tunnel = page->tunnel;
	w->tour.passed = 0;
	w->tour.place = 0;
	for (unsigned int i = 0; i < w->sides.count; i++) {
		const struct kg_side *side = w->sides.all[i];

		kg_session_tour_begin(side->session);
		kg_session_path_tour_begin(side->session);
	}
}

void kg_pages_begin(struct kg_worker *w, struct kg_page *page)
{
	struct kg_page **end = &w->tour.page;

	page->count = 0;
	page->more = false;
	page->next = NULL;
	while (*end != NULL)
		end = &(*end)->next;
	*end = page;
	if (page == w->tour.page)
		start(w, page);
}

static bool next_of_side(const struct kg_worker *w, const struct kg_side *side,
			 struct kg_page_row *row)
{
	struct kg_channel *ch;

	row->tunnel = side->id;
	if (w->tour.kind == KG_PAGE_PATHS)
		return kg_session_path_tour_next(side->session, &row->path, w->now_us);
	ch = kg_session_tour_next(side->session);
	if (ch == NULL)
		return false;
	row->streams = side->streams != NULL ? kg_streams_of_channel(ch) : 1;
	kg_channel_get_info(ch, &row->channel, w->now_us);
	return true;
}

static bool is_wanted(const struct kg_tour *tour, const struct kg_side *side)
{
	return tour->tunnel == KG_PAGE_ALL_TUNNELS || tour->tunnel == side->id;
}

static bool next_dropped(struct kg_worker *w, struct kg_page_row *row)
{
	while (w->tour.place < KG_DROPPED_PLACES) {
		const struct kg_dropped *place = &w->dropped.places[w->tour.place++];

		row->tunnel = place->tunnel;
		row->dropped = *place;
		if (place->count > 0)
			return true;
	}
	return false;
}

/* Of the side that the tour has come to, or of later ones; false: it is at its end. */
static bool next(struct kg_worker *w, struct kg_page_row *row)
{
	if (w->tour.kind == KG_PAGE_DROPPED)
		return next_dropped(w, row);
	for (; w->tour.place < KG_SLOTS; w->tour.place++) {
		const struct kg_side *side = w->sides.places[w->tour.place];

		if (side != NULL && is_wanted(&w->tour, side) && next_of_side(w, side, row))
			return true;
	}
	return false;
}

/* True when there is more to do for this page. */
static bool step(struct kg_worker *w, struct kg_page *page)
{
	if (!next(w, &page->rows[page->count]))
		return false;
	if (w->tour.passed++ < page->skip)
		return true;
	page->more = ++page->count == KG_PAGE_ROWS;
	return !page->more;
}

void kg_pages_fill(struct kg_worker *w)
{
	struct kg_page *page = w->tour.page;

	for (int i = 0; page != NULL && i < TOUR_STEPS; i++) {
		if (step(w, page))
			continue;
		w->tour.page = page->next;
		if (w->tour.page != NULL)
			start(w, w->tour.page);
		atomic_store_explicit(&page->done, true, memory_order_release);
		return;
	}
}
