/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs two boxes in virtual time, once for the applications' sake and once more for the counters':
 * the same seed must give the same ones to the last digit.
 */
#include "boxes/boxes.h"

#include "boxes/virtual_clock.h"
#include "turn.h"

#include <rte_eal.h>
#include <rte_log.h>
#include <rte_mempool.h>
#include <stdlib.h>
#include <string.h>

#define MODELS_AGAIN 10 /* of the seeds whose wire has a model, one in so many runs twice */

#define TURN_US     10                  /* what a busy turn takes */
#define REST_US     (50 * KG_US_PER_MS) /* longest time without a turn */
#define PATIENCE_US (600 * KG_US_PER_S)
#define START_US    (1000 * KG_US_PER_S)
/* What is stamped in the second in which a box was built may be of before it. */
#define BUILT_US (START_US - 2 * KG_US_PER_S)

void boxes_fail(const struct boxes *boxes, const char *file, int line, const char *what)
{
	fprintf(stderr, "seed %llu, after %.6f s: %s:%d: %s\n", (unsigned long long)boxes->seed,
		(double)(boxes->now_us - boxes->started_us) / KG_US_PER_S, file, line, what);
	exit(1);
}

/* ---- time ---- */

static bool halts(const struct boxes *boxes, int side)
{
	return halt_until_us(boxes, side) > 0;
}

static bool turn_all(struct boxes *boxes)
{
	bool any = false;

	for (int side = CLIENT; side < SIDES; side++) {
		for (unsigned int w = 0; w < boxes->two.queues && !halts(boxes, side); w++)
			any |= kg_worker_turn(boxes->two.boxes[side].workers[w], boxes->now_us) > 0;
	}
	boxes->turns++;
	return any;
}

static void keep_house(struct boxes *boxes)
{
	for (int side = CLIENT; side < SIDES; side++) {
		for (unsigned int w = 0; w < boxes->two.queues && !halts(boxes, side); w++)
			kg_worker_keep_house(boxes->two.boxes[side].workers[w], kg_clock_unix_s());
	}
}

/* When anybody has something to do that nobody else's turn brings about. */
static uint64_t next_us(const struct boxes *boxes)
{
	uint64_t next = KG_MIN(wire_next_us(boxes), apps_next_us(boxes));

	for (int side = CLIENT; side < SIDES; side++) {
		if (halts(boxes, side))
			next = KG_MIN(next, halt_until_us(boxes, side));
		for (unsigned int w = 0; w < boxes->two.queues && !halts(boxes, side); w++)
			next = KG_MIN(next,
				      kg_twheel_next_us(boxes->two.boxes[side].workers[w]->wheel));
	}
	return KG_MIN(next, boxes->now_us + REST_US);
}

static bool worker_is_quiet(const struct kg_worker *w)
{
	for (unsigned int i = 0; i < w->sides.count; i++) {
		const struct kg_side *side = w->sides.all[i];

		if (!kg_session_is_quiet(side->session))
			return false;
	}
	return STAILQ_EMPTY(&w->conns);
}

/* Channels and handshakes, those that only linger included. */
static bool is_quiet(const struct boxes *boxes)
{
	for (int side = CLIENT; side < SIDES; side++) {
		for (unsigned int w = 0; w < boxes->two.queues; w++) {
			if (!worker_is_quiet(boxes->two.boxes[side].workers[w]))
				return false;
		}
	}
	return true;
}

static void run_until_over(struct boxes *boxes)
{
	uint64_t house_us = 0;
	bool busy = true;

	while (busy || !apps_are_over(boxes) || !is_quiet(boxes) ||
	       wire_next_us(boxes) != KG_NEVER_US) {
		uint64_t earliest_us = boxes->now_us + TURN_US;

		boxes->now_us = busy ? earliest_us : KG_MAX(earliest_us, next_us(boxes));
		virtual_clock_set(boxes->now_us);
		boxes_check(boxes, boxes->now_us < boxes->started_us + PATIENCE_US);
		halt_turn(boxes);
		busy = wire_turn(boxes);
		busy |= turn_all(boxes);
		busy |= apps_turn(boxes);
		if (boxes->now_us >= house_us) {
			keep_house(boxes);
			house_us = boxes->now_us + KG_WORKER_KEEP_HOUSE_US;
		}
	}
}

/* Pieces of datagrams whose others do not come are given up after two seconds. */
static void outlast_pieces(struct boxes *boxes)
{
	uint64_t end_us = boxes->now_us + 3 * KG_US_PER_S;
	bool busy = true;

	while (busy || boxes->now_us < end_us || wire_next_us(boxes) != KG_NEVER_US) {
		boxes->now_us += KG_WORKER_KEEP_HOUSE_US;
		virtual_clock_set(boxes->now_us);
		busy = wire_turn(boxes);
		busy |= turn_all(boxes);
		keep_house(boxes);
	}
}

/* ---- what must hold ---- */

/* docs/architecture.md, "Who counts what". */
static void check_balance(const struct boxes *boxes, const struct kg_counters *stats)
{
	const uint64_t *c = stats->counters;
	uint64_t gone = c[KG_COUNTER_DELIVERED] + c[KG_COUNTER_APP_RX] + c[KG_COUNTER_PUNTED] +
			c[KG_COUNTER_HANDED_OFF] + c[KG_COUNTER_FRAGMENTS_JOINED];
	uint64_t come =
		c[KG_COUNTER_RX_FRAMES] + c[KG_COUNTER_HANDED_IN] + c[KG_COUNTER_FRAGMENTS_COPIED];

	for (int i = 0; i < KG_DROP_FIRST_SENT; i++)
		gone += stats->drops[i];
	boxes_check(boxes, come == gone);
}

