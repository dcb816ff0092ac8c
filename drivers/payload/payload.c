/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The payload thread's loop: messages of the workers, sources that are ready, deadlines; then
 * epoll, which sleeps only when a whole turn found nothing to do.
 */
#include "payload/internal.h"

#include "thread/helper.h"
#include "thread/monotonic.h"

#define EVENTS_PER_TURN 64
#define SPIN_US         20 /* without work before a sleep: a wake-up costs the worker */
#define STREAM_TURNS    8  /* with work since the last sleep: more will come at once */
#define STALL_MS        1  /* until a full ring or an empty pool is looked at again */

/* ---- workers ---- */

static bool take_messages(struct kg_payload *p, struct kg_link *link)
{
	unsigned int first;

	if (link->input_next == link->input_count) {
		link->input_next = 0;
		link->input_count = rte_ring_sc_dequeue_burst_elem(
			link->rings->to_payload, link->input, sizeof(link->input[0]),
			KG_INPUT_BURST, NULL);
	}
	first = link->input_next;
	while (link->input_next < link->input_count &&
	       kg_flow_input(p, link, &link->input[link->input_next]))
		link->input_next++;
	return link->input_next != first;
}

/* True when there was anyone to be told something. */
static bool wake_workers(struct kg_payload *p)
{
	bool any = false;

	for (unsigned int i = 0; i < p->config.link_count; i++) {
		if (p->links[i].posted)
			kg_waker_wake(p->links[i].rings->worker_waker);
		any |= p->links[i].posted;
		p->links[i].posted = false;
	}
	return any;
}

/* ---- the loop ---- */

/* Serves what is ready now, once each. True when something was done. */
static bool serve_ready(struct kg_payload *p)
{
	bool worked = false;

	for (unsigned int n = p->ready_count; n > 0 && !TAILQ_EMPTY(&p->ready); n--) {
		struct kg_source *source = TAILQ_FIRST(&p->ready);
		enum kg_served served;

		TAILQ_REMOVE(&p->ready, source, ready_link);
		p->ready_count--;
		source->ready = false;
		served = source->serve(p, source);
		if (served != KG_SERVED_IDLE)
			kg_source_wake(p, source);
		worked |= served != KG_SERVED_STALLED;
	}
	return worked;
}

static bool due(const struct kg_payload *p, const struct kg_flow *flow)
{
	return flow != NULL && flow->deadline_us <= p->now_us;
}

static void expire(struct kg_payload *p)
{
	struct kg_flow *flow;

	while (due(p, flow = TAILQ_FIRST(&p->connecting.flows)) ||
	       due(p, flow = TAILQ_FIRST(&p->trying.flows)))
		kg_dial_expire(p, flow);
	while (due(p, flow = TAILQ_FIRST(&p->draining.flows)))
		kg_tcp_lose_patience(p, flow);
	kg_gates_expire(p);
}

static bool put_off(const struct kg_payload *p)
{
	bool any = !TAILQ_EMPTY(&p->ready);

	for (unsigned int i = 0; i < p->config.link_count; i++)
		any |= !TAILQ_EMPTY(&p->links[i].pending) ||
		       p->links[i].input_next != p->links[i].input_count;
	return any;
}

static uint64_t first_us(const struct kg_deadlines *deadlines)
{
	const struct kg_flow *flow = TAILQ_FIRST(&deadlines->flows);

	return flow != NULL ? flow->deadline_us : KG_NEVER_US;
}

/* Of all deadlines the next. */
static uint64_t due_us(const struct kg_payload *p)
{
	uint64_t us = KG_MIN(first_us(&p->draining), first_us(&p->connecting));

	us = KG_MIN(KG_MIN(us, first_us(&p->trying)), kg_gates_due_us(p));
	return KG_MIN(us, KG_MIN(kg_udp_loss_next_us(p), kg_udp_holds_next_us(p)));
}

static int until_due_ms(const struct kg_payload *p)
{
	uint64_t us = due_us(p);

	if (us == KG_NEVER_US)
		return -1;
	return us <= p->now_us ? 0 : (int)((us - p->now_us) / KG_US_PER_MS + 1);
}

/* The same of a thread that would lend what it has, were it quiet. */
static int until_due_or_quiet_ms(const struct kg_payload *p)
{
	int due_ms = until_due_ms(p), quiet_ms = kg_quiet_in_ms(p);

	if (!kg_loan_is_wanted(&p->loan) || quiet_ms == 0)
		return due_ms;
	return due_ms < 0 ? quiet_ms : KG_MIN(due_ms, quiet_ms);
}

bool kg_payload_spins(const struct kg_payload *p)
{
	return p->working_turns >= STREAM_TURNS && p->now_us - p->worked_us < SPIN_US;
}

/* How long the thread may sleep, as epoll counts it. */
static int sleep_ms(const struct kg_payload *p)
{
	if (p->config.busy || kg_payload_spins(p))
		return 0;
	if (put_off(p))
		return STALL_MS;
	return until_due_or_quiet_ms(p);
}

