/* SPDX-License-Identifier: BSD-3-Clause */
/* Sends at one rate for one time and tells what became of it. */
#include "trial.h"

#include "pace.h"

#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define WARM_UP_S 0.5
#define DRAIN_S   2 /* RFC 2544 §23 */

/* ---- the sink on an lcore of its own ---- */

static atomic_bool sink_stop;

static int run_sink(void *arg)
{
	struct bench_rig *rig = arg;
	uint64_t hz = rte_get_tsc_hz();

	bench_rig_idle_init(rig);
	while (!atomic_load_explicit(&sink_stop, memory_order_relaxed)) {
		if (bench_rig_poll(rig, &rig->ports[BENCH_RIG_SINK]) == 0)
			bench_rig_idle(rig, hz);
	}
	return 0;
}

static bool start_sink(struct bench_rig *rig)
{
	if (!rig->params->two_cores)
		return true;
	atomic_store(&sink_stop, false);
	return rte_eal_remote_launch(run_sink, rig, rte_get_next_lcore(-1, 1, 0)) == 0;
}

static void stop_sink(struct bench_rig *rig)
{
	atomic_store(&sink_stop, true);
	if (rig->params->two_cores)
		rte_eal_mp_wait_lcore();
}

static unsigned int poll_ours(struct bench_rig *rig)
{
	return rig->params->two_cores ? bench_rig_poll(rig, &rig->ports[BENCH_RIG_SENDER])
				      : bench_rig_poll_all(rig);
}

/* ---- statistics now and then ---- */

struct watch {
	uint64_t period_cyc; /* 0: never */
	uint64_t last_cyc;
	struct bench_io last[BENCH_RIG_PORTS];
};

static void watch_begin(struct watch *watch, const struct bench_rig *rig, uint32_t period_s)
{
	watch->period_cyc = period_s * rte_get_tsc_hz();
	watch->last_cyc = rte_rdtsc();
	bench_rig_io(rig, watch->last);
}

static void watch_look(struct watch *watch, const struct bench_rig *rig, uint64_t now_cyc)
{
	struct bench_io now[BENCH_RIG_PORTS];

	if (watch->period_cyc == 0 || now_cyc - watch->last_cyc < watch->period_cyc)
		return;
	bench_rig_io(rig, now);
	bench_rig_print_io(rig, watch->last, now,
			   (double)(now_cyc - watch->last_cyc) / (double)rte_get_tsc_hz());
	memcpy(watch->last, now, sizeof(now));
	watch->last_cyc = now_cyc;
}

/* ---- sending ---- */

struct sending {
	uint32_t run;
	struct bench_pace pace;
	uint64_t numbers; /* at most */
	uint64_t next;
	uint64_t sent; /* of those before `next`, what the port took */
	uint64_t under_way;
};

static unsigned int send_due(struct bench_rig *rig, struct sending *sending, uint64_t now_cyc)
{
	uint64_t left = sending->numbers - sending->next;
	unsigned int due = bench_pace_due(&sending->pace, now_cyc,
					  (unsigned int)KG_MIN(left, (uint64_t)KG_NIC_BURST));

	if (due == 0)
		return 0;
	sending->sent += bench_rig_send(rig, sending->run, sending->next, due, now_cyc);
	sending->next += due;
	return due;
}

static void send_for(struct bench_rig *rig, struct sending *sending, double pps, double seconds,
		     struct watch *watch)
{
	double hz = (double)rte_get_tsc_hz();
	uint64_t now_cyc = rte_rdtsc(), end_cyc = now_cyc + (uint64_t)(seconds * hz);

	bench_pace_init(&sending->pace, now_cyc, pps, hz);
	for (; now_cyc < end_cyc && !*rig->params->interrupted; now_cyc = rte_rdtsc()) {
		unsigned int work = send_due(rig, sending, now_cyc);
		uint64_t next_cyc = bench_pace_next_cyc(&sending->pace);

		work += poll_ours(rig);
		watch_look(watch, rig, now_cyc);
		now_cyc = rte_rdtsc();
		if (work == 0 && next_cyc > now_cyc)
			bench_rig_idle(rig, next_cyc - now_cyc);
	}
}

