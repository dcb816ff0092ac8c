/* SPDX-License-Identifier: BSD-3-Clause */
/* A thread that keeps names for a thread that enquires, as the control thread does. */
#pragma once

#include "resolver/enquiry.h"
#include "thread/monotonic.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

struct keeper {
	struct kg_enquiries enquiries;
	struct kg_waker waker;
	struct kg_names *names;
	pthread_t thread;
	atomic_bool stop;
};

static inline int keeper_timeout_ms(const struct keeper *keeper)
{
	uint64_t now_us = kg_monotonic_us(), due_us = kg_names_due_us(keeper->names, now_us);

	if (kg_enquiries_waiting(&keeper->enquiries) || atomic_load(&keeper->stop))
		return 0;
	return due_us == KG_NEVER_US ? -1 : (int)((due_us - now_us) / KG_US_PER_MS + 1);
}

static inline void *keeper_run(void *arg)
{
	struct keeper *keeper = arg;

	while (!atomic_load(&keeper->stop)) {
		struct pollfd fds[] = {
			{ .fd = kg_names_fd(keeper->names), .events = POLLIN },
			{ .fd = keeper->waker.fd, .events = POLLIN },
		};

		kg_waker_prepare(&keeper->waker);
		poll(fds, KG_ARRAY_SIZE(fds), keeper_timeout_ms(keeper));
		kg_waker_cancel(&keeper->waker);
		if (fds[1].revents != 0)
			kg_waker_take(&keeper->waker);
		kg_enquiries_serve(&keeper->enquiries, keeper->names, kg_monotonic_us());
		kg_names_input(keeper->names, kg_monotonic_us());
	}
	return NULL;
}

/* `name`: of its rings. */
static inline void keeper_start(struct keeper *keeper, struct kg_waker *asker, const char *name)
{
	keeper->names = kg_names_create();
	assert_non_null(keeper->names);
	assert_int_equal(kg_waker_init(&keeper->waker), 0);
	assert_int_equal(kg_enquiries_init(&keeper->enquiries, name), 0);
	keeper->enquiries.keeper_waker = &keeper->waker;
	keeper->enquiries.asker_waker = asker;
	assert_int_equal(pthread_create(&keeper->thread, NULL, keeper_run, keeper), 0);
}

/* When the asking thread has ended. */
static inline void keeper_end(struct keeper *keeper)
{
	atomic_store(&keeper->stop, true);
	kg_waker_wake(&keeper->waker);
	pthread_join(keeper->thread, NULL);
	kg_names_destroy(keeper->names);
	kg_enquiries_fini(&keeper->enquiries);
	kg_waker_fini(&keeper->waker);
}
