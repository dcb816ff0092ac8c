/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls the stages in their order, turn after turn, until the worker is told to stop. */
#include "turn.h"

#include "box.h"
#include "clock.h"
#include "complain.h"
#include "idle.h"
#include "stage/stage.h"
#include "trace.h"

/* Per turn. Receiving comes first, for ACKs spare copies; sending does not wait for it for ever. */
#define INPUT_BURSTS_MAX  8
#define OUTPUT_BURSTS_MAX 16
#define OUTPUT_BURSTS_RX  2  /* while frames still wait */
#define PUBLISHED_SIDES   4u /* per housekeeping */

#define QUESTION_FRAMES 2   /* more are a stream's, which wants its acknowledgements */
#define ANSWER_US       250 /* most applications that answer at once have done so */

/*
 * The way of a burst stands here once and is compiled twice: `traced` is known where it is called,
 * so that there is nothing to ask on the way while nobody traces.
 */
#define ONCE_FOR_EACH static inline __attribute__((always_inline))

/* A burst from a port. `more`: frames still wait there. */
ONCE_FOR_EACH uint16_t receive_burst(struct kg_worker *w, uint16_t port, bool *more, bool traced)
{
	struct rte_mbuf *v[KG_NIC_BURST];
	uint16_t n, total;

	if (traced)
		kg_trace_begin(w);
	n = total = kg_stage_rx(w, port, v);
	*more |= n == KG_NIC_BURST;
	if (traced)
		kg_trace_passed(w, KG_STAGE_RX, v, n);
	n = kg_stage_classify(w, v, n);
	if (traced)
		kg_trace_passed(w, KG_STAGE_CLASSIFY, v, n);
	n = kg_stage_to_control(w, v, n);
	n = kg_stage_app_input(w, v, n);
	if (traced)
		kg_trace_sealed(w, v, n);
	n = kg_stage_open(w, v, n);
	if (traced)
		kg_trace_opened(w, KG_STAGE_OPEN, v, n);
	n = kg_stage_steer(w, v, n);
	if (traced)
		kg_trace_passed(w, KG_STAGE_STEER, v, n);
	kg_stage_session_input(w, v, n);
	if (traced)
		kg_trace_end(w, KG_STAGE_SESSION_INPUT);
	return total;
}

/* A burst that other workers have opened for us; 0: there is none. */
ONCE_FOR_EACH uint16_t receive_handed(struct kg_worker *w, bool traced)
{
	struct rte_mbuf *v[KG_NIC_BURST];
	uint16_t n = kg_stage_steer_in(w, v), total = n;

	if (traced)
		kg_trace_begin(w);
	n = kg_stage_app_input(w, v, n);
	if (traced)
		kg_trace_opened(w, KG_STAGE_STEER, v, n);
	kg_stage_session_input(w, v, n);
	if (traced)
		kg_trace_end(w, KG_STAGE_SESSION_INPUT);
	return total;
}

/* NIC -> application: one burst from each port at a time, and what came from other workers. */
ONCE_FOR_EACH unsigned int receive(struct kg_worker *w, bool *more, bool traced)
{
	unsigned int total = 0;
	uint16_t n;

	*more = true;
	for (int burst = 0; *more && burst < INPUT_BURSTS_MAX; burst++) {
		*more = false;
		for (uint16_t port = 0; port < w->box->port_count; port++)
			total += receive_burst(w, port, more, traced);
		while ((n = receive_handed(w, traced)) > 0)
			total += n;
	}
	return total;
}

/* Application -> NIC: what is due, burst by burst. */
ONCE_FOR_EACH uint16_t transmit(struct kg_worker *w, int bursts_max, bool traced)
{
	struct rte_mbuf *v[KG_NIC_BURST];
	uint16_t n, total = 0;

	for (int burst = 0; burst < bursts_max; burst++) {
		if (traced)
			kg_trace_begin(w);
		n = kg_stage_session_output(w, v);
		if (n == 0)
			break;
		total += n;
		if (traced)
			kg_trace_to_seal(w, v, n);
		n = kg_stage_seal(w, v, n);
		if (traced)
			kg_trace_to_send(w, v, n);
		kg_stage_route(w, v, n);
		if (traced)
			kg_trace_end(w, KG_STAGE_ROUTE);
	}
	kg_stage_tx(w);
	return total;
}

static unsigned int receive_all(struct kg_worker *w, bool *more)
{
	return w->trace == NULL ? receive(w, more, false) : receive(w, more, true);
}

static unsigned int transmit_due(struct kg_worker *w, int bursts_max)
{
	return w->trace == NULL ? transmit(w, bursts_max, false) : transmit(w, bursts_max, true);
}

