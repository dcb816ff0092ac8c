/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lets a thread sleep without missing a message: the sleeper announces itself, looks at its rings
 * once more, then waits on fd; who has put something in a ring wakes it if it sleeps. Costs the
 * waker a system call only when the other side really sleeps, which it never does under load.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

struct kg_waker {
	int fd;               /* eventfd */
	atomic_bool sleeping; /* written by both sides */
};

int kg_waker_init(struct kg_waker *waker); /* 0, or -errno */
void kg_waker_fini(struct kg_waker *waker);

/* Any thread, after putting something into a ring: claim, and post if that is true. */
void kg_waker_wake(struct kg_waker *waker);
/* The two steps of wake, between which the sleeper may do anything. True: it announced a sleep,
 * and the caller alone ends it. */
bool kg_waker_claim(struct kg_waker *waker);
void kg_waker_post(struct kg_waker *waker);

/*
 * The sleeper: prepare; look at the rings once more; wait for fd to be readable (level-triggered),
 * not at all if a ring holds something; cancel; take, if fd was readable. A post may come later
 * than the cancel of the sleep it was meant for. It ends the next sleep early, once.
 */
void kg_waker_prepare(struct kg_waker *waker);
void kg_waker_cancel(struct kg_waker *waker);
void kg_waker_take(struct kg_waker *waker);