static bool nothing_new(const struct kg_payload *p)
{
	for (unsigned int i = 0; i < p->config.link_count; i++) {
		if (!rte_ring_empty(p->links[i].rings->to_payload))
			return false;
	}
	return !kg_enquiries_answered(p->config.enquiries) && rte_ring_empty(p->gate_mail) &&
	       !atomic_load(&p->stop);
}

static void hear_sources(struct kg_payload *p, int timeout_ms)
{
	struct epoll_event events[EVENTS_PER_TURN];
	int count = epoll_wait(p->epoll_fd, events, EVENTS_PER_TURN, timeout_ms);

	for (int i = 0; i < count; i++) {
		struct kg_source *source = events[i].data.ptr;

		source->events |= events[i].events;
		kg_source_wake(p, source);
	}
}

static void doze(struct kg_payload *p, int timeout_ms)
{
	kg_waker_prepare(p->config.waker);
	if (!nothing_new(p))
		timeout_ms = 0;
	hear_sources(p, timeout_ms);
	kg_waker_cancel(p->config.waker);
	if (timeout_ms != 0)
		p->working_turns = 0;
}

static bool lends(const struct kg_payload *p)
{
	return kg_loan_is_wanted(&p->loan) && kg_quiet_in_ms(p) == 0 && !put_off(p) &&
	       !atomic_load_explicit(&p->stop, memory_order_relaxed);
}

/* To the only worker there is. */
static void lend(struct kg_payload *p)
{
	kg_count(&p->stats.lent, 1);
	kg_quiet_leave(p);
	kg_loan_lend(&p->loan, p->links[0].rings->worker_waker);
	kg_loan_await(&p->loan);
}

static void wait_events(struct kg_payload *p)
{
	int timeout_ms = sleep_ms(p);

	if (timeout_ms == 0)
		hear_sources(p, 0);
	else if (lends(p))
		lend(p);
	else
		doze(p, timeout_ms);
}

/* True when a worker was told something. */
static bool work(struct kg_payload *p)
{
	bool worked = false, told;

	p->now_us = kg_monotonic_us();
	for (unsigned int i = 0; i < p->config.link_count; i++) {
		kg_link_post_pending(p, &p->links[i]);
		worked |= take_messages(p, &p->links[i]);
	}
	kg_udp_holds_turn(p);
	kg_udp_flush(p);
	kg_udp_loss_turn(p);
	worked |= kg_enquiries_input(p->config.enquiries);
	worked |= kg_gates_input(p);
	worked |= serve_ready(p);
	expire(p);
	told = wake_workers(p);
	if (worked) {
		p->worked_us = p->now_us;
		p->working_turns++;
	}
	p->worked = worked;
	kg_quiet_count(p, worked);
	return told;
}

/* ---- lent to a worker ---- */

void kg_payload_want(struct kg_payload *p)
{
	kg_loan_want(&p->loan);
}

bool kg_payload_is_lent(const struct kg_payload *p)
{
	return kg_loan_is_lent(&p->loan);
}

bool kg_payload_serve(struct kg_payload *p, bool look)
{
	if (look)
		hear_sources(p, 0);
	return work(p);
}

bool kg_payload_wants_home(const struct kg_payload *p)
{
	return kg_quiet_is_stream(p) || (!p->worked && put_off(p)) ||
	       atomic_load_explicit(&p->stop, memory_order_relaxed);
}

void kg_payload_give_back(struct kg_payload *p)
{
	p->now_us = kg_monotonic_us();
	kg_quiet_return(p);
	kg_loan_give_back(&p->loan);
}

void kg_payload_prepare(struct kg_payload *p)
{
	kg_waker_prepare(p->config.waker);
	p->working_turns = 0;
}

bool kg_payload_rests(const struct kg_payload *p)
{
	return nothing_new(p) && !put_off(p);
}

void kg_payload_cancel(struct kg_payload *p)
{
	kg_waker_cancel(p->config.waker);
}

int kg_payload_fd(const struct kg_payload *p)
{
	return p->epoll_fd;
}

/* Counted from the last turn, whenever that was. */
uint64_t kg_payload_until_due_us(const struct kg_payload *p)
{
	uint64_t us = due_us(p), now_us;

	if (us == KG_NEVER_US)
		return KG_NEVER_US;
	now_us = kg_monotonic_us();
	return us <= now_us ? 0 : us - now_us;
}

/* ---- the thread ---- */

/* What the workers said before the stop is still done, as far as sockets take it at once. */
static void say_last(struct kg_payload *p)
{
	for (unsigned int i = 0; i < p->config.link_count; i++) {
		while (take_messages(p, &p->links[i]))
			;
	}
	kg_udp_holds_end(p);
	kg_udp_flush(p);
	serve_ready(p);
}

void kg_payload_run(struct kg_payload *p)
{
	bool known = kg_thread_begin(p->config.shared);

	while (!atomic_load_explicit(&p->stop, memory_order_relaxed)) {
		work(p);
		wait_events(p);
	}
	say_last(p);
	kg_payload_close_all(p);
	kg_thread_end(known);
}

void kg_payload_stop(struct kg_payload *p)
{
	atomic_store(&p->stop, true);
	kg_waker_wake(p->config.waker);
}
