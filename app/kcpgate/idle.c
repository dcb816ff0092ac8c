/* SPDX-License-Identifier: BSD-3-Clause */
/* Decides when and for how long a worker sleeps. */
#include "idle.h"

#include "box.h"
#include "nic/rx_interrupt.h"
#include "worker.h"

#include <rte_pause.h>
#include <sys/prctl.h>
#include <time.h>

#define SPIN_TURNS     2 /* before the first sleep in steps, for nobody ends it */
#define TURNS_PER_STEP 8 /* sleeps of one length before it doubles */
#define STEP_MIN_US    16
#define STEP_MAX_US    1000
#define STEP_DOUBLINGS 6   /* 16 << 6 > 1000 */
#define LONG_TURNS     300 /* about a quarter of a second without work: then the steps are longer */
#define LONG_STEP_US   5000
#define AWAKE_TURNS    32 /* without a sleep: it has enough to do by itself */

/* The default slack of 50 us would make every short step a long one. */
#define TIMER_SLACK_NS 1000

void kg_idle_init(struct kg_idle *idle, enum kg_poll poll, struct kg_waker *waker,
		  struct kg_borrowed *borrowed)
{
	*idle = (struct kg_idle){ .poll = poll, .waker = waker, .borrowed = borrowed };
	idle->fds[idle->fd_count++] = (struct pollfd){ .fd = waker->fd, .events = POLLIN };
	for (unsigned int i = 0; i < borrowed->count; i++)
		idle->fds[idle->fd_count++] = (struct pollfd){ .fd = -1, .events = POLLIN };
	if (poll == KG_POLL_ADAPTIVE)
		prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
}

void kg_idle_watch(struct kg_idle *idle, const struct kg_rx_wake *wake)
{
	if (wake->by == KG_RX_WAKE_BY_INTERRUPT)
		idle->interrupts[idle->interrupt_count++] = wake;
	if (wake->by == KG_RX_WAKE_BY_NOTHING)
		idle->blind = true;
	else
		idle->fds[idle->fd_count++] = (struct pollfd){ .fd = wake->fd, .events = POLLIN };
}

static uint64_t until_timer_us(const struct kg_idle *idle, const struct kg_worker *w)
{
	uint64_t next = kg_twheel_next_us(w->wheel);

	if (w->answer_us != 0)
		next = KG_MIN(next, w->answer_us);
	next = next <= w->now_us ? 0 : next - w->now_us;
	return KG_MIN(next, kg_borrowed_until_due_us(idle->borrowed, w->now_us));
}

/* What other workers have opened for us. */
static bool handed_in(const struct kg_worker *w)
{
	for (unsigned int from = 0; from < w->box->worker_count; from++) {
		const struct rte_ring *ring = w->box->handoff[w->index][from];

		if (ring != NULL && !rte_ring_empty(ring))
			return true;
	}
	return false;
}

/* Of every ring whose other end wakes us: what came before we said that we sleep wakes nobody. */
static bool rings_empty(const struct kg_worker *w)
{
	for (unsigned int i = 0; i < w->link_count; i++) {
		if (!rte_ring_empty(w->links[i].rings->to_worker) &&
		    !kg_borrowed_may_wait(&w->borrowed, i))
			return false;
	}
	if (w->kernel->from_kernel != NULL && !rte_ring_empty(w->kernel->from_kernel))
		return false;
	if (w->index == 0 && !rte_ring_empty(w->box->from_control))
		return false;
	return !handed_in(w) && rte_ring_empty(w->mail);
}

/* A full ring to a payload thread holds something up, and nobody says when it has room again. */
static bool put_off(const struct kg_worker *w)
{
	return !STAILQ_EMPTY(&w->conns) || w->refused_count > 0;
}

/* Something may happen of which nobody tells. */
static bool has_to_look(const struct kg_idle *idle, const struct kg_worker *w)
{
	return idle->blind || idle->false_alarm || put_off(w);
}

static uint64_t step_us(const struct kg_idle *idle, const struct kg_worker *w)
{
	uint32_t doublings = (idle->turns - SPIN_TURNS) / TURNS_PER_STEP;
	uint64_t step = STEP_MIN_US << KG_MIN(doublings, (uint32_t)STEP_DOUBLINGS);

	return has_to_look(idle, w) && idle->turns < LONG_TURNS
		       ? KG_MIN(step, (uint64_t)STEP_MAX_US)
		       : LONG_STEP_US;
}

