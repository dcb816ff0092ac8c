/* SPDX-License-Identifier: BSD-3-Clause */
/* Turns workers on one core until told to stop, and takes the cycles of busy turns. */
#include "lane.h"

#include "box.h"
#include "clock.h"
#include "median.h"
#include "turn.h"

#include <rte_cycles.h>
#include <stdlib.h>
#include <time.h>

#define SHARE_TURNS 1024 /* between two looks at the buffers left */

bool bench_lane_init(struct bench_lane *lane, struct bench_seat *client, struct bench_seat *server,
		     const atomic_bool *stop)
{
	*lane = (struct bench_lane){ .seats = { client, server }, .stop = stop };
	if (client == NULL || server == NULL)
		return true;
	lane->pieces = calloc(LANE_PIECES_MAX, sizeof(lane->pieces[0]));
	return lane->pieces != NULL;
}

void bench_lane_fini(struct bench_lane *lane)
{
	free(lane->pieces);
}

static void turn(struct bench_seat *seat, bool look)
{
	struct kg_worker *w = seat->load.worker;
	uint64_t begin = rte_rdtsc();

	if (kg_worker_turn(w, kg_clock_now_us()) > 0)
		seat->busy_cyc += rte_rdtsc() - begin;
	bench_load_turn(&seat->load);
	if (look)
		kg_buf_mempool_update_share(w->box->bufs);
}

static void turn_all(struct bench_lane *lane)
{
	bool look = ++lane->turns % SHARE_TURNS == 0;

	for (int side = 0; side < SIDES; side++) {
		if (lane->seats[side] != NULL)
			turn(lane->seats[side], look);
	}
}

static double cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Taken at the end of the way, on whichever side that is. */
static uint64_t arrived(const struct bench_lane *lane)
{
	return lane->seats[CLIENT]->load.messages + lane->seats[SERVER]->load.messages;
}

/* False when told to stop before the piece was whole. */
static bool run_piece(struct bench_lane *lane, struct bench_piece *piece)
{
	struct bench_seat *client = lane->seats[CLIENT], *server = lane->seats[SERVER];
	uint64_t busy[SIDES] = { client->busy_cyc, server->busy_cyc };
	uint64_t messages = arrived(lane);
	double begin_ns = cpu_ns();

	while (arrived(lane) - messages < LANE_PIECE_MESSAGES) {
		if (atomic_load_explicit(lane->stop, memory_order_relaxed))
			return false;
		turn_all(lane);
	}
	messages = arrived(lane) - messages;
	piece->cpu_ns = (cpu_ns() - begin_ns) / (double)messages;
	for (int side = 0; side < SIDES; side++)
		piece->cycles[side] =
			(double)(lane->seats[side]->busy_cyc - busy[side]) / (double)messages;
	return true;
}

int bench_lane_run(void *arg)
{
	struct bench_lane *lane = arg;

	while (lane->pieces != NULL && lane->count < LANE_PIECES_MAX &&
	       run_piece(lane, &lane->pieces[lane->count]))
		lane->count++;
	while (!atomic_load_explicit(lane->stop, memory_order_relaxed))
		turn_all(lane);
	return 0;
}

bool bench_lane_median(struct bench_lane *lane, struct bench_piece *median)
{
	double *values[SIDES + 1];
	double *scratch = calloc(KG_ARRAY_SIZE(values), lane->count * sizeof(double) + 1);

	if (scratch == NULL || lane->count == 0) {
		free(scratch);
		return false;
	}
	for (size_t v = 0; v < KG_ARRAY_SIZE(values); v++)
		values[v] = scratch + v * lane->count;
	for (size_t i = 0; i < lane->count; i++) {
		for (int side = 0; side < SIDES; side++)
			values[side][i] = lane->pieces[i].cycles[side];
		values[SIDES][i] = lane->pieces[i].cpu_ns;
	}
	for (int side = 0; side < SIDES; side++)
		median->cycles[side] = bench_median(values[side], lane->count);
	median->cpu_ns = bench_median(values[SIDES], lane->count);
	free(scratch);
	return true;
}
