/* SPDX-License-Identifier: BSD-3-Clause */
#include "mail.h"

#include "box.h"
#include "worker.h"

static bool add_row(struct kg_snapshot *page, uint32_t index, const struct kg_side *side,
		    const struct kg_channel *ch, uint64_t now_us)
{
	if (index < page->skip)
		return true;
	if (page->count == KG_SNAPSHOT_CHANNELS) {
		page->more = true;
		return false;
	}
	page->rows[page->count].tunnel = side->tunnel;
	kg_channel_get_info(ch, &page->rows[page->count].info, now_us);
	page->count++;
	return true;
}

static void fill_snapshot(struct kg_worker *w, struct kg_snapshot *page)
{
	uint32_t index = 0;

	page->count = 0;
	page->more = false;
	for (uint16_t t = 0; t < w->box->tunnel_count && !page->more; t++) {
		const struct kg_side *side = &w->sides[t];
		struct kg_channel *ch = NULL;

		while ((ch = kg_session_next_channel(side->session, ch)) != NULL) {
			if (!add_row(page, index++, side, ch, w->now_us))
				break;
		}
	}
	atomic_store_explicit(&page->done, true, memory_order_release);
}

void kg_mail_read(struct kg_worker *w)
{
	struct kg_mail mail;

	while (rte_ring_sc_dequeue_elem(w->mail, &mail, sizeof(mail)) == 0) {
		switch (mail.type) {
		case KG_MAIL_NEXTHOP:
			kg_hops_update(w->hops, &mail.nexthop);
			break;
		case KG_MAIL_FORGET_HOPS:
			kg_hops_forget(w->hops);
			break;
		case KG_MAIL_SNAPSHOT:
			fill_snapshot(w, mail.snapshot);
			break;
		case KG_MAIL_STOP:
			kg_worker_begin_stop(w);
			break;
		}
	}
}
