/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Races our sender and seven others on twelve paths (rival/race.h), in virtual time. Every figure
 * is the median over the seeds, but for Jain's: that is of three flows of a kind that begin
 * together, once.
 */
#include "bench.h"

#include "engine.h"
#include "median.h"
#include "rival/paths.h"
#include "rival/race.h"
#include "wire/message.h"

#include <string.h>

#define JAIN_FLOWS 3

struct figures {
	double goodput_mbit, of_bound, queue_p50_ms, queue_p95_ms, wire_per_payload;
	double own_loss_percent, stall_ms, jain;
};
_Static_assert(sizeof(struct figures) % sizeof(double) == 0, "an array of figures");

static struct kg_race_params race_params(const struct kg_race_path *path,
					 const struct kg_racer *racer,
					 const struct kg_kcp_params *kcp)
{
	return (struct kg_race_params){
		.racer = racer,
		.kcp = *kcp,
		.link = { &path->link[0], &path->link[1] },
		.line_Bps = path->line_Bps,
		.flows = 1,
		.seconds = path->seconds,
		.queue_from_s = path->seconds / 2,
		.seed = 1,
	};
}

static bool race_once(const struct kg_race_path *path, const struct kg_race_params *params,
		      struct figures *f)
{
	double payload_bytes = params->kcp.mtu - KG_KCP_HEADER_BYTES - KG_MESSAGE_KIND_BYTES;
	struct kg_race_result r;
	double Bps;

	if (!kg_race_run(params, &r))
		return false;
	Bps = (double)r.segments * payload_bytes / params->seconds;
	*f = (struct figures){
		.goodput_mbit = Bps * 8 / 1e6,
		.of_bound = Bps / (path->bound_Bps * payload_bytes / BENCH_IP_BYTES),
		.queue_p50_ms = r.queue_p50_ms,
		.queue_p95_ms = r.queue_p95_ms,
		.wire_per_payload =
			(double)r.wire_bytes / ((double)KG_MAX(r.segments, 1u) * payload_bytes),
		.own_loss_percent = 100 * r.own_loss,
		.stall_ms = (double)r.stall_us / 1e3,
		.jain = r.jain,
	};
	return true;
}

static bool race(const struct kg_race_path *path, struct kg_race_params params, uint32_t seeds,
		 struct figures *figures)
{
	struct figures runs[BENCH_RUNS_MAX], together;

	for (uint32_t i = 0; i < seeds; i++) {
		params.seed = i + 1;
		if (!race_once(path, &params, &runs[i]))
			return false;
	}
	bench_medians((double *)figures, (const double *)runs, sizeof(*figures) / sizeof(double),
		      seeds);
	params.flows = JAIN_FLOWS;
	params.seed = 1;
	params.seconds /= 2;
	if (!race_once(path, &params, &together))
		return false;
	figures->jain = together.jain;
	return true;
}

/* ---- the table ---- */

static void print_path(const struct kg_race_path *path)
{
	printf("\n%s: %s; %u s\n", path->name, path->what, path->seconds);
	printf("%-10s %9s %9s %8s %8s %8s %8s %9s %6s\n", "sender", "Mbit/s", "of bound",
	       "q p50 ms", "q p95 ms", "wire/pl", "own loss%", "stall ms", "Jain");
}

/* There and back, without a queue. */
static double rtt_ms(const struct kg_race_path *path)
{
	return (path->link[0].delay_us + path->link[1].delay_us) / 1e3;
}

static void print(const struct kg_race_path *path, const struct kg_racer *racer,
		  const struct figures *f, uint32_t seeds, json_t *rows)
{
	printf("%-10s %9.2f %9.2f %8.1f %8.1f %8.2f %8.1f %9.0f %6.2f\n", racer->name,
	       f->goodput_mbit, f->of_bound, f->queue_p50_ms, f->queue_p95_ms, f->wire_per_payload,
	       f->own_loss_percent, f->stall_ms, f->jain);
	fflush(stdout);
	json_array_append_new(
		rows,
		json_pack("{s:s, s:s, s:s, s:f, s:i, s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}",
			  "test", "path", "path", path->name, "what", path->what, "rtt_ms",
			  rtt_ms(path), "seeds", (int)seeds, "sender", racer->name, "goodput_mbit",
			  f->goodput_mbit, "of_bound", f->of_bound, "queue_p50_ms", f->queue_p50_ms,
			  "queue_p95_ms", f->queue_p95_ms, "wire_per_payload", f->wire_per_payload,
			  "own_loss_percent", f->own_loss_percent, "stall_ms", f->stall_ms, "jain",
			  f->jain));
}

/* ---- the test ---- */

static bool is_wanted(const char *wanted, const char *name)
{
	return wanted == NULL || strcmp(wanted, name) == 0;
}

static bool race_all(const struct bench_options *options, const struct kg_race_path *path,
		     const struct kg_kcp_params *kcp, json_t *rows)
{
	print_path(path);
	for (size_t i = 0; i < KG_RACERS; i++) {
		struct figures figures;

		if (!is_wanted(options->sender, kg_racers[i].name))
			continue;
		if (!race(path, race_params(path, &kg_racers[i], kcp), options->seeds, &figures)) {
			fprintf(stderr, "out of memory\n");
			return false;
		}
		print(path, &kg_racers[i], &figures, options->seeds, rows);
	}
	return true;
}

/* A name that nobody has is a mistake. */
static bool check(const struct bench_options *options, const struct kg_race_paths *paths)
{
	bool path = false, sender = false;

	for (size_t i = 0; i < KG_RACE_PATHS; i++)
		path |= is_wanted(options->on, paths->of[i].name);
	for (size_t i = 0; i < KG_RACERS; i++)
		sender |= is_wanted(options->sender, kg_racers[i].name);
	if (!path)
		fprintf(stderr, "no path \"%s\"\n", options->on);
	if (!sender)
		fprintf(stderr, "no sender \"%s\"\n", options->sender);
	return path && sender;
}

bool bench_path(const struct bench_options *options, json_t *rows)
{
	struct kg_race_paths paths;
	struct kg_kcp_params kcp;
	bool ok;

	if (!bench_engine_params(options, &kcp))
		return false;
	ok = kg_race_paths_init(&paths, bench_engine_overhead_bytes()) && check(options, &paths);
	printf("engines: %s, window %u; seeds 1 to %u; the bound is of payload\n", options->preset,
	       kcp.snd_wnd, options->seeds);
	for (size_t i = 0; ok && i < KG_RACE_PATHS; i++) {
		if (is_wanted(options->on, paths.of[i].name))
			ok = race_all(options, &paths.of[i], &kcp, rows);
	}
	kg_race_paths_fini(&paths);
	return ok;
}
