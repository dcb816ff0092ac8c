/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Measures what it costs that channels come and go: connections are opened as fast as they will,
 * each says a word and leaves. The whole life is measured: both handshake and channel, the word,
 * the end, and the time-outs of what is forgotten.
 */
#include "bench.h"
#include "many.h"
#include "median.h"

#include <rte_cycles.h>
#include <stdio.h>

#define PIECE       32 /* lives; the median over pieces leaves other programs out */
#define PIECES_MAX  100000
#define WARM_UP_CYC (rte_get_tsc_hz())

struct pieces {
	double cycles[SIDES][PIECES_MAX];
	size_t count;
};

static bool run_piece(struct bench_many *many, struct pieces *pieces, uint64_t end_cyc)
{
	uint64_t busy[SIDES] = { many->costs[CLIENT].busy_cyc, many->costs[SERVER].busy_cyc };
	uint64_t left = many->crowd.left;

	while (many->crowd.left - left < PIECE) {
		if (rte_rdtsc() > end_cyc)
			return false;
		bench_many_turn(many, UINT64_MAX);
	}
	for (int side = 0; side < SIDES; side++)
		pieces->cycles[side][pieces->count] =
			(double)(many->costs[side].busy_cyc - busy[side]) /
			(double)(many->crowd.left - left);
	pieces->count++;
	return true;
}

static void print_side(struct bench_many *many, int side, struct pieces *pieces)
{
	struct kg_session_stats stats = bench_many_stats(many, side);
	double per_s, cycles;

	cycles = bench_median(pieces->cycles[side], pieces->count);
	per_s = (double)rte_get_tsc_hz() / cycles;
	printf("%-8s %12.0f %14.0f %10llu %10llu\n", bench_many_sides[side], cycles, per_s,
	       (unsigned long long)stats.handshakes_done,
	       (unsigned long long)stats.handshakes_failed);
	json_array_append_new(many->rows, json_pack("{s:s, s:s, s:i, s:f, s:f, s:I, s:I}", "test",
						    "handshake", "side", bench_many_sides[side],
						    "channels", (int)many->options->channels,
						    "cycles", cycles, "handshakes_per_s", per_s,
						    "done", (json_int_t)stats.handshakes_done,
						    "failed", (json_int_t)stats.handshakes_failed));
}

static bool run(struct bench_many *many)
{
	static struct pieces pieces;
	uint64_t begin_cyc = rte_rdtsc() + WARM_UP_CYC;
	uint64_t end_cyc = begin_cyc + many->options->seconds * rte_get_tsc_hz();

	while (rte_rdtsc() < begin_cyc)
		bench_many_turn(many, UINT64_MAX);
	while (pieces.count < PIECES_MAX && run_piece(many, &pieces, end_cyc))
		;
	if (pieces.count == 0) {
		fprintf(stderr, "no channel came and went\n");
		return false;
	}
	printf("%-8s %12s %14s %10s %10s\n", "side", "cycles each", "a core: per s", "opened",
	       "failed");
	for (int side = 0; side < SIDES; side++)
		print_side(many, side, &pieces);
	return true;
}

bool bench_handshake(const struct bench_options *options, json_t *rows)
{
	static struct bench_many many;

	many = (struct bench_many){ .options = options, .rows = rows };
	return bench_many_run(&many, true, options->channels, run);
}
