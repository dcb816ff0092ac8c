/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs a crowd on two boxes, and takes the cost of each worker's turns. */
#include "many.h"

#include "box/internal.h"
#include "clock.h"
#include "turn.h"

#include <rte_cycles.h>
#include <rte_launch.h>
#include <stdio.h>
#include <time.h>

/* Of memory.mb for a channel: a little more than the box reckons with. */
#define CHANNEL_BYTES 6400
#define MEMORY_MIN_MB 256
#define SHARE_TURNS   1024 /* between two looks at the buffers left */

const char *const bench_many_sides[SIDES] = { "client", "server" };

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void turn(struct kg_worker *w, struct bench_cost *cost)
{
	uint64_t begin_ns = cpu_ns(), begin_cyc = rte_rdtsc(), ns;

	if (kg_worker_turn(w, kg_clock_now_us()) > 0)
		cost->busy_cyc += rte_rdtsc() - begin_cyc;
	ns = cpu_ns() - begin_ns;
	cost->cpu_ns += ns;
	cost->longest_ns = KG_MAX(cost->longest_ns, ns);
}

void bench_many_turn(struct bench_many *many, uint64_t wanted)
{
	static unsigned int turns;

	for (int side = 0; side < SIDES; side++) {
		turn(many->two.boxes[side].workers[0], &many->costs[side]);
		if (turns++ % SHARE_TURNS == 0)
			kg_buf_mempool_update_share(many->two.boxes[side].bufs);
	}
	bench_crowd_turn(&many->crowd, wanted);
}

struct kg_session_stats bench_many_stats(const struct bench_many *many, int side)
{
	struct kg_session_stats stats;

	kg_session_get_stats(two_boxes_side(many->two.boxes[side].workers[0])->session, &stats);
	return stats;
}

struct job {
	struct bench_many *many;
	bool (*run)(struct bench_many *many);
};

static int on_lcore(void *arg)
{
	struct job *job = arg;

	return job->run(job->many) ? 0 : -1;
}

bool bench_many_run(struct bench_many *many, bool passing, uint32_t under_way_max,
		    bool (*run)(struct bench_many *many))
{
	const struct bench_options *options = many->options;
	struct two_boxes_params params = {
		.algorithm = options->algorithm,
		.preset = options->preset,
		.window = 256,
		.keep_alive_s = options->keep_alive_s,
		.workers = 1,
		.memory_mb = MEMORY_MIN_MB +
			     (uint32_t)((uint64_t)options->channels * CHANNEL_BYTES >> 20),
	};
	struct job job = { many, run };
	char error[512];
	bool ok;

	kg_clock_init();
	ok = two_boxes_init(&many->two, &params, error, sizeof(error));
	if (!ok) {
		fprintf(stderr, "%s\n", error);
	} else {
		kg_box_await_stamps(&many->two.boxes[SERVER]);
		bench_crowd_init(&many->crowd, &many->two, under_way_max, passing);
		ok = rte_eal_remote_launch(on_lcore, &job, 0) == 0;
		while (ok && rte_eal_get_lcore_state(0) == RUNNING)
			rte_delay_us_sleep(1000); /* rte_eal_wait_lcore spins */
		ok = ok && rte_eal_wait_lcore(0) == 0;
	}
	two_boxes_fini(&many->two);
	return ok;
}
