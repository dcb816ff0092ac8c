/* SPDX-License-Identifier: BSD-3-Clause */
/* A trial: a constant rate for some seconds, and what became of it. */
#pragma once

#include "rig.h"

struct bench_trial_params {
	double pps;
	double seconds;
	uint32_t stats_period_s; /* statistics of the ports are printed so often; 0: never */
};

struct bench_trial {
	double asked_pps, seconds;
	uint64_t sent;     /* taken by the port */
	uint64_t tx_full;  /* not taken by it */
	uint64_t given_up; /* not sent, since the sender was late (pace.h) */
	uint64_t received, duplicates, reordered;
	uint64_t under_way;     /* when the last left; grows with the trial where queues grow */
	uint64_t payload_bytes; /* received */
	uint64_t missed;        /* by the tester itself: its ports' receive rings were full */
	double pps;             /* sent */
	double loss;            /* share of sent, 0 to 1 */
	double gbit;            /* payload received, per second of sending */
	struct {
		double min, p50, p90, p99, p999, max;
	} latency_us;
	bool round_trip;
};

/*
 * Opens the flows, sends half a second to warm up, then what is counted, and waits for what is
 * still under way. False with a text in `error`.
 */
bool bench_trial_run(struct bench_rig *rig, const struct bench_trial_params *params,
		     struct bench_trial *trial, char *error, size_t error_bytes);
