/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What payload threads have lent to a worker (payload/payload.h): it serves their sockets in its
 * own turns and its sleep waits for them, too. So a question passes a box in one thread. The only
 * worker of an adaptive box borrows; as soon as it does not find the time to sleep, or what it was
 * lent is not quiet any more, it gives it back.
 */
#pragma once

#include "config/config.h"

#include <poll.h>

struct kg_box;
struct kg_payload;
struct kg_payload_link;

/* Of one payload thread; the worker's. */
struct kg_borrowed_payload {
	struct kg_payload *payload;
	const struct kg_payload_link *rings;
	bool lent;
	bool slept;      /* since it was served, and nothing has come */
	bool told;       /* the worker, since it collected all */
	uint64_t due_us; /* when the next of its deadlines is */
};

struct kg_borrowed {
	struct kg_borrowed_payload all[KG_CONFIG_PAYLOAD_THREADS_MAX];
	unsigned int count; /* that may lend */
};

/* On the worker's own thread, before its first turn. */
void kg_borrowed_begin(struct kg_borrowed *b, struct kg_box *box);

/* ---- in a turn ---- */

/* What applications have said is posted; to be collected now. */
void kg_borrowed_read(struct kg_borrowed *b, uint64_t now_us);
/* What applications are told goes to their sockets. */
void kg_borrowed_write(struct kg_borrowed *b);

/* ---- between turns ---- */

void kg_borrowed_give_back(struct kg_borrowed *b);
/* How long a sleep may take; KG_NEVER_US: as long as it likes. */
uint64_t kg_borrowed_until_due_us(struct kg_borrowed *b, uint64_t now_us);
/* A place for each, which stands for nothing while it is not lent. */
void kg_borrowed_watch(const struct kg_borrowed *b, struct pollfd *fds);
/* Around a sleep, beside the worker's own waker: false when there must be none. */
bool kg_borrowed_prepare(struct kg_borrowed *b);
void kg_borrowed_cancel(struct kg_borrowed *b);
/* After it: only what has woken the worker is looked at. */
void kg_borrowed_hear(struct kg_borrowed *b, const struct pollfd *fds);
/* What the ring of the n-th payload thread holds is such that nobody would be woken for it. */
bool kg_borrowed_may_wait(const struct kg_borrowed *b, unsigned int n);
