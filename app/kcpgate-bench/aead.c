/* SPDX-License-Identifier: BSD-3-Clause */
/* Measures what it costs to seal and to open a datagram, for each algorithm and size. */
#include "bench.h"
#include "crypto/aead_table.h"
#include "median.h"
#include "wire/profile.h"

#include <rte_cycles.h>
#include <stdlib.h>
#include <string.h>

#define BURST      32
#define BURSTS     10 /* of a piece: done before another program gets the core */
#define ROOM       2048
#define BODY_EXTRA 29 /* envelope, KCP header and kind around a payload */
#define PIECES_MAX 100000

static const uint32_t sizes[] = { 64, 1400 };

struct rig {
	const struct kg_aead_alg *alg;
	void *ctx;
	uint8_t (*buffers)[ROOM];
	uint16_t len;
	struct kg_aead_job jobs[BURST];
};

static void reset(struct rig *rig)
{
	for (int i = 0; i < BURST; i++)
		rig->jobs[i] = (struct kg_aead_job){ .data = rig->buffers[i],
						     .len = rig->len,
						     .iv = (uint16_t)i };
}

/* One round: seal a burst, open it again; adds the cycles of either. */
static bool round_trip(struct rig *rig, uint64_t *seal_cyc, uint64_t *open_cyc)
{
	uint64_t begin, middle;
	bool ok = true;

	reset(rig);
	begin = rte_rdtsc();
	rig->alg->seal(rig->ctx, rig->jobs, BURST);
	middle = rte_rdtsc();
	rig->alg->open(rig->ctx, rig->jobs, BURST);
	*open_cyc += rte_rdtsc() - middle;
	*seal_cyc += middle - begin;
	for (int i = 0; i < BURST; i++)
		ok &= rig->jobs[i].ok;
	return ok;
}

/* Median cycles per datagram of many pieces: other programs disturb some of them. */
static bool measure(struct rig *rig, uint32_t seconds, double *seal_cyc, double *open_cyc)
{
	double *pieces = calloc(PIECES_MAX, 2 * sizeof(*pieces)), *opens = pieces + PIECES_MAX;
	uint64_t end = rte_rdtsc() + seconds * rte_get_tsc_hz();
	size_t n = 0;
	bool ok = pieces != NULL;

	for (; ok && n < PIECES_MAX && (n == 0 || rte_rdtsc() < end); n++) {
		uint64_t seal = 0, open = 0;

		for (int i = 0; i < BURSTS; i++)
			ok &= round_trip(rig, &seal, &open);
		pieces[n] = (double)seal / (BURSTS * BURST);
		opens[n] = (double)open / (BURSTS * BURST);
	}
	if (ok) {
		*seal_cyc = bench_median(pieces, n);
		*open_cyc = bench_median(opens, n);
	}
	free(pieces);
	return ok;
}

static void print(const struct rig *rig, uint32_t size, double seal_cyc, double open_cyc,
		  json_t *rows)
{
	double hz = (double)rte_get_tsc_hz();
	double seal_gbit = size * 8 * hz / seal_cyc / 1e9,
	       open_gbit = size * 8 * hz / open_cyc / 1e9;

	printf("%-10s %6u %10.1f %10.2f %10.2f %10.1f %10.2f %10.2f\n", rig->alg->spec->name, size,
	       seal_cyc, hz / seal_cyc / 1e6, seal_gbit, open_cyc, hz / open_cyc / 1e6, open_gbit);
	json_array_append_new(rows, json_pack("{s:s, s:s, s:i, s:f, s:f, s:f, s:f}", "test", "aead",
					      "algorithm", rig->alg->spec->name, "size", (int)size,
					      "seal_cycles", seal_cyc, "open_cycles", open_cyc,
					      "seal_gbit", seal_gbit, "open_gbit", open_gbit));
}

static bool run(const struct kg_aead_alg *alg, const struct bench_options *options, json_t *rows)
{
	static const uint8_t key[KG_AEAD_KEY_BYTES] = { 1 };
	struct rig rig = { .alg = alg, .ctx = alg->create(key, kg_profile_kcptube.associated) };
	size_t count = options->size > 0 ? 1 : KG_ARRAY_SIZE(sizes);
	bool ok;

	rig.buffers = calloc(BURST, sizeof(*rig.buffers));
	ok = rig.buffers != NULL && rig.ctx != NULL;
	for (size_t i = 0; ok && i < count; i++) {
		uint32_t size = options->size > 0 ? options->size : sizes[i];
		double seal_cyc = 0, open_cyc = 0;

		rig.len = (uint16_t)(size + BODY_EXTRA);
		ok = measure(&rig, options->seconds, &seal_cyc, &open_cyc);
		if (ok)
			print(&rig, size, seal_cyc, open_cyc, rows);
	}
	free(rig.buffers);
	alg->destroy(rig.ctx);
	return ok;
}

bool bench_aead(const struct bench_options *options, json_t *rows)
{
	const struct kg_aead_alg *one = NULL;
	bool ok = true;

	if (options->algorithm != NULL && (one = kg_aead_lookup(options->algorithm)) == NULL) {
		fprintf(stderr, "no algorithm \"%s\"\n", options->algorithm);
		return false;
	}
	printf("%-10s %6s %10s %10s %10s %10s %10s %10s\n", "algorithm", "bytes", "seal cyc",
	       "Mpps", "Gbit/s", "open cyc", "Mpps", "Gbit/s");
	for (size_t i = 0; ok && i < KG_AEAD_ALGORITHMS; i++) {
		if (one == NULL || one == kg_aead_algorithms[i])
			ok = run(kg_aead_algorithms[i], options, rows);
	}
	return ok;
}
