/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control thread's event loop. A source has a descriptor, a deadline, or both, and one callback
 * that does what there is to do. Sources come and go while the loop runs, from within callbacks
 * too. One thread.
 */
#pragma once

#include "base/base.h"
#include "thread/waker.h"

#include <sys/queue.h>

struct kg_loop;

struct kg_loop_source {
	/* The owner's; `fd` and `waker` stay while it is in the loop. */
	int fd;          /* served while it is readable; -1: none */
	uint64_t due_us; /* served from then on, until the owner changes it; KG_NEVER_US: none */
	/* Called for either reason; does what is there and is due, and does not wait. */
	void (*serve)(struct kg_loop_source *source, uint64_t now_us);
	/* Other threads feed it by a ring: does that hold something? NULL: they do not. */
	bool (*fed)(const struct kg_loop_source *source);
	/* By which they end the loop's sleep; `fd` is its. NULL: another source has it, or nobody
	 * feeds this one. */
	struct kg_waker *waker;

	/* the loop's */
	TAILQ_ENTRY(kg_loop_source) link;
	struct kg_loop *loop; /* the one it is in, or NULL */
	bool ready;
};

TAILQ_HEAD(kg_loop_sources, kg_loop_source);

struct kg_loop {
	struct kg_loop_sources sources;
	uint64_t (*clock_us)(void);
	int epoll_fd;
	bool ended, good;
};

/* False with errno set. Fini comes after the last source has left. */
bool kg_loop_init(struct kg_loop *loop, uint64_t (*clock_us)(void));
void kg_loop_fini(struct kg_loop *loop);

/* False with errno set: its descriptor cannot be watched, and it is not in the loop. */
bool kg_loop_add(struct kg_loop *loop, struct kg_loop_source *source);
/* Harmless when it is in none. The source may be freed after it. */
void kg_loop_remove(struct kg_loop_source *source);

/* Serves until a source says that it is over; returns what that one said. */
bool kg_loop_run(struct kg_loop *loop);
void kg_loop_end(struct kg_loop *loop, bool good);
