/* SPDX-License-Identifier: BSD-3-Clause */
#include "idle.h"

#include "worker.h"

#include <poll.h>
#include <rte_pause.h>
#include <sys/prctl.h>

#define SPIN_TURNS     4 /* before the first sleep */
#define TURNS_PER_STEP 8 /* sleeps of one length before it doubles */
#define STEP_MIN_US    16
#define STEP_MAX_US    1000 /* worst delay of a frame that meets an idle worker */
#define STEP_DOUBLINGS 6    /* 16 << 6 > 1000 */
#define LONG_TURNS     300 /* about a quarter of a second without work: then the steps are longer */
#define LONG_STEP_US   5000

/* The default slack of 50 us would make every short step a long one. */
#define TIMER_SLACK_NS 1000

void kg_idle_init(struct kg_idle *idle, enum kg_poll poll, struct kg_waker *waker)
{
	*idle = (struct kg_idle){ .poll = poll, .waker = waker };
	if (poll == KG_POLL_ADAPTIVE)
		prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
}

/* Length of the next sleep, 0 for none. */
static uint64_t step_us(const struct kg_idle *idle, const struct kg_worker *w)
{
	uint32_t doublings = (idle->turns - SPIN_TURNS) / TURNS_PER_STEP;
	uint64_t step = STEP_MIN_US << KG_MIN(doublings, (uint32_t)STEP_DOUBLINGS);
	uint64_t next = kg_twheel_next_us(w->wheel);

	if (next <= w->now_us)
		return 0;
	step = idle->turns < LONG_TURNS ? KG_MIN(step, (uint64_t)STEP_MAX_US) : LONG_STEP_US;
	return KG_MIN(step, next - w->now_us);
}

static bool rings_empty(const struct kg_worker *w)
{
	for (unsigned int i = 0; i < w->link_count; i++) {
		if (!rte_ring_empty(w->links[i].rings->to_worker))
			return false;
	}
	return rte_ring_empty(w->mail);
}

static void doze(const struct kg_idle *idle, uint64_t us)
{
	struct pollfd fd = { .fd = idle->waker->fd, .events = POLLIN };
	struct timespec timeout = { .tv_nsec = (long)us * 1000 };

	ppoll(&fd, 1, &timeout, NULL);
}

bool kg_idle_turn(struct kg_idle *idle, const struct kg_worker *w, bool worked)
{
	uint64_t us;

	idle->turns = worked ? 0 : idle->turns + 1;
	if (worked || idle->poll == KG_POLL_BUSY)
		return false;
	if (idle->turns <= SPIN_TURNS) {
		rte_pause();
		return false;
	}
	us = step_us(idle, w);
	if (us == 0)
		return false;
	kg_waker_prepare(idle->waker);
	if (rings_empty(w))
		doze(idle, us);
	kg_waker_cancel(idle->waker);
	return true;
}