/* What peers have left open does not stay for ever. */
static void age_groups(struct kg_worker *w)
{
	if (w->now_us < w->fec_age_us)
		return;
	w->fec_age_us = w->now_us + KG_FEC_AGE_US;
	for (unsigned int i = 0; i < w->sides.count; i++) {
		const struct kg_side *side = w->sides.all[i];

		if (side->fec != NULL)
			kg_fec_age(side->fec);
	}
}

/* A few at a time, so that it costs the same however many tunnels there are. */
static void publish(struct kg_worker *w)
{
	for (unsigned int i = KG_MIN(PUBLISHED_SIDES, w->sides.count); i > 0; i--) {
		w->next_published = (w->next_published + 1) % w->sides.count;
		kg_side_publish(w->sides.all[w->next_published]);
	}
}

bool kg_worker_keep_house(struct kg_worker *w, uint32_t unix_s)
{
	w->unix_s = unix_s;
	kg_mail_read(w);
	kg_stage_from_control(w);
	kg_complain_unanswered(w);
	kg_stage_expire_fragments(w);
	age_groups(w);
	publish(w);
	if (w->index == 0)
		kg_buf_mempool_update_share(w->box->bufs);
	return w->leave_awaited == NULL;
}

/* Nothing but a few frames has come, and what they brought is with an application now. Its answer
 * takes the acknowledgement along: one frame, which wakes the other box once. */
static bool awaits_answer(struct kg_worker *w, unsigned int frames, unsigned int others)
{
	bool asked = w->told && frames > 0 && frames <= QUESTION_FRAMES && others == 0;

	w->told = false;
	if (frames + others > 0 || w->now_us >= w->answer_us)
		w->answer_us = asked && w->answer_us == 0 ? w->now_us + ANSWER_US : 0;
	if (w->box->config->poll == KG_POLL_BUSY || w->leave_awaited != NULL)
		w->answer_us = 0;
	return w->answer_us != 0;
}

unsigned int kg_worker_turn(struct kg_worker *w, uint64_t now_us)
{
	unsigned int frames, others, served, sent = 0;
	bool more;

	w->now_us = now_us;
	frames = receive_all(w, &more);
	kg_twheel_advance(w->wheel, w->now_us);
	kg_borrowed_read(&w->borrowed, w->now_us);
	others = kg_stage_collect(w);
	others += kg_stage_exception(w);
	served = kg_stage_deliver(w);
	kg_borrowed_write(&w->borrowed);
	if (!awaits_answer(w, frames, others))
		sent = transmit_due(w, more ? OUTPUT_BURSTS_RX : OUTPUT_BURSTS_MAX);
	kg_stage_wake_kernel(w);
	return frames + others + served + sent;
}

static void init_idle(struct kg_idle *idle, struct kg_worker *w)
{
	kg_borrowed_begin(&w->borrowed, w->box);
	kg_idle_init(idle, w->box->config->poll, &w->waker, &w->borrowed);
	for (unsigned int port = 0; port < w->box->port_count; port++)
		kg_idle_watch(idle, &w->box->ports[port].nic.rx_wakes[w->index]);
}

static void count_sleep(struct kg_worker *w, enum kg_idle_sleep sleep)
{
	kg_worker_count(w, KG_COUNTER_SLEEPS, sleep != KG_IDLE_NO_SLEEP);
	kg_worker_count(w, KG_COUNTER_WOKEN_BY_FRAMES, sleep == KG_IDLE_WOKEN_BY_FRAME);
}

/* What wakes a worker, and only its housekeeping takes. */
static bool is_written_to(const struct kg_worker *w)
{
	return !rte_ring_empty(w->mail) || (w->index == 0 && !rte_ring_empty(w->box->from_control));
}

int kg_worker_run(void *worker)
{
	struct kg_worker *w = worker;
	struct kg_idle idle;
	uint64_t housekeeping_us = 0;
	bool running = true;

	init_idle(&idle, w);
	while (running) {
		unsigned int work = kg_worker_turn(w, kg_clock_now_us());

		if (w->now_us >= housekeeping_us || (work == 0 && is_written_to(w))) {
			running = kg_worker_keep_house(w, kg_clock_unix_s());
			housekeeping_us = w->now_us + KG_WORKER_KEEP_HOUSE_US;
		}
		kg_worker_count(w, KG_COUNTER_TURNS, 1);
		kg_worker_count(w, KG_COUNTER_IDLE_TURNS, work == 0);
		count_sleep(w, kg_idle_turn(&idle, w, work));
	}
	kg_worker_turn(w, kg_clock_now_us());
	/* What was ours is taken apart now. */
	atomic_fetch_sub_explicit(w->leave_awaited, 1, memory_order_release);
	return 0;
}
