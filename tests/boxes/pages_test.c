/* SPDX-License-Identifier: BSD-3-Clause */
/* Several ask one worker for pages at the same time, and each gets what it has asked for. */
#include "boxes/stage_rig.h"

#include "conn.h"

#define CHANNELS 40
#define ASKERS   2

static struct kg_conn conns[CHANNELS];

static void open_channels(struct kg_side *side)
{
	for (unsigned int i = 0; i < CHANNELS; i++) {
		conns[i].side = side;
		assert_true(kg_streams_open(side->streams, &conns[i].stream, KG_PROTOCOL_TCP, NULL,
					    RIG_START_US));
	}
}

static void ask(struct kg_worker *w, struct kg_page *page, uint16_t tunnel, uint32_t skip)
{
	page->kind = KG_PAGE_CHANNELS;
	page->tunnel = tunnel;
	page->skip = skip;
	atomic_store(&page->done, false);
	kg_pages_begin(w, page);
}

static void each_gets_its_own(void **state)
{
	static struct kg_page pages[ASKERS], nobodys;
	struct kg_worker *w = rig_worker(CLIENT, 0);
	uint32_t seen[ASKERS] = { 0 };

	open_channels(two_boxes_side(w));
	for (uint32_t skip = 0; skip < CHANNELS; skip += KG_PAGE_ROWS) {
		ask(w, &pages[0], KG_PAGE_ALL_TUNNELS, skip);
		ask(w, &pages[1], two_boxes_side(w)->id, skip);
		ask(w, &nobodys, two_boxes_side(w)->id + 1, 0);
		for (int turn = 0; turn < ASKERS + 1; turn++)
			kg_pages_fill(w);
		for (int i = 0; i < ASKERS; i++) {
			assert_true(atomic_load(&pages[i].done));
			seen[i] += pages[i].count;
			assert_int_equal(pages[i].more, seen[i] < CHANNELS);
		}
		assert_true(atomic_load(&nobodys.done));
		assert_int_equal(nobodys.count, 0);
	}
	for (int i = 0; i < ASKERS; i++)
		assert_int_equal(seen[i], CHANNELS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_gets_its_own),
	};

	return cmocka_run_group_tests_name("pages", tests, rig_init, rig_fini);
}
