/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hierarchical timing wheel: one per worker, slots of a tick, O(1) arm, move and cancel. A timer
 * fires at or up to a tick after its deadline, never before. Not thread-safe.
 */
#pragma once

#include "base/base.h"

/* What is paced leaves in bursts of a tick, and what is sent again may be a tick late. */
#define KG_TWHEEL_TICK_US 250u

struct kg_timer {
	struct kg_timer *next, **link; /* private; link is NULL while not armed */
	uint64_t deadline_us;          /* private; KG_NEVER_US while not armed */
	void (*fire)(struct kg_timer *timer, uint64_t now_us); /* set by the owner, once */
};

struct kg_twheel;
struct kg_mem;

struct kg_twheel *kg_twheel_create(struct kg_mem *mem, uint64_t now_us);
/* Armed timers are forgotten, not fired. */
void kg_twheel_destroy(struct kg_twheel *wheel);

/* Arms, or moves to another deadline; KG_NEVER_US cancels. A deadline in the past fires at the
 * next advance. Cheap when the deadline stays in the same slot, cheaper when it stays. */
void kg_twheel_move(struct kg_twheel *wheel, struct kg_timer *timer, uint64_t deadline_us);
static inline void kg_twheel_arm(struct kg_twheel *wheel, struct kg_timer *timer,
				 uint64_t deadline_us)
{
	if (timer->link == NULL || timer->deadline_us != deadline_us)
		kg_twheel_move(wheel, timer, deadline_us);
}
void kg_twheel_cancel(struct kg_twheel *wheel, struct kg_timer *timer);

/* Fires what is due; a firing timer is unarmed and may arm or cancel any timer, itself too. */
void kg_twheel_advance(struct kg_twheel *wheel, uint64_t now_us);

/* A time before which nothing fires, at most one revolution of a level early; KG_NEVER_US when
 * empty. Tells an idle worker how long it may sleep. */
uint64_t kg_twheel_next_us(const struct kg_twheel *wheel);
