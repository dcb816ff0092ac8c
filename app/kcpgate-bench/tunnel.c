/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench.h"
#include "clock.h"
#include "load.h"
#include "twin.h"

#include <rte_cycles.h>
#include <rte_launch.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define MEMORY_MB   256 /* per box */
#define WARM_UP_S   1
#define SHARE_TURNS 1024 /* between two looks at the buffers left */

enum {
	CLIENT,
	SERVER,
	SIDES
};
static const char *const side_names[] = { "client", "server" };

struct core {
	struct bench_load load;
	atomic_bool *stop;
	/* one writer: the core */
	uint64_t busy_cyc; /* of turns that found work */
	uint64_t turns;
} __rte_cache_aligned;

struct sample {
	uint64_t cyc, messages, bytes;
	uint64_t busy_cyc[SIDES];
	struct kg_counters stats[SIDES];
};

static void turn(struct core *core)
{
	struct kg_worker *w = core->load.worker;
	uint64_t begin = rte_rdtsc();

	if (kg_worker_turn(w) > 0)
		core->busy_cyc += rte_rdtsc() - begin;
	bench_load_turn(&core->load);
	if (++core->turns % SHARE_TURNS == 0)
		kg_buf_mempool_update_share(w->box->bufs);
}

static void take_sample(const struct core cores[SIDES], struct sample *sample)
{
	sample->cyc = rte_rdtsc();
	sample->messages = cores[SERVER].load.messages;
	sample->bytes = cores[SERVER].load.bytes;
	for (int i = 0; i < SIDES; i++) {
		sample->busy_cyc[i] = cores[i].busy_cyc;
		sample->stats[i] = cores[i].load.worker->stats;
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

static void print_port(int side, const struct kg_counters *from, const struct kg_counters *to,
		       double seconds)
{
	const uint64_t *a = from->counters, *b = to->counters;

	printf("  ---------------------- Forward statistics for port %d (%s) --------------------\n"
	       "  RX-packets: %-14llu RX-bytes: %-16llu Rx-pps: %.0f\n"
	       "  TX-packets: %-14llu TX-bytes: %-16llu Tx-pps: %.0f\n"
	       "  dropped:    %llu\n",
	       side, side_names[side],
	       (unsigned long long)(b[KG_COUNTER_RX_FRAMES] - a[KG_COUNTER_RX_FRAMES]),
	       (unsigned long long)(b[KG_COUNTER_RX_BYTES] - a[KG_COUNTER_RX_BYTES]),
	       (double)(b[KG_COUNTER_RX_FRAMES] - a[KG_COUNTER_RX_FRAMES]) / seconds,
	       (unsigned long long)(b[KG_COUNTER_TX_FRAMES] - a[KG_COUNTER_TX_FRAMES]),
	       (unsigned long long)(b[KG_COUNTER_TX_BYTES] - a[KG_COUNTER_TX_BYTES]),
	       (double)(b[KG_COUNTER_TX_FRAMES] - a[KG_COUNTER_TX_FRAMES]) / seconds,
	       (unsigned long long)(drops(to) - drops(from)));
}

static void print_period(const struct sample *from, const struct sample *to)
{
	double seconds = (double)(to->cyc - from->cyc) / (double)rte_get_tsc_hz();

	for (int side = 0; side < SIDES; side++)
		print_port(side, &from->stats[side], &to->stats[side], seconds);
	printf("  ++++++++ goodput %.2f Gbit/s, %.3f million messages/s\n",
	       (double)(to->bytes - from->bytes) * 8 / seconds / 1e9,
	       (double)(to->messages - from->messages) / seconds / 1e6);
}

struct result {
	double gbit, messages_per_s;
	double cycles[SIDES]; /* per message */
	uint64_t dropped;     /* on both sides, for whatever reason */
};

static void print_result(const struct bench_options *options, uint32_t size,
			 const struct result *result, json_t *rows)
{
	const char *kind = options->datagrams ? "udp" : "tcp";

	printf("%-10s %6s %6s %9s %6s %8s %10s %12s %12s %9s\n", "algorithm", "bytes", "kind",
	       "channels", "cores", "Gbit/s", "Mmsg/s", "client cyc", "server cyc", "dropped");
	printf("%-10s %6u %6s %9u %6u %8.2f %10.3f %12.0f %12.0f %9llu\n", options->algorithm, size,
	       kind, options->channels, options->cores, result->gbit, result->messages_per_s / 1e6,
	       result->cycles[CLIENT], result->cycles[SERVER], (unsigned long long)result->dropped);
	json_array_append_new(
		rows, json_pack("{s:s, s:s, s:i, s:s, s:i, s:i, s:i, s:f, s:f, s:f, s:f, s:I}",
				"test", "tunnel", "algorithm", options->algorithm, "size",
				(int)size, "kind", kind, "channels", (int)options->channels,
				"window", (int)options->window, "cores", (int)options->cores,
				"gbit", result->gbit, "messages_per_s", result->messages_per_s,
				"client_cycles", result->cycles[CLIENT], "server_cycles",
				result->cycles[SERVER], "dropped", (json_int_t)result->dropped));
}

/* ---- two cores, both sides at once ---- */

/* The worker's loop, with the load in place of a payload thread. */
static int run_core(void *arg)
{
	struct core *core = arg;

	while (!atomic_load_explicit(core->stop, memory_order_relaxed))
		turn(core);
	return 0;
}

static struct result difference(const struct sample *from, const struct sample *to)
{
	double seconds = (double)(to->cyc - from->cyc) / (double)rte_get_tsc_hz();
	double messages = (double)(to->messages - from->messages);
	struct result result = {
		.gbit = (double)(to->bytes - from->bytes) * 8 / seconds / 1e9,
		.messages_per_s = messages / seconds,
	};

	for (int side = 0; side < SIDES; side++) {
		result.cycles[side] =
			(double)(to->busy_cyc[side] - from->busy_cyc[side]) / messages;
		result.dropped += drops(&to->stats[side]) - drops(&from->stats[side]);
	}
	return result;
}

static struct result watch(const struct bench_options *options, const struct core cores[SIDES])
{
	uint32_t period = options->stats_period_s > 0 ? options->stats_period_s : options->seconds;
	struct sample first, before, now = { 0 };

	sleep(WARM_UP_S);
	take_sample(cores, &first);
	before = first;
	for (uint32_t passed = 0; passed < options->seconds; passed += period) {
		sleep(KG_MIN(period, options->seconds - passed));
		take_sample(cores, &now);
		print_period(&before, &now);
		before = now;
	}
	return difference(&first, &now);
}

static bool at_once(const struct bench_options *options, struct core cores[SIDES],
		    struct result *result)
{
	static atomic_bool stop;
	bool ok = true;

	for (unsigned int side = 0; ok && side < SIDES; side++) {
		cores[side].stop = &stop;
		ok = rte_eal_remote_launch(run_core, &cores[side], side) == 0;
	}
	if (ok)
		*result = watch(options, cores);
	atomic_store(&stop, true);
	rte_eal_mp_wait_lcore();
	return ok;
}

/* ---- one core, the sides in turn ---- */

#define PIECE_MESSAGES 2000
#define PIECES_MAX     20000

struct pieces {
	double cycles[SIDES][PIECES_MAX];
	size_t count;
	uint64_t end_cyc;
	struct core *cores;
};

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Other programs disturb some pieces; their median stays. */
static int run_in_turn(void *arg)
{
	struct pieces *p = arg;
	struct core *client = &p->cores[CLIENT], *server = &p->cores[SERVER];

	while (p->count < PIECES_MAX && rte_rdtsc() < p->end_cyc) {
		uint64_t messages = server->load.messages;
		uint64_t busy[SIDES] = { client->busy_cyc, server->busy_cyc };

		while (server->load.messages - messages < PIECE_MESSAGES &&
		       rte_rdtsc() < p->end_cyc) {
			turn(client);
			turn(server);
		}
		messages = server->load.messages - messages;
		if (messages < PIECE_MESSAGES)
			break;
		for (int side = 0; side < SIDES; side++)
			p->cycles[side][p->count] =
				(double)(p->cores[side].busy_cyc - busy[side]) / (double)messages;
		p->count++;
	}
	return 0;
}

static bool in_turn(const struct bench_options *options, struct core cores[SIDES], uint32_t size,
		    struct result *result)
{
	static struct pieces pieces;
	double slower = 0;

	pieces.cores = cores;
	pieces.end_cyc = rte_rdtsc() + options->seconds * rte_get_tsc_hz();
	if (rte_eal_remote_launch(run_in_turn, &pieces, 0) != 0)
		return false;
	rte_eal_mp_wait_lcore();
	if (pieces.count == 0)
		return false;
	for (int side = 0; side < SIDES; side++) {
		qsort(pieces.cycles[side], pieces.count, sizeof(double), compare);
		result->cycles[side] = pieces.cycles[side][pieces.count / 2];
		slower = KG_MAX(slower, result->cycles[side]);
		result->dropped += drops(&cores[side].load.worker->stats);
	}
	/* What a core for each side would reach at this cost. */
	result->messages_per_s = (double)rte_get_tsc_hz() / slower;
	result->gbit = result->messages_per_s * size * 8 / 1e9;
	return true;
}

/* ---- the test ---- */

static bool run(const struct bench_options *options, struct bench_twin *twin, uint32_t size,
		json_t *rows)
{
	static struct core cores[SIDES];
	uint8_t protocol = options->datagrams ? KG_PROTOCOL_UDP : KG_PROTOCOL_TCP;
	struct result result = { 0 };
	bool ok = true;

	for (int side = 0; side < SIDES; side++)
		ok &= bench_load_init(&cores[side].load, twin->boxes[side].workers[0],
				      side == CLIENT, options->channels, protocol, (uint16_t)size);
	if (ok)
		ok = options->cores == 1 ? in_turn(options, cores, size, &result)
					 : at_once(options, cores, &result);
	if (ok)
		print_result(options, size, &result, rows);
	for (int side = 0; side < SIDES; side++)
		bench_load_fini(&cores[side].load);
	return ok;
}

bool bench_tunnel(const struct bench_options *options, json_t *rows)
{
	struct bench_twin_params params = {
		.algorithm = options->algorithm,
		.preset = options->preset,
		.window = options->window,
		.workers = 1,
		.memory_mb = MEMORY_MB,
	};
	uint32_t size = options->size > 0 ? options->size : 1400;
	static struct bench_twin twin;
	char error[512];
	bool ok;

	kg_clock_init();
	ok = bench_twin_init(&twin, &params, error, sizeof(error));
	if (!ok)
		fprintf(stderr, "%s\n", error);
	else
		ok = run(options, &twin, size, rows);
	bench_twin_fini(&twin);
	return ok;
}
