/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a worker does when it finds nothing to do. Busy polling: nothing. Adaptive: after a short
 * spin it sleeps in growing steps, never past the next timer; the payload and control threads
 * wake it at once, only the NIC has to wait for the end of a step: 1 ms at most, or 5 ms after a
 * quarter of a second of idleness.
 */
#pragma once

#include "config/config.h"
#include "payload/msg.h"

struct kg_worker;

struct kg_idle {
	enum kg_poll poll;
	struct kg_waker *waker;
	uint32_t turns; /* in a row without work */
};

/* On the worker's own thread. */
void kg_idle_init(struct kg_idle *idle, enum kg_poll poll, struct kg_waker *waker);
/* After every turn; true when it slept. */
bool kg_idle_turn(struct kg_idle *idle, const struct kg_worker *w, bool worked);