static uint64_t under_way(struct bench_rig *rig, const struct sending *sending)
{
	return sending->sent - __atomic_load_n(&bench_rig_tally(rig)->received, __ATOMIC_RELAXED);
}

/* Waits for what is under way: until all is there, two seconds at most. */
static void drain(struct bench_rig *rig, struct sending *sending)
{
	uint64_t hz = rte_get_tsc_hz(), end_cyc = rte_rdtsc() + DRAIN_S * hz;

	sending->under_way = under_way(rig, sending);
	while (under_way(rig, sending) > 0 && rte_rdtsc() < end_cyc && !*rig->params->interrupted) {
		if (poll_ours(rig) == 0)
			bench_rig_idle(rig, hz);
	}
}

/* ---- the trial ---- */

static uint64_t missed(const struct bench_rig *rig)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < rig->port_count; i++)
		sum += bench_port_missed(&rig->ports[i]);
	return sum;
}

static double latency_us(const struct bench_tally *tally, double percent)
{
	return (double)bench_histogram_percentile(&tally->latency_cyc, percent) * KG_US_PER_S /
	       (double)rte_get_tsc_hz();
}

static void conclude(struct bench_rig *rig, const struct bench_trial_params *params,
		     const struct sending *sending, struct bench_trial *trial)
{
	const struct bench_tally *tally = bench_rig_tally(rig);

	*trial = (struct bench_trial){
		.asked_pps = params->pps,
		.seconds = params->seconds,
		.sent = sending->sent,
		.tx_full = sending->next - sending->sent,
		.given_up = sending->numbers - sending->next,
		.received = tally->received,
		.duplicates = tally->duplicates,
		.reordered = tally->reordered,
		.under_way = sending->under_way,
		.payload_bytes = tally->payload_bytes,
		.pps = (double)sending->sent / params->seconds,
		.gbit = (double)tally->payload_bytes * 8 / params->seconds / 1e9,
		.round_trip = tally == &rig->round_trip,
		.latency_us = {
			.min = latency_us(tally, 0),
			.p50 = latency_us(tally, 50),
			.p90 = latency_us(tally, 90),
			.p99 = latency_us(tally, 99),
			.p999 = latency_us(tally, 99.9),
			.max = latency_us(tally, 100),
		},
	};
	if (trial->sent > 0)
		trial->loss = (double)(trial->sent - trial->received) / (double)trial->sent;
}

/* Warm-up datagrams carry the number of the run before, so that none of them counts. */
static void warm_up(struct bench_rig *rig, double pps, struct watch *watch)
{
	struct sending sending = { .run = rig->run - 1, .numbers = UINT64_MAX };

	send_for(rig, &sending, pps, WARM_UP_S, watch);
}

bool bench_trial_run(struct bench_rig *rig, const struct bench_trial_params *params,
		     struct bench_trial *trial, char *error, size_t error_bytes)
{
	struct sending sending = { .numbers = (uint64_t)(params->pps * params->seconds) };
	uint64_t missed_before;
	struct watch watch;

	if (!bench_rig_open_flows(rig, error, error_bytes))
		return false;
	if (!bench_rig_begin(rig, sending.numbers) || !start_sink(rig)) {
		snprintf(error, error_bytes, "not enough memory, or no lcore for the sink");
		return false;
	}
	sending.run = rig->run;
	watch_begin(&watch, rig, params->stats_period_s);
	warm_up(rig, params->pps, &watch);
	missed_before = missed(rig);
	send_for(rig, &sending, params->pps, params->seconds, &watch);
	drain(rig, &sending);
	stop_sink(rig);
	conclude(rig, params, &sending, trial);
	trial->missed = missed(rig) - missed_before;
	if (*rig->params->interrupted)
		snprintf(error, error_bytes, "interrupted");
	return !*rig->params->interrupted;
}
