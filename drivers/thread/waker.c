/* SPDX-License-Identifier: BSD-3-Clause */
/* Ends the sleep of a thread that waits for messages (docs/decisions/0002-wakers.md). */
#include "thread/waker.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int kg_waker_init(struct kg_waker *waker)
{
	atomic_init(&waker->sleeping, false);
	waker->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return waker->fd < 0 ? -errno : 0;
}

void kg_waker_fini(struct kg_waker *waker)
{
	if (waker->fd >= 0)
		close(waker->fd);
	waker->fd = -1;
}

/*
 * The fences of claim and prepare pair up: either the sleeper's second look at the ring sees the
 * message, or the waker sees that it sleeps.
 */
bool kg_waker_claim(struct kg_waker *waker)
{
	atomic_thread_fence(memory_order_seq_cst);
	return atomic_load_explicit(&waker->sleeping, memory_order_relaxed) &&
	       atomic_exchange(&waker->sleeping, false);
}

void kg_waker_post(struct kg_waker *waker)
{
	const uint64_t one = 1;

	/* Can only fail when the counter is full, and then the sleeper is awake. */
	if (write(waker->fd, &one, sizeof(one)) < 0)
		return;
}

void kg_waker_wake(struct kg_waker *waker)
{
	if (kg_waker_claim(waker))
		kg_waker_post(waker);
}

void kg_waker_prepare(struct kg_waker *waker)
{
	atomic_store_explicit(&waker->sleeping, true, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
}

void kg_waker_cancel(struct kg_waker *waker)
{
	atomic_store_explicit(&waker->sleeping, false, memory_order_relaxed);
}

void kg_waker_take(struct kg_waker *waker)
{
	uint64_t count;

	if (read(waker->fd, &count, sizeof(count)) < 0)
		return;
}
