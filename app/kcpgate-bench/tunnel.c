/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs the test "tunnel": a busy tunnel between two boxes, its rate and what a datagram costs. */
#include "bench.h"
#include "box/internal.h"
#include "boxes/two_boxes.h"
#include "clock.h"
#include "io_stats.h"
#include "lane.h"

#include <rte_cycles.h>
#include <rte_launch.h>
#include <stdlib.h>
#include <unistd.h>

#define MEMORY_MB   256 /* per box */
#define WARM_UP_S   1
#define WORKERS_MAX 16
#define LANES_MAX   (SIDES * WORKERS_MAX)

/* Plain; with a relay, whose client and server are one box. */
static const char *const side_names[][SIDES] = { { "client", "server" }, { "ends", "relay" } };

struct tunnel {
	const struct bench_options *options;
	struct two_boxes two;
	struct bench_seat seats[SIDES][WORKERS_MAX];
	struct bench_lane lanes[LANES_MAX];
	unsigned int lane_count;
	atomic_bool stop;
};

/* ---- samples of all counters while it runs ---- */

struct sample {
	uint64_t cyc, messages, bytes; /* messages and bytes: arrived */
	uint64_t busy_cyc[SIDES];
	struct kg_counters stats[SIDES];
};

static void add_counters(struct kg_counters *sum, const struct kg_counters *more)
{
	for (int i = 0; i < KG_COUNTER_COUNT; i++)
		sum->counters[i] += more->counters[i];
	for (int i = 0; i < KG_DROP_COUNT; i++)
		sum->drops[i] += more->drops[i];
}

static void take_sample(const struct tunnel *t, struct sample *sample)
{
	*sample = (struct sample){ .cyc = rte_rdtsc() };
	for (unsigned int w = 0; w < t->options->workers; w++) {
		for (int side = 0; side < SIDES; side++) {
			const struct bench_seat *seat = &t->seats[side][w];

			sample->messages += seat->load.messages;
			sample->bytes += seat->load.bytes;
			sample->busy_cyc[side] += seat->busy_cyc;
			add_counters(&sample->stats[side], &seat->load.worker->stats);
		}
	}
}

/* ---- output, as users of testpmd know it ---- */

static uint64_t drops(const struct kg_counters *stats)
{
	uint64_t sum = 0;

	for (int i = 0; i < KG_DROP_COUNT; i++)
		sum += stats->drops[i];
	return sum;
}

/* A side's port has no drops of its own: here stand those of the whole side. */
static struct bench_io io_of(const struct kg_counters *stats)
{
	const uint64_t *counters = stats->counters;

	return (struct bench_io){
		.rx_frames = counters[KG_COUNTER_RX_FRAMES],
		.rx_bytes = counters[KG_COUNTER_RX_BYTES],
		.tx_frames = counters[KG_COUNTER_TX_FRAMES],
		.tx_bytes = counters[KG_COUNTER_TX_BYTES],
		.dropped = drops(stats),
	};
}

static void print_period(const struct bench_options *options, const struct sample *from,
			 const struct sample *to)
{
	double seconds = (double)(to->cyc - from->cyc) / (double)rte_get_tsc_hz();
	struct bench_io before[SIDES], after[SIDES];

	for (unsigned int side = 0; side < SIDES; side++) {
		before[side] = io_of(&from->stats[side]);
		after[side] = io_of(&to->stats[side]);
		bench_io_print(side, side_names[options->relay][side], &before[side], &after[side],
			       seconds);
	}
	bench_io_print_sum(before, after, SIDES, seconds);
	printf("  ++++++++ goodput %.2f Gbit/s, %.3f million messages/s\n",
	       (double)(to->bytes - from->bytes) * 8 / seconds / 1e9,
	       (double)(to->messages - from->messages) / seconds / 1e6);
}

struct result {
	double gbit, messages_per_s;
	double cycles[SIDES]; /* per message */
	double pairs_per_s;   /* messages that all pairs of workers carry, a core for each */
	double handed_off;    /* share of datagrams that came in at the wrong worker */
	uint64_t dropped;     /* on both sides, for whatever reason */
};

