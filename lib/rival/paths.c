/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes the paths. The first six are those that Pantheon calibrated on the Internet (StanfordSNR/
 * indigo, dagger/worker.py: mahimahi's settings, whose delay is one way); the others are the cases
 * that tunnels have trouble with.
 */
#include "rival/paths.h"

#include "base/rng.h"

#include <math.h>
#include <stdlib.h>

#define SEED        0x9a7b
#define TRACE_S     60
#define JITTER_US   100 /* each way; without it flows and policers fall into step */
#define MBIT        (1e6 / 8)
#define PART(share) ((uint16_t)((share)*65536))

/* A carrier's cap, and the rate above which a flow is punished. */
#define CAP_BPS   ((uint64_t)(20 * MBIT))
#define CRAWL_BPS (64000 / 8)

/* What the satellite's rate may be of its mean, each second anew. */
#define RATE_LEAST 0.5
#define RATE_SPAN  1.0

enum special {
	PLAIN,
	POISSON,
	LOSSY_BOTH_WAYS,
	CAP,
	PENALTY,
	SATELLITE,
};

static const struct {
	const char *name, *what;
	enum special special;
	double mbit, one_way_ms, loss;
	uint32_t queue_pkts, queue_ms, seconds;
} specs[KG_RACE_PATHS] = {
	{ "0.57 Mbit/s", "28 ms one way, Poisson, 4.77 % loss, 14 packets", POISSON, 0.57, 28,
	  0.0477, 14, 0, 30 },
	{ "2.64 Mbit/s", "88 ms one way, Poisson, 130 packets", POISSON, 2.64, 88, 0, 130, 0, 30 },
	{ "3.04 Mbit/s", "130 ms one way, Poisson, 426 packets", POISSON, 3.04, 130, 0, 426, 0,
	  30 },
	{ "100.42 Mbit/s", "27 ms one way, 173 packets", PLAIN, 100.42, 27, 0, 173, 0, 20 },
	{ "77.72 Mbit/s", "51 ms one way, 0.06 % loss, 94 packets", PLAIN, 77.72, 51, 0.0006, 94, 0,
	  20 },
	{ "114.68 Mbit/s", "45 ms one way, 450 packets", PLAIN, 114.68, 45, 0, 450, 0, 20 },
	{ "loss", "1 Gbit/s, 20 ms one way, 5 % loss both ways, queue of 20 ms", LOSSY_BOTH_WAYS,
	  1000, 20, 0.05, 0, 20, 10 },
	{ "short queue", "100 Mbit/s, 20 ms one way, queue of 10 ms", PLAIN, 100, 20, 0, 0, 10,
	  20 },
	{ "bloat", "50 Mbit/s, 20 ms one way, queue of 500 ms", PLAIN, 50, 20, 0, 0, 500, 20 },
	{ "cap", "100 Mbit/s, 20 ms one way, policed to 20 Mbit/s per flow", CAP, 100, 20, 0, 0, 50,
	  20 },
	{ "penalty", "100 Mbit/s, 20 ms one way, 64 kbit/s after 5 s above 20 Mbit/s", PENALTY, 100,
	  20, 0, 0, 50, 20 },
	{ "satellite",
	  "50 to 150 Mbit/s, 25 to 40 ms one way, anew each 15 s, runs of loss, CoDel, ACKs every "
	  "4 ms",
	  SATELLITE, 100, 25, 0, 0, 200, 40 },
};

/* ---- traces ---- */

struct writer {
	uint32_t *at_ms;
	size_t count, room;
};

static bool put(struct writer *w, uint32_t at_ms)
{
	if (w->count == w->room) {
		size_t room = 2 * w->room + 1024;
		uint32_t *grown = realloc(w->at_ms, room * sizeof(*grown));

		if (grown == NULL)
			return false;
		w->at_ms = grown;
		w->room = room;
	}
	w->at_ms[w->count++] = at_ms;
	return true;
}

static double chances_per_s(double mbit)
{
	return mbit * MBIT / KG_SIM_CHANCE_BYTES;
}

static bool write_poisson(struct writer *w, double per_s, struct kg_rng *rng)
{
	for (double at_s = 0; at_s < TRACE_S;) {
		at_s -= log((kg_rng_below(rng, UINT32_MAX) + 1.0) / UINT32_MAX) / per_s;
		if (!put(w, (uint32_t)(at_s * 1000)))
			return false;
	}
	return true;
}

static bool write_varying(struct writer *w, double per_s, struct kg_rng *rng)
{
	for (uint32_t second = 0; second < TRACE_S; second++) {
		double part = RATE_LEAST + RATE_SPAN * kg_rng_below(rng, 1000) / 1000;
		uint32_t count = (uint32_t)(part * per_s);

		for (uint32_t i = 0; i < count; i++) {
			if (!put(w, second * 1000 + (i + 1) * 1000 / count))
				return false;
		}
	}
	return true;
}

/* ---- paths ---- */

static bool make_trace(struct kg_race_paths *paths, size_t nth, struct kg_rng *rng)
{
	struct kg_race_path *path = &paths->of[nth];
	double per_s = chances_per_s(specs[nth].mbit);
	struct writer w = { 0 };
	bool ok = specs[nth].special == POISSON ? write_poisson(&w, per_s, rng)
						: write_varying(&w, per_s, rng);

	paths->chances[nth] = w.at_ms;
	if (!ok)
		return false;
	path->link[0].rate_Bps = 0;
	path->link[0].trace = (struct kg_sim_trace){ w.at_ms, w.count };
	path->line_Bps = (double)w.count * KG_SIM_CHANCE_BYTES * 1000 / w.at_ms[w.count - 1];
	path->bound_Bps = path->line_Bps * (1 - specs[nth].loss);
	return true;
}

/* A bad time begins once in a thousand packets, lasts for twenty, and loses half of them. */
static void make_satellite(struct kg_race_path *path)
{
	struct kg_sim_link_params *there = &path->link[0], *back = &path->link[1];

	there->gilbert.to_bad = PART(0.001);
	there->gilbert.to_good = PART(0.05);
	there->gilbert.loss = PART(0.5);
	there->codel = (struct kg_sim_codel){ .target_us = 5000, .interval_us = 100000 };
	there->step_every_us = back->step_every_us = 15 * KG_US_PER_S;
	there->step_us = back->step_us = 15000;
	back->gather_us = 4000;
	path->bound_Bps *= 1 - 0.5 * 0.001 / (0.001 + 0.05);
}

static void make_special(struct kg_race_path *path, enum special special)
{
	struct kg_sim_police_params *police = &path->link[0].police;

	if (special == LOSSY_BOTH_WAYS)
		path->link[1].loss = path->link[0].loss;
	if (special == CAP)
		*police =
			(struct kg_sim_police_params){ .rate_Bps = CAP_BPS, .burst_bytes = 64000 };
	if (special == PENALTY)
		*police = (struct kg_sim_police_params){ .penalty_Bps = CAP_BPS,
							 .crawl_Bps = CRAWL_BPS,
							 .burst_bytes = 64000 };
	if (special == CAP || special == PENALTY)
		path->bound_Bps = CAP_BPS;
	if (special == SATELLITE)
		make_satellite(path);
}

static bool make(struct kg_race_paths *paths, size_t nth, uint16_t overhead_bytes,
		 struct kg_rng *rng)
{
	struct kg_race_path *path = &paths->of[nth];
	struct kg_sim_link_params link = {
		.delay_us = (uint32_t)(specs[nth].one_way_ms * 1000),
		.jitter_us = JITTER_US,
		.overhead_bytes = overhead_bytes,
		.in_order = true,
		.lost_behind = true,
	};

	*path = (struct kg_race_path){ .name = specs[nth].name,
				       .what = specs[nth].what,
				       .seconds = specs[nth].seconds };
	path->link[0] = path->link[1] = link;
	path->link[0].loss = PART(specs[nth].loss);
	path->link[0].queue_pkts = specs[nth].queue_pkts;
	path->link[0].queue_us = specs[nth].queue_ms * KG_US_PER_MS;
	path->link[0].rate_Bps = (uint64_t)(specs[nth].mbit * MBIT);
	path->line_Bps = specs[nth].mbit * MBIT;
	path->bound_Bps = path->line_Bps * (1 - specs[nth].loss);
	if ((specs[nth].special == POISSON || specs[nth].special == SATELLITE) &&
	    !make_trace(paths, nth, rng))
		return false;
	make_special(path, specs[nth].special);
	return true;
}

bool kg_race_paths_init(struct kg_race_paths *paths, uint16_t overhead_bytes)
{
	struct kg_rng rng;
	bool ok = true;

	*paths = (struct kg_race_paths){ 0 };
	kg_rng_init(&rng, SEED);
	for (size_t nth = 0; nth < KG_RACE_PATHS; nth++)
		ok = make(paths, nth, overhead_bytes, &rng) && ok;
	return ok;
}

void kg_race_paths_fini(struct kg_race_paths *paths)
{
	for (size_t nth = 0; nth < KG_RACE_PATHS; nth++)
		free(paths->chances[nth]);
}
