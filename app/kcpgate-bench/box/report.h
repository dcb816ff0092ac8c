/* SPDX-License-Identifier: BSD-3-Clause */
/* What the test shows: a line per trial, results at the end, and a JSON object for each. */
#pragma once

#include "ndr.h"
#include "trial.h"

#include <jansson.h>

struct bench_report {
	const struct bench_rig_params *params;
	json_t *rows;
};

void bench_report_begin(const struct bench_report *report);
/* `load_percent` of the loss-free rate for what measures latency, 0 for others. */
void bench_report_trial(const struct bench_report *report, unsigned int load_percent,
			const struct bench_trial *trial);
/* `name` of a rate that was searched for, and the loss it allows. */
void bench_report_rate(const struct bench_report *report, const char *name, double loss,
		       const struct bench_ndr_point *found);