static void print_result(const struct bench_options *options, uint32_t size,
			 const struct result *result, json_t *rows)
{
	const char *kind = options->datagrams ? "udp" : "tcp";
	const char *const *sides = side_names[options->relay];
	char cycles[SIDES][24];

	for (int side = 0; side < SIDES; side++)
		snprintf(cycles[side], sizeof(cycles[side]), "%s cyc", sides[side]);
	printf("%-10s %6s %6s %9s %8s %6s %8s %10s %12s %12s %10s %9s\n", "algorithm", "bytes",
	       "kind", "channels", "workers", "cores", "Gbit/s", "Mmsg/s", cycles[CLIENT],
	       cycles[SERVER], "handed off", "dropped");
	printf("%-10s %6u %6s %9u %8u %6u %8.2f %10.3f %12.0f %12.0f %9.0f%% %9llu\n",
	       options->algorithm, size, kind, options->channels, options->workers, options->cores,
	       result->gbit, result->messages_per_s / 1e6, result->cycles[CLIENT],
	       result->cycles[SERVER], result->handed_off * 100,
	       (unsigned long long)result->dropped);
	if (result->pairs_per_s > 0)
		printf("a core for each of %u pairs of workers: %.2f Gbit/s, %.3f Mmsg/s\n",
		       options->workers, result->pairs_per_s * size * 8 / 1e9,
		       result->pairs_per_s / 1e6);
	for (int side = 0; side < SIDES; side++)
		snprintf(cycles[side], sizeof(cycles[side]), "%s_cycles", sides[side]);
	json_array_append_new(
		rows,
		json_pack("{s:s, s:s, s:s, s:i, s:i, s:s, s:i, s:i, s:i, s:i, s:f, s:f, s:f, s:f, "
			  "s:f, s:f, s:I}",
			  "test", "tunnel", "algorithm", options->algorithm, "fec", options->fec,
			  "mux", (int)options->mux, "size", (int)size, "kind", kind, "channels",
			  (int)options->channels, "window", (int)options->window, "workers",
			  (int)options->workers, "cores", (int)options->cores, "gbit", result->gbit,
			  "messages_per_s", result->messages_per_s, cycles[CLIENT],
			  result->cycles[CLIENT], cycles[SERVER], result->cycles[SERVER],
			  "pairs_messages_per_s", result->pairs_per_s, "handed_off",
			  result->handed_off, "dropped", (json_int_t)result->dropped));
}

/* ---- the run ---- */

/* What the samples say: rates by the clock, costs by the cores' own busy turns. */
static struct result difference(const struct sample *from, const struct sample *to)
{
	double seconds = (double)(to->cyc - from->cyc) / (double)rte_get_tsc_hz();
	double messages = (double)(to->messages - from->messages), frames = 0, handed = 0;
	struct result result = {
		.gbit = (double)(to->bytes - from->bytes) * 8 / seconds / 1e9,
		.messages_per_s = messages / seconds,
	};

	for (int side = 0; side < SIDES; side++) {
		const uint64_t *a = from->stats[side].counters, *b = to->stats[side].counters;

		result.cycles[side] =
			(double)(to->busy_cyc[side] - from->busy_cyc[side]) / messages;
		result.dropped += drops(&to->stats[side]) - drops(&from->stats[side]);
		frames += (double)(b[KG_COUNTER_RX_FRAMES] - a[KG_COUNTER_RX_FRAMES]);
		handed += (double)(b[KG_COUNTER_HANDED_OFF] - a[KG_COUNTER_HANDED_OFF]);
	}
	result.handed_off = frames > 0 ? handed / frames : 0;
	return result;
}

static struct result watch(const struct tunnel *t)
{
	const struct bench_options *options = t->options;
	uint32_t period = options->stats_period_s > 0 ? options->stats_period_s : options->seconds;
	struct sample first, before, now = { 0 };

	sleep(WARM_UP_S);
	take_sample(t, &first);
	before = first;
	for (uint32_t passed = 0; passed < options->seconds; passed += period) {
		sleep(KG_MIN(period, options->seconds - passed));
		take_sample(t, &now);
		print_period(options, &before, &now);
		before = now;
	}
	return difference(&first, &now);
}

/*
 * Where both sides of a pair share a core, the exact costs of the median piece take the place of
 * the samples', and the rates are those of a core for each side at the dearer side's cost.
 */
