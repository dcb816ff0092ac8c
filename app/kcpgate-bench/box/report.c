/* SPDX-License-Identifier: BSD-3-Clause */
#include "report.h"

#include <stdio.h>

/* A sender that falls short of the rate by more than this share is at its own limit. */
#define SENDER_SHORT 0.02

void bench_report_begin(const struct bench_report *report)
{
	const struct bench_rig_params *params = report->params;
	bool one_way = params->sink.ip.version != 0 && !params->echo;

	printf("latency is %s, in us\n", one_way ? "one way" : "round trip");
	printf("%-8s %10s %10s %10s %9s %8s %5s %6s %7s %8s %8s %8s %8s %8s\n", "load", "asked pps",
	       "sent pps", "received", "lost", "loss %", "dup", "reord", "Gbit/s", "p50", "p90",
	       "p99", "p99.9", "max");
}

static void print_own_faults(const struct bench_trial *trial)
{
	if (trial->tx_full + trial->given_up + trial->missed > 0)
		printf("         the tester: %llu late and not sent, %llu not taken by its port, "
		       "%llu missed\n",
		       (unsigned long long)trial->given_up, (unsigned long long)trial->tx_full,
		       (unsigned long long)trial->missed);
}

static void print_trial(const char *load, const struct bench_trial *trial)
{
	printf("%-8s %10.0f %10.0f %10llu %9llu %8.3f %5llu %6llu %7.3f %8.1f %8.1f %8.1f %8.1f "
	       "%8.1f\n",
	       load, trial->asked_pps, trial->pps, (unsigned long long)trial->received,
	       (unsigned long long)(trial->sent - trial->received), trial->loss * 100,
	       (unsigned long long)trial->duplicates, (unsigned long long)trial->reordered,
	       trial->gbit, trial->latency_us.p50, trial->latency_us.p90, trial->latency_us.p99,
	       trial->latency_us.p999, trial->latency_us.max);
	print_own_faults(trial);
	fflush(stdout);
}

/* What all rows have. */
static json_t *new_row(const struct bench_report *report, const char *kind)
{
	return json_pack("{s:s, s:s, s:i, s:b, s:i}", "test", "box", "kind", kind, "size",
			 (int)report->params->size, "imix", report->params->size == 0, "flows",
			 (int)report->params->flows);
}

static json_t *counts_of(const struct bench_trial *trial)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "sent",
			 (json_int_t)trial->sent, "received", (json_int_t)trial->received, "lost",
			 (json_int_t)(trial->sent - trial->received), "duplicates",
			 (json_int_t)trial->duplicates, "reordered", (json_int_t)trial->reordered,
			 "given_up", (json_int_t)trial->given_up, "tx_full",
			 (json_int_t)trial->tx_full, "missed", (json_int_t)trial->missed);
}

static json_t *latency_of(const struct bench_trial *trial)
{
	return json_pack("{s:s, s:f, s:f, s:f, s:f, s:f, s:f}", "latency",
			 trial->round_trip ? "round trip" : "one way", "min_us",
			 trial->latency_us.min, "p50_us", trial->latency_us.p50, "p90_us",
			 trial->latency_us.p90, "p99_us", trial->latency_us.p99, "p99.9_us",
			 trial->latency_us.p999, "max_us", trial->latency_us.max);
}

/* The fields of `more` go to `row`. */
static void add(json_t *row, json_t *more)
{
	json_object_update(row, more);
	json_decref(more);
}

void bench_report_trial(const struct bench_report *report, unsigned int load_percent,
			const struct bench_trial *trial)
{
	json_t *row = new_row(report, "trial");
	char load[16] = "";

	if (load_percent > 0)
		snprintf(load, sizeof(load), "%u %%", load_percent);
	print_trial(load, trial);
	add(row, json_pack("{s:i, s:f, s:f, s:f, s:f, s:f}", "load_percent", (int)load_percent,
			   "seconds", trial->seconds, "asked_pps", trial->asked_pps, "pps",
			   trial->pps, "loss_percent", trial->loss * 100, "gbit", trial->gbit));
	add(row, counts_of(trial));
	add(row, latency_of(trial));
	json_array_append_new(report->rows, row);
}

void bench_report_rate(const struct bench_report *report, const char *name, double loss,
		       const struct bench_ndr_point *found)
{
	bool sender_limit = found->pps < found->asked_pps * (1 - SENDER_SHORT);
	double gbit = found->pps * bench_rig_mean_size(report->params) * 8 / 1e9;
	json_t *row = new_row(report, name);

	printf("%s, loss up to %g %%: %.0f pps, %.3f Gbit/s of payload%s\n", name, loss * 100,
	       found->pps, gbit, sender_limit ? "; the sender could do no more" : "");
	add(row, json_pack("{s:f, s:f, s:f, s:f, s:f, s:b}", "tolerance_percent", loss * 100,
			   "asked_pps", found->asked_pps, "pps", found->pps, "gbit", gbit,
			   "loss_percent", found->loss * 100, "sender_limit", sender_limit));
	json_array_append_new(report->rows, row);
}