/* Interrupts tell of what comes from now on; the turn that follows finds what has come before. */
static void arm(struct kg_idle *idle)
{
	for (unsigned int i = 0; i < idle->interrupt_count; i++)
		kg_rx_interrupt_arm(idle->interrupts[i]);
	idle->armed = true;
}

static void disarm(struct kg_idle *idle)
{
	for (unsigned int i = 0; i < idle->interrupt_count; i++)
		kg_rx_interrupt_disarm(idle->interrupts[i]);
	idle->armed = false;
}

/* Before a sleep that would miss something. */
static bool looks_once_more(struct kg_idle *idle, const struct kg_worker *w)
{
	if (idle->turns < SPIN_TURNS && has_to_look(idle, w))
		return true;
	if (idle->interrupt_count == 0 || (idle->armed && idle->turns > 0))
		return false;
	arm(idle);
	return true;
}

static struct timespec timespec_of(uint64_t us)
{
	return (struct timespec){ .tv_nsec = (long)us * 1000 };
}

static enum kg_idle_sleep hear_ports(const struct kg_idle *idle)
{
	enum kg_idle_sleep sleep = KG_IDLE_SLEPT;

	for (unsigned int i = 1 + idle->borrowed->count; i < idle->fd_count; i++) {
		short events = idle->fds[i].revents;

		if (events & (POLLERR | POLLHUP))
			kg_rx_wake_take_error(idle->fds[i].fd);
		if (events != 0)
			sleep = KG_IDLE_WOKEN_BY_FRAME;
	}
	return sleep;
}

/* A port that has woken us in vain is not listened to. */
static enum kg_idle_sleep doze(struct kg_idle *idle, const struct kg_worker *w, uint64_t us)
{
	unsigned int own = 1 + idle->borrowed->count; /* descriptors that are no port's */
	unsigned int count = idle->false_alarm ? own : idle->fd_count;
	struct timespec timeout = timespec_of(us);
	bool sleeps;
	int ready = 0;

	kg_borrowed_watch(idle->borrowed, &idle->fds[1]);
	kg_waker_prepare(idle->waker);
	sleeps = kg_borrowed_prepare(idle->borrowed) && rings_empty(w);
	if (sleeps)
		ready = ppoll(idle->fds, count, &timeout, NULL);
	kg_waker_cancel(idle->waker);
	kg_borrowed_cancel(idle->borrowed);
	if (!sleeps)
		return KG_IDLE_NO_SLEEP;
	if (ready > 0 && idle->fds[0].revents != 0)
		kg_waker_take(idle->waker);
	kg_borrowed_hear(idle->borrowed, &idle->fds[1]);
	return ready > 0 && count > own ? hear_ports(idle) : KG_IDLE_SLEPT;
}

/* Nobody wakes it; so who has sockets must not. */
static void nap(struct kg_idle *idle, uint64_t us)
{
	kg_borrowed_give_back(idle->borrowed);
	kg_load_nap(us);
}

static void count_turn(struct kg_idle *idle, unsigned int work)
{
	idle->load.work += work;
	idle->turns = work > 0 ? 0 : idle->turns + 1;
	idle->awake++;
	idle->false_alarm &= work == 0;
}

enum kg_idle_sleep kg_idle_turn(struct kg_idle *idle, const struct kg_worker *w, unsigned int work)
{
	enum kg_idle_sleep sleep = KG_IDLE_SLEPT;
	uint64_t until_us;
	bool bulk;

	count_turn(idle, work);
	if (idle->awake > AWAKE_TURNS)
		kg_borrowed_give_back(idle->borrowed);
	if (idle->poll == KG_POLL_BUSY || work >= KG_NIC_BURST)
		return KG_IDLE_NO_SLEEP;
	bulk = kg_load_is_bulk(&idle->load, w->now_us);
	if (!bulk && looks_once_more(idle, w)) {
		rte_pause();
		return KG_IDLE_NO_SLEEP;
	}
	until_us = until_timer_us(idle, w);
	if (until_us == 0)
		return KG_IDLE_NO_SLEEP;
	kg_load_sleep(&idle->load, w->now_us);
	if (bulk)
		nap(idle, KG_MIN(until_us, (uint64_t)KG_LOAD_NAP_US));
	else
		sleep = doze(idle, w, KG_MIN(until_us, step_us(idle, w)));
	if (idle->armed)
		disarm(idle);
	if (sleep != KG_IDLE_NO_SLEEP)
		idle->awake = 0;
	idle->false_alarm |= sleep == KG_IDLE_WOKEN_BY_FRAME; /* until there is work */
	return sleep;
}