static bool refine(struct tunnel *t, uint32_t size, struct result *result)
{
	double slower = 0;

	result->cycles[CLIENT] = result->cycles[SERVER] = 0;
	for (unsigned int i = 0; i < t->lane_count; i++) {
		struct bench_piece median;

		if (!bench_lane_median(&t->lanes[i], &median))
			return false;
		for (int side = 0; side < SIDES; side++)
			result->cycles[side] += median.cycles[side] / t->lane_count;
		result->pairs_per_s += 1e9 / median.cpu_ns;
	}
	slower = KG_MAX(result->cycles[CLIENT], result->cycles[SERVER]);
	result->messages_per_s = (double)rte_get_tsc_hz() / slower * t->lane_count;
	result->gbit = result->messages_per_s * size * 8 / 1e9;
	return true;
}

/* Who runs where: workers of equal number are a pair, and have a core each or one together. */
static bool lay_lanes(struct tunnel *t)
{
	bool ok = true;

	for (unsigned int w = 0; w < t->options->workers; w++) {
		struct bench_seat *client = &t->seats[CLIENT][w], *server = &t->seats[SERVER][w];
		bool together = t->options->cores == 1;

		ok &= bench_lane_init(&t->lanes[t->lane_count++], client, together ? server : NULL,
				      &t->stop);
		if (!together)
			ok &= bench_lane_init(&t->lanes[t->lane_count++], NULL, server, &t->stop);
	}
	return ok;
}

static bool run_lanes(struct tunnel *t, struct result *result)
{
	bool ok = true;

	for (unsigned int i = 0; ok && i < t->lane_count; i++)
		ok = rte_eal_remote_launch(bench_lane_run, &t->lanes[i], i) == 0;
	if (ok)
		*result = watch(t);
	else
		fprintf(stderr, "%u workers on %u cores each: no lcores for %u threads\n",
			t->options->workers, t->options->cores, t->lane_count);
	atomic_store(&t->stop, true);
	rte_eal_mp_wait_lcore();
	return ok;
}

/* Each client worker opens its share of the channels, which may come to any of the server's. */
static bool take_seats(struct tunnel *t, uint32_t size)
{
	const struct bench_options *options = t->options;
	uint8_t protocol = options->datagrams ? KG_PROTOCOL_UDP : KG_PROTOCOL_TCP;
	unsigned int channels = (options->channels + options->workers - 1) / options->workers;
	unsigned int sinks[SIDES] = { 0 };
	bool ok = true;

	sinks[options->relay ? CLIENT : SERVER] = channels * options->workers;
	for (unsigned int w = 0; w < options->workers; w++) {
		for (int side = 0; side < SIDES; side++)
			ok &= bench_load_init(&t->seats[side][w].load,
					      t->two.boxes[side].workers[w],
					      side == CLIENT ? channels : 0, sinks[side], protocol,
					      (uint16_t)size);
	}
	return ok;
}

static bool run(struct tunnel *t, json_t *rows)
{
	uint32_t size = t->options->size > 0 ? t->options->size : 1400;
	struct result result = { 0 };
	bool ok = take_seats(t, size) && lay_lanes(t) && run_lanes(t, &result) &&
		  (t->options->cores > 1 || refine(t, size, &result));

	if (ok)
		print_result(t->options, size, &result, rows);
	for (unsigned int w = 0; w < t->options->workers; w++) {
		for (int side = 0; side < SIDES; side++)
			bench_load_fini(&t->seats[side][w].load);
	}
	for (unsigned int i = 0; i < t->lane_count; i++)
		bench_lane_fini(&t->lanes[i]);
	return ok;
}

bool bench_tunnel(const struct bench_options *options, json_t *rows)
{
	struct two_boxes_params params = {
		.algorithm = options->algorithm,
		.preset = options->preset,
		.fec = options->fec,
		.mux = options->mux,
		.window = options->window,
		.workers = options->workers,
		.memory_mb = MEMORY_MB,
		.relay = options->relay,
		.udphop = options->udphop,
	};
	static struct tunnel tunnel;
	char error[512], settings[32];
	bool ok;

	if (options->kcp_mtu > 0) {
		snprintf(settings, sizeof(settings), ", \"kcp_mtu\": %u", options->kcp_mtu);
		params.settings[CLIENT] = params.settings[SERVER] = settings;
	}
	tunnel.options = options;
	kg_clock_init();
	ok = two_boxes_init(&tunnel.two, &params, error, sizeof(error));
	if (ok) {
		for (int side = 0; side < SIDES; side++)
			kg_box_await_stamps(&tunnel.two.boxes[side]);
		ok = run(&tunnel, rows);
	} else {
		fprintf(stderr, "%s\n", error);
	}
	two_boxes_fini(&tunnel.two);
	return ok;
}
