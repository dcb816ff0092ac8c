/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes the workers: memory, tables and tunnels of each, and who wakes it. */
#include "box/internal.h"

#include "clock.h"
#include "nic/reassembly.h"
#include "shortcut.h"
#include "worker.h"

#include <rte_lcore.h>
#include <rte_malloc.h>

/* What a channel at rest takes of the arena, tables and handshakes of others included. A quarter is
 * left for the rings of those that are at work. */
#define CHANNEL_BYTES 1152

static bool create_parts(struct kg_worker *w, char *error, size_t error_bytes)
{
	struct kg_box *box = w->box;
	char name[KG_BOX_NAME_BYTES], part[32];

	w->arena = kg_arena_create(box->arena_bytes);
	if (w->arena != NULL)
		w->wheel = kg_twheel_create(kg_arena_mem(w->arena), w->now_us);
	snprintf(part, sizeof(part), "nexthops%u", w->index);
	kg_box_name(box, name, part);
	w->nexthops = kg_nexthops_create(name);
	snprintf(part, sizeof(part), "cuts%u", w->index);
	kg_box_name(box, name, part);
	w->shortcuts = kg_shortcuts_create(name, w->channels_max);
	w->reassembly = kg_reassembly_create();
	if (w->wheel == NULL || w->nexthops == NULL || w->shortcuts == NULL ||
	    w->reassembly == NULL) {
		snprintf(error, error_bytes, "worker %u: out of memory (memory.mb is %u)", w->index,
			 box->config->memory_mb);
		return false;
	}
	kg_local_ports_init(&w->local_ports, box->config->local_ports, &box->linux_ports, w->index,
			    box->worker_count, &w->rng);
	return true;
}

static bool begin_sides(struct kg_worker *w, char *error, size_t error_bytes)
{
	for (unsigned int t = 0; t < w->box->tunnels.count; t++) {
		struct kg_box_tunnel *tunnel = w->box->tunnels.all[t];

		tunnel->sides[w->index] = kg_side_create(w, tunnel);
		if (tunnel->sides[w->index] == NULL || !kg_side_begin(tunnel->sides[w->index]))
			FAIL("tunnel %s: out of memory", tunnel->config->name);
	}
	return true;
}

static void destroy_worker(struct kg_worker *w)
{
	if (w == NULL)
		return;
	rte_pktmbuf_free_bulk(w->spare, w->spare_count);
	for (unsigned int t = 0; t < w->box->tunnels.count; t++) {
		struct kg_box_tunnel *tunnel = w->box->tunnels.all[t];

		if (tunnel->sides[w->index] != NULL)
			kg_side_end(tunnel->sides[w->index]);
		kg_side_destroy(tunnel->sides[w->index]);
		tunnel->sides[w->index] = NULL;
	}
	if (w->wheel != NULL)
		kg_twheel_destroy(w->wheel);
	kg_waker_fini(&w->waker);
	kg_nexthops_destroy(w->nexthops);
	kg_shortcuts_destroy(w->shortcuts);
	kg_reassembly_destroy(w->reassembly);
	kg_arena_destroy(w->arena);
	rte_free(w);
}

static struct kg_worker *create_worker(struct kg_box *box, unsigned int index, char *error,
				       size_t error_bytes)
{
	struct kg_worker *w = rte_zmalloc("kg_worker", sizeof(*w), RTE_CACHE_LINE_SIZE);

	if (w == NULL) {
		snprintf(error, error_bytes, "worker %u: out of memory", index);
		return NULL;
	}
	w->box = box;
	w->index = index;
	w->link_count = box->payload_count;
	w->channels_max = (uint32_t)(box->arena_bytes / 4 * 3 / CHANNEL_BYTES);
	for (unsigned int i = 0; i < w->link_count; i++)
		w->links[i].rings = &box->payloads[i].links[index];
	w->kernel = &box->pump.links[index];
	w->mail = box->mail[index];
	w->reports = box->reports[index];
	w->now_us = kg_clock_now_us();
	w->unix_s = kg_clock_unix_s();
	kg_rng_init(&w->rng, kg_clock_seed());
	STAILQ_INIT(&w->conns);
	kg_carried_init(&w->carried);
	if (kg_waker_init(&w->waker) != 0 || !create_parts(w, error, error_bytes) ||
	    !begin_sides(w, error, error_bytes)) {
		destroy_worker(w);
		return NULL;
	}
	return w;
}

bool kg_box_init_workers(struct kg_box *box, char *error, size_t error_bytes)
{
	box->worker_count = box->config->worker_count;
	for (unsigned int i = 0; i < box->worker_count; i++) {
		if (!rte_lcore_is_enabled(i))
			FAIL("workers[%u]: EAL was given no lcore %u", i, i);
		box->workers[i] = create_worker(box, i, error, error_bytes);
		if (box->workers[i] == NULL)
			return false;
		for (unsigned int t = 0; t < box->payload_count; t++)
			box->payloads[t].links[i].worker_waker = &box->workers[i]->waker;
		box->pump.links[i].worker_waker = &box->workers[i]->waker;
	}
	return true;
}

void kg_box_fini_workers(struct kg_box *box)
{
	for (unsigned int i = 0; i < box->worker_count; i++)
		destroy_worker(box->workers[i]);
}
