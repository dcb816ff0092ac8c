/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pages of what a worker has, channels, paths, or the last that it has thrown away. Other threads
 * ask by mail, and the worker fills the page in, some rows a turn. Pages asked for one after the
 * other cost the worker no more than what is on them.
 */
#pragma once

#include "base/base.h"
#include "dropped.h"
#include "session/session.h"

#include <stdatomic.h>

/* DPDK answers with 16 KiB at most. */
#define KG_PAGE_ROWS 16

enum kg_page_kind {
	KG_PAGE_CHANNELS,
	KG_PAGE_PATHS,
	KG_PAGE_DROPPED, /* of all tunnels, and of none */
};

#define KG_PAGE_ALL_TUNNELS UINT16_MAX /* no id */

struct kg_page {
	enum kg_page_kind kind;
	uint16_t tunnel; /* id of the one that is asked for, or of all */
	uint32_t skip;   /* of this worker before the page */
	uint32_t count;  /* filled in */
	bool more;
	struct kg_page_row {
		uint16_t tunnel; /* id */
		uint32_t streams;
		union {
			struct kg_channel_info channel;
			struct kg_path_info path;
			struct kg_dropped dropped;
		};
	} rows[KG_PAGE_ROWS];
	struct kg_page *next; /* the worker's, with those that others have asked for meanwhile */
	atomic_bool done;     /* worker: wo, asker: ro until it asks again */
};

/* Where a worker is with them. */
struct kg_tour {
	struct kg_page *page; /* to be filled, and those after it; NULL: none */
	enum kg_page_kind kind;
	uint16_t tunnel; /* as in the page */
	uint32_t passed; /* rows since the beginning */
	uint16_t place;  /* of the side in the worker's slots; of the drop in its table */
};

struct kg_worker;

/* The worker's. After those that were begun before. */
void kg_pages_begin(struct kg_worker *w, struct kg_page *page);
/* Goes on with the page that was begun, if there is one. */
void kg_pages_fill(struct kg_worker *w);
