/* SPDX-License-Identifier: BSD-3-Clause */
/* Decides when and for how long a worker sleeps. */
#include "idle.h"

#include "worker.h"

#include <poll.h>
#include <rte_pause.h>
#include <sys/prctl.h>
#include <time.h>

#define SPIN_TURNS     4 /* before the first sleep */
#define TURNS_PER_STEP 8 /* sleeps of one length before it doubles */
#define STEP_MIN_US    16
#define STEP_MAX_US    1000 /* worst delay of a frame that meets an idle worker */
#define STEP_DOUBLINGS 6    /* 16 << 6 > 1000 */
#define LONG_TURNS     300 /* about a quarter of a second without work: then the steps are longer */
#define LONG_STEP_US   5000

/* So many frames and messages since the last sleep, at least one in so long: more will come. */
#define BULK_WORK    16
#define BULK_EACH_US 10
#define BULK_NAP_US  100

/* The default slack of 50 us would make every short step a long one. */
#define TIMER_SLACK_NS 1000

void kg_idle_init(struct kg_idle *idle, enum kg_poll poll, struct kg_waker *waker)
{
	*idle = (struct kg_idle){ .poll = poll, .waker = waker };
	if (poll == KG_POLL_ADAPTIVE)
		prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
}

static uint64_t until_timer_us(const struct kg_worker *w)
{
	uint64_t next = kg_twheel_next_us(w->wheel);

	return next <= w->now_us ? 0 : next - w->now_us;
}

static uint64_t step_us(const struct kg_idle *idle)
{
	uint32_t doublings = (idle->turns - SPIN_TURNS) / TURNS_PER_STEP;
	uint64_t step = STEP_MIN_US << KG_MIN(doublings, (uint32_t)STEP_DOUBLINGS);

	return idle->turns < LONG_TURNS ? KG_MIN(step, (uint64_t)STEP_MAX_US) : LONG_STEP_US;
}

static bool rings_empty(const struct kg_worker *w)
{
	for (unsigned int i = 0; i < w->link_count; i++) {
		if (!rte_ring_empty(w->links[i].rings->to_worker))
			return false;
	}
	if (w->kernel->from_kernel != NULL && !rte_ring_empty(w->kernel->from_kernel))
		return false;
	return rte_ring_empty(w->mail);
}

static struct timespec timespec_of(uint64_t us)
{
	return (struct timespec){ .tv_nsec = (long)us * 1000 };
}

static void doze(const struct kg_idle *idle, const struct kg_worker *w, uint64_t us)
{
	struct pollfd fd = { .fd = idle->waker->fd, .events = POLLIN };
	struct timespec timeout = timespec_of(us);

	kg_waker_prepare(idle->waker);
	if (rings_empty(w))
		ppoll(&fd, 1, &timeout, NULL);
	kg_waker_cancel(idle->waker);
	if (fd.revents != 0)
		kg_waker_take(idle->waker);
}

/* Nobody wakes it, and so nobody pays for waking it. */
static void nap(uint64_t us)
{
	struct timespec time = timespec_of(us);

	nanosleep(&time, NULL);
}

static bool is_bulk(const struct kg_idle *idle, const struct kg_worker *w)
{
	return idle->work >= BULK_WORK && w->now_us - idle->since_us <= idle->work * BULK_EACH_US;
}

bool kg_idle_turn(struct kg_idle *idle, const struct kg_worker *w, unsigned int work)
{
	uint64_t until_us;
	bool bulk;

	idle->work += work;
	idle->turns = work > 0 ? 0 : idle->turns + 1;
	if (idle->poll == KG_POLL_BUSY || work >= KG_NIC_BURST)
		return false;
	bulk = is_bulk(idle, w);
	if (!bulk && idle->turns <= SPIN_TURNS) {
		rte_pause();
		return false;
	}
	until_us = until_timer_us(w);
	if (until_us == 0)
		return false;
	idle->work = 0;
	idle->since_us = w->now_us;
	if (bulk)
		nap(KG_MIN(until_us, (uint64_t)BULK_NAP_US));
	else
		doze(idle, w, KG_MIN(until_us, step_us(idle)));
	return true;
}
