/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a worker does when it finds nothing to do. Busy polling: nothing. Adaptive: it sleeps,
 * never past the next timer and 5 ms at most; the payload and control threads wake it at once, and
 * so do the ports, by a frame. Of a port that has nothing to wake it with (nic/rx_wake.h) frames
 * wait for the end of a sleep, and then it looks once more and sleeps in growing steps: 1 ms at
 * most, or 5 ms after a quarter of a second of idleness. It does so, too, after a port has woken it
 * and had no frame, until there is work again, and while a payload thread's ring is full.
 *
 * Sockets of payload threads that have lent what they have (borrowed.h) wake it as frames do; who
 * does not find the time to sleep gives them back.
 *
 * Under load it does what a NIC's interrupt moderation does: as soon as a turn was less than a
 * burst it naps, 100 us at most and woken by nobody. What has gathered then is one burst, is
 * answered by one ACK and is one message to the payload thread, where small turns would pay for
 * each of these several times over.
 */
#pragma once

#include "borrowed.h"
#include "config/config.h"
#include "nic/rx_wake.h"
#include "payload/msg.h"
#include "thread/load.h"

#include <poll.h>

struct kg_worker;

struct kg_idle {
	enum kg_poll poll;
	struct kg_waker *waker;
	uint32_t turns; /* in a row without work */
	struct kg_load load;
	uint32_t awake; /* turns since the last sleep */
	struct kg_borrowed *borrowed;
	/* the waker, payload threads that may lend, ports */
	struct pollfd fds[1 + KG_CONFIG_PAYLOAD_THREADS_MAX + KG_CONFIG_PORTS_MAX];
	unsigned int fd_count;
	const struct kg_rx_wake *interrupts[KG_CONFIG_PORTS_MAX]; /* of ports that have them */
	unsigned int interrupt_count;
	bool armed;       /* they are, since before the last look */
	bool blind;       /* a port has nothing to wake us with */
	bool false_alarm; /* a port has woken us, and so far there was nothing to do */
};

enum kg_idle_sleep {
	KG_IDLE_NO_SLEEP,
	KG_IDLE_SLEPT,
	KG_IDLE_WOKEN_BY_FRAME, /* slept, if not for long */
};

/* On the worker's own thread; `borrowed` has begun. */
void kg_idle_init(struct kg_idle *idle, enum kg_poll poll, struct kg_waker *waker,
		  struct kg_borrowed *borrowed);
/* Before the first turn: a frame that comes to this queue ends a sleep. */
void kg_idle_watch(struct kg_idle *idle, const struct kg_rx_wake *wake);
/* After every turn, with what it worked on in frames and messages. */
enum kg_idle_sleep kg_idle_turn(struct kg_idle *idle, const struct kg_worker *w, unsigned int work);
