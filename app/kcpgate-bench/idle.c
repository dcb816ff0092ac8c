/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Measures what channels cost that do nothing. Two boxes are measured empty, then the channels are
 * opened, then the same is measured again: the difference is theirs. Workers take a turn every
 * millisecond, about as often as adaptive polling lets them, so that each turn finds cold caches.
 * Turns are so few that their processor time can be asked for, which leaves other programs out.
 */
#include "bench.h"
#include "many.h"

#include <rte_cycles.h>
#include <stdio.h>

#define TURN_US         1000
#define SETTLE_S        12 /* until handshakes are forgotten and rings given back */
#define OPEN_PATIENCE_S 300
#define UNDER_WAY_MAX   256

struct sample {
	struct bench_cost costs[SIDES];
	size_t state_bytes[SIDES]; /* in the arenas */
};

static void rest(struct bench_many *many, uint32_t seconds)
{
	uint64_t end_cyc = rte_rdtsc() + seconds * rte_get_tsc_hz();

	while (rte_rdtsc() < end_cyc) {
		bench_many_turn(many, 0);
		rte_delay_us_sleep(TURN_US);
	}
}

static void measure(struct bench_many *many, struct sample *sample)
{
	*many->costs = (struct bench_cost){ 0 };
	many->costs[SERVER] = (struct bench_cost){ 0 };
	rest(many, many->options->seconds);
	for (int side = 0; side < SIDES; side++) {
		sample->costs[side] = many->costs[side];
		sample->state_bytes[side] =
			kg_arena_mem(many->two.boxes[side].workers[0]->arena)->in_use_bytes;
	}
}

static bool open_all(struct bench_many *many)
{
	uint64_t end_cyc = rte_rdtsc() + OPEN_PATIENCE_S * rte_get_tsc_hz();

	while (many->crowd.answered < many->options->channels && rte_rdtsc() < end_cyc)
		bench_many_turn(many, many->options->channels + many->crowd.refused);
	if (many->crowd.answered >= many->options->channels)
		return true;
	fprintf(stderr, "only %llu of %u channels opened\n",
		(unsigned long long)many->crowd.answered, many->options->channels);
	return false;
}

static void print_side(struct bench_many *many, int side, const struct sample *empty,
		       const struct sample *full)
{
	double channels = many->options->channels, seconds_ns = many->options->seconds * 1e9;
	double before_ns = (double)empty->costs[side].cpu_ns;
	double more_ns = (double)full->costs[side].cpu_ns - before_ns;
	double bytes = (double)(full->state_bytes[side] - empty->state_bytes[side]) / channels;
	double cycles = more_ns / seconds_ns * (double)rte_get_tsc_hz() / channels;
	double percent = more_ns * 100 / seconds_ns, empty_percent = before_ns * 100 / seconds_ns;
	double longest_us = (double)full->costs[side].longest_ns / 1e3;

	printf("%-8s %9.0f %11.0f %15.1f %12.3f %12.3f %12.0f\n", bench_many_sides[side], channels,
	       bytes, cycles, empty_percent, percent, longest_us);
	json_array_append_new(many->rows,
			      json_pack("{s:s, s:s, s:i, s:i, s:f, s:f, s:f, s:f, s:f}", "test",
					"idle", "side", bench_many_sides[side], "channels",
					(int)channels, "keep_alive_s",
					(int)many->options->keep_alive_s, "bytes", bytes,
					"cycles_per_s", cycles, "empty_percent", empty_percent,
					"percent", percent, "longest_turn_us", longest_us));
}

static bool run(struct bench_many *many)
{
	struct sample empty, full;

	rest(many, 1);
	measure(many, &empty);
	if (!open_all(many))
		return false;
	rest(many, SETTLE_S);
	measure(many, &full);
	printf("%-8s %9s %11s %15s %12s %12s %12s\n", "side", "channels", "bytes each",
	       "cycles each, s", "empty box %", "channels %", "longest us");
	for (int side = 0; side < SIDES; side++) {
		struct kg_session_stats stats = bench_many_stats(many, side);

		if (stats.channels < many->options->channels) {
			fprintf(stderr, "%s: %llu channels are open, %llu were\n",
				bench_many_sides[side], (unsigned long long)stats.channels,
				(unsigned long long)stats.channels_opened);
			return false;
		}
		print_side(many, side, &empty, &full);
	}
	return true;
}

bool bench_idle(const struct bench_options *options, json_t *rows)
{
	static struct bench_many many;

	many = (struct bench_many){ .options = options, .rows = rows };
	return bench_many_run(&many, false, UNDER_WAY_MAX, run);
}
