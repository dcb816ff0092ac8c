/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a worker does when it finds nothing to do. Busy polling: nothing. Adaptive: after a short
 * spin it sleeps in growing steps, never past the next timer; the payload and control threads
 * wake it at once, only the NIC has to wait for the end of a step: 1 ms at most, or 5 ms after a
 * quarter of a second of idleness.
 *
 * Under load it does what a NIC's interrupt moderation does: as soon as a turn was less than a
 * burst it naps, 100 us at most and woken by nobody. What has gathered then is one burst, is
 * answered by one ACK and is one message to the payload thread, where small turns would pay for
 * each of these several times over.
 */
#pragma once

#include "config/config.h"
#include "payload/msg.h"

struct kg_worker;

struct kg_idle {
	enum kg_poll poll;
	struct kg_waker *waker;
	uint32_t turns;    /* in a row without work */
	uint64_t work;     /* frames and messages since the last sleep */
	uint64_t since_us; /* when that was */
};

/* On the worker's own thread. */
void kg_idle_init(struct kg_idle *idle, enum kg_poll poll, struct kg_waker *waker);
/* After every turn, with what it worked on in frames and messages; true when it slept. */
bool kg_idle_turn(struct kg_idle *idle, const struct kg_worker *w, unsigned int work);