/* Mbufs that are not in the pool, but for those that a worker has ready. */
static unsigned int mbufs_out(const struct kg_box *box)
{
	unsigned int out = rte_mempool_in_use_count(box->mbufs);

	for (unsigned int w = 0; w < box->worker_count; w++)
		out -= box->workers[w]->spare_count;
	return out;
}

/* Datagrams of UDP Hop stay in the mbufs that they came in, if they are no shards. */
static void check_carried(const struct boxes *boxes)
{
	const struct two_boxes_params *params = &boxes->scenario.params;
	uint64_t carried = 0;

	for (int side = CLIENT; side < SIDES; side++) {
		for (unsigned int w = 0; w < boxes->two.boxes[side].worker_count; w++)
			carried += boxes->two.boxes[side].workers[w]->carried.out;
	}
	boxes_check(boxes, (carried > 0) == (params->udphop && params->fec == NULL));
}

static void check(const struct boxes *boxes)
{
	apps_check(boxes);
	check_carried(boxes);
	for (int side = CLIENT; side < SIDES; side++) {
		const struct kg_box *box = &boxes->two.boxes[side];

		for (unsigned int w = 0; w < box->worker_count; w++)
			check_balance(boxes, &box->workers[w]->stats);
		boxes_check(boxes, mbufs_out(box) == boxes->mbufs_out[side]);
	}
}

static void note(const struct boxes *boxes, struct outcome *outcome)
{
	memset(outcome, 0, sizeof(*outcome));
	outcome->ended_us = boxes->now_us;
	outcome->turns = boxes->turns;
	for (int side = CLIENT; side < SIDES; side++) {
		outcome->sent[side] = boxes->links[side].sent;
		outcome->lost[side] = boxes->links[side].lost;
		outcome->corrupted[side] = boxes->links[side].corrupted;
		for (unsigned int w = 0; w < boxes->two.queues; w++)
			outcome->stats[side][w] = boxes->two.boxes[side].workers[w]->stats;
	}
}

/* ---- a run ---- */

static void run(struct boxes *boxes, uint64_t seed, bool verbose, struct outcome *outcome)
{
	char error[512];

	memset(boxes, 0, sizeof(*boxes));
	boxes->seed = seed;
	boxes->verbose = verbose;
	boxes->now_us = boxes->started_us = START_US;
	virtual_clock_start(BUILT_US, seed);
	kg_rng_init(&boxes->rng, seed);
	scenario_draw(boxes);
	if (!two_boxes_init(&boxes->two, &boxes->scenario.params, error, sizeof(error)))
		boxes_fail(boxes, __FILE__, __LINE__, error);
	for (int side = CLIENT; side < SIDES; side++)
		boxes->mbufs_out[side] = mbufs_out(&boxes->two.boxes[side]);
	wire_start(boxes);
	apps_start(boxes);
	run_until_over(boxes);
	outlast_pieces(boxes);
	check(boxes);
	note(boxes, outcome);
	wire_stop(boxes);
	two_boxes_fini(&boxes->two);
}

static void report(const struct outcome *outcome)
{
	printf("%.6f s, %llu turns; there %llu frames, %llu lost; back %llu, %llu lost\n",
	       (double)(outcome->ended_us - START_US) / KG_US_PER_S,
	       (unsigned long long)outcome->turns, (unsigned long long)outcome->sent[CLIENT],
	       (unsigned long long)outcome->lost[CLIENT], (unsigned long long)outcome->sent[SERVER],
	       (unsigned long long)outcome->lost[SERVER]);
}

static void run_seed(uint64_t seed, bool verbose)
{
	static struct boxes boxes; /* half a megabyte of tables each: too much for a stack */
	static struct outcome first, again;

	run(&boxes, seed, verbose, &first);
	if (verbose)
		report(&first);
	if (seed >= BOXES_MODELS_FROM && seed % MODELS_AGAIN != 0)
		return;
	run(&boxes, seed, false, &again);
	boxes_check(&boxes, memcmp(&first, &again, sizeof(first)) == 0);
}

static bool start_eal(void)
{
	static char *args[] = { "boxes",          "--no-huge",
				"--no-shconf",    "--no-pci",
				"-m640",          "--lcores=0@0,1@0,2@0",
				"--no-telemetry", "--log-level=error" };

	return rte_eal_init(KG_ARRAY_SIZE(args), args) >= 0;
}

/* One seed, in words; or PART COUNT PARTS: those of COUNT seeds that are this part's. */
int main(int argc, char **argv)
{
	uint64_t from = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	uint64_t count = argc > 3 ? strtoull(argv[2], NULL, 10) : from + 1;
	uint64_t step = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;

	if (!start_eal())
		return 1;
	for (uint64_t seed = from; seed < count; seed += step)
		run_seed(seed, argc <= 3);
	if (!apps_were_in_time()) {
		fprintf(stderr, "too many streams have stood still for too long\n");
		return 1;
	}
	return rte_eal_cleanup() == 0 ? 0 : 1;
}
