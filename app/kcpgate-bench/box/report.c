/* SPDX-License-Identifier: BSD-3-Clause */
/* Prints the results of trials, and writes them down as JSON. */
#include "report.h"

#include <stdio.h>

/* A sender that falls short of the rate by more than this share is at its own limit. */
#define SENDER_SHORT 0.02

/* ---- the table ---- */

void bench_report_begin(const struct bench_report *report)
{
	const struct bench_rig_params *params = report->params;
	bool one_way = params->sink.ip.version != 0 && !params->echo;

	printf("latency is %s, in us\n", one_way ? "one way" : "round trip");
	printf("%-6s %10s %10s %10s %9s %8s %9s %5s %6s %7s", "load", "asked pps", "sent pps",
	       "received", "lost", "loss %", "under way", "dup", "reord", "Gbit/s");
	printf(" %8s %8s %8s %8s %8s\n", "p50", "p90", "p99", "p99.9", "max");
}

static void print_count(int width, uint64_t count)
{
	printf(" %*llu", width, (unsigned long long)count);
}

static void print_trial(const char *load, const struct bench_trial *trial)
{
	printf("%-6s %10.0f %10.0f", load, trial->asked_pps, trial->pps);
	print_count(10, trial->received);
	print_count(9, trial->sent - trial->received);
	printf(" %8.3f", trial->loss * 100);
	print_count(9, trial->under_way);
	print_count(5, trial->duplicates);
	print_count(6, trial->reordered);
	printf(" %7.3f %8.1f %8.1f %8.1f %8.1f %8.1f\n", trial->gbit, trial->latency_us.p50,
	       trial->latency_us.p90, trial->latency_us.p99, trial->latency_us.p999,
	       trial->latency_us.max);
}

static void print_own_faults(const struct bench_trial *trial)
{
	if (trial->tx_full + trial->given_up + trial->missed == 0)
		return;
	printf("       the tester itself, late and not sent, not taken by its port, missed:");
	print_count(1, trial->given_up);
	print_count(1, trial->tx_full);
	print_count(1, trial->missed);
	puts("");
}

/* ---- JSON ---- */

/* What all rows have. */
static json_t *new_row(const struct bench_report *report, const char *kind)
{
	json_t *row = json_pack("{s:s, s:s, s:i, s:b, s:i}", "test", "box", "kind", kind, "size",
				(int)report->params->size, "imix", report->params->size == 0,
				"flows", (int)report->params->flows);

	json_array_append_new(report->rows, row);
	return row;
}

static void set_count(json_t *row, const char *name, uint64_t count)
{
	json_object_set_new(row, name, json_integer((json_int_t)count));
}

static void set_real(json_t *row, const char *name, double value)
{
	json_object_set_new(row, name, json_real(value));
}

static void set_latency(json_t *row, const struct bench_trial *trial)
{
	const char *kind = trial->round_trip ? "round trip" : "one way";

	json_object_set_new(row, "latency", json_string(kind));
	set_real(row, "min_us", trial->latency_us.min);
	set_real(row, "p50_us", trial->latency_us.p50);
	set_real(row, "p90_us", trial->latency_us.p90);
	set_real(row, "p99_us", trial->latency_us.p99);
	set_real(row, "p99.9_us", trial->latency_us.p999);
	set_real(row, "max_us", trial->latency_us.max);
}

/* ---- both ---- */

void bench_report_trial(const struct bench_report *report, unsigned int load_percent,
			const struct bench_trial *trial)
{
	json_t *row = new_row(report, "trial");
	char load[16] = "";

	if (load_percent > 0)
		snprintf(load, sizeof(load), "%u %%", load_percent);
	print_trial(load, trial);
	print_own_faults(trial);
	fflush(stdout);

	set_count(row, "load_percent", load_percent);
	set_real(row, "seconds", trial->seconds);
	set_real(row, "asked_pps", trial->asked_pps);
	set_real(row, "pps", trial->pps);
	set_real(row, "gbit", trial->gbit);
	set_count(row, "sent", trial->sent);
	set_count(row, "received", trial->received);
	set_count(row, "lost", trial->sent - trial->received);
	set_real(row, "loss_percent", trial->loss * 100);
	set_count(row, "under_way", trial->under_way);
	set_count(row, "duplicates", trial->duplicates);
	set_count(row, "reordered", trial->reordered);
	set_count(row, "given_up", trial->given_up);
	set_count(row, "tx_full", trial->tx_full);
	set_count(row, "missed", trial->missed);
	set_latency(row, trial);
}

void bench_report_rate(const struct bench_report *report, const char *name, double loss,
		       const struct bench_ndr_point *found)
{
	bool sender_limit = found->pps < found->asked_pps * (1 - SENDER_SHORT);
	double gbit = found->pps * bench_rig_mean_size(report->params) * 8 / 1e9;
	json_t *row = new_row(report, name);

	printf("%s, loss up to %g %%: %.0f pps, %.3f Gbit/s of payload%s\n", name, loss * 100,
	       found->pps, gbit, sender_limit ? "; the sender could do no more" : "");
	set_real(row, "tolerance_percent", loss * 100);
	set_real(row, "asked_pps", found->asked_pps);
	set_real(row, "pps", found->pps);
	set_real(row, "gbit", gbit);
	set_real(row, "loss_percent", found->loss * 100);
	json_object_set_new(row, "sender_limit", json_boolean(sender_limit));
}
