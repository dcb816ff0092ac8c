/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Waits in epoll for whichever source is first, then serves those that are ready, one by one. Each
 * is marked before the first is served, so that a callback may remove any of them.
 */
#include "control/loop.h"

#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_PER_TURN 32
#define SLEEP_MAX_MS    60000 /* a deadline that is farther is waited for in pieces */

bool kg_loop_init(struct kg_loop *loop, uint64_t (*clock_us)(void))
{
	*loop = (struct kg_loop){ .clock_us = clock_us };
	TAILQ_INIT(&loop->sources);
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return loop->epoll_fd >= 0;
}

void kg_loop_fini(struct kg_loop *loop)
{
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	loop->epoll_fd = -1;
}

/* ---- who is in ---- */

bool kg_loop_add(struct kg_loop *loop, struct kg_loop_source *source)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = source };

	if (source->fd >= 0 && epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, source->fd, &event) < 0)
		return false;
	source->loop = loop;
	source->ready = false;
	TAILQ_INSERT_TAIL(&loop->sources, source, link);
	return true;
}

void kg_loop_remove(struct kg_loop_source *source)
{
	if (source->loop == NULL)
		return;
	if (source->fd >= 0)
		epoll_ctl(source->loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
	TAILQ_REMOVE(&source->loop->sources, source, link);
	source->loop = NULL;
}

/* ---- waiting ---- */

/* As epoll counts it, rounded up; -1: nothing will be due. */
static int until_due_ms(const struct kg_loop *loop)
{
	uint64_t now_us = loop->clock_us(), due_us = KG_NEVER_US;
	const struct kg_loop_source *source;

	TAILQ_FOREACH (source, &loop->sources, link)
		due_us = KG_MIN(due_us, source->due_us);
	if (due_us == KG_NEVER_US)
		return -1;
	due_us = KG_MIN(due_us, now_us + SLEEP_MAX_MS * KG_US_PER_MS);
	return due_us <= now_us ? 0 : (int)((due_us - now_us + KG_US_PER_MS - 1) / KG_US_PER_MS);
}

/* From now on whoever feeds a ring ends the sleep. */
static void announce_sleep(const struct kg_loop *loop)
{
	const struct kg_loop_source *source;

	TAILQ_FOREACH (source, &loop->sources, link) {
		if (source->waker != NULL)
			kg_waker_prepare(source->waker);
	}
}

/* True: there is something to do for one of them at least. */
static bool mark_fed_and_due(const struct kg_loop *loop, uint64_t now_us)
{
	struct kg_loop_source *source;
	bool any = false;

	TAILQ_FOREACH (source, &loop->sources, link) {
		source->ready |= source->due_us <= now_us;
		source->ready |= source->fed != NULL && source->fed(source);
		any |= source->ready;
	}
	return any;
}

static void mark_readable(struct kg_loop *loop, int timeout_ms)
{
	struct epoll_event events[EVENTS_PER_TURN];
	int count = epoll_wait(loop->epoll_fd, events, EVENTS_PER_TURN, timeout_ms);
	struct kg_loop_source *source;

	TAILQ_FOREACH (source, &loop->sources, link) {
		if (source->waker != NULL)
			kg_waker_cancel(source->waker);
	}
	for (int i = 0; i < count; i++) {
		source = events[i].data.ptr;
		source->ready = true;
		if (source->waker != NULL)
			kg_waker_take(source->waker);
	}
}

static void wait_events(struct kg_loop *loop)
{
	bool any;

	announce_sleep(loop);
	any = mark_fed_and_due(loop, loop->clock_us());
	mark_readable(loop, any ? 0 : until_due_ms(loop));
	mark_fed_and_due(loop, loop->clock_us());
}

/* ---- serving ---- */

static struct kg_loop_source *first_ready(const struct kg_loop *loop)
{
	struct kg_loop_source *source;

	TAILQ_FOREACH (source, &loop->sources, link) {
		if (source->ready)
			return source;
	}
	return NULL;
}

bool kg_loop_run(struct kg_loop *loop)
{
	struct kg_loop_source *source;

	while (!loop->ended) {
		wait_events(loop);
		while (!loop->ended && (source = first_ready(loop)) != NULL) {
			source->ready = false;
			source->serve(source, loop->clock_us());
		}
	}
	return loop->good;
}

void kg_loop_end(struct kg_loop *loop, bool good)
{
	loop->ended = true;
	loop->good = good;
}
