/* SPDX-License-Identifier: BSD-3-Clause */
/* Tells the service manager that the box lives: the control loop, as it says so, and every worker,
 * as it has turned since it was last said. What is asked for is in sd_watchdog_enabled(3). */
#include "control/internal.h"
#include "start/notify.h"
#include "worker.h"

#include <stdlib.h>
#include <unistd.h>

struct kg_control_watchdog {
	struct kg_loop_source source;
	const struct kg_box *box;
	uint64_t every_us;
	uint64_t turns[KG_CONFIG_WORKERS_MAX];
};

/* 0: nobody wants to know, or it is another process that shall tell. */
static uint64_t wanted_us(void)
{
	const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (us == NULL || (pid != NULL && strtol(pid, NULL, 10) != getpid()))
		return 0;
	return strtoull(us, NULL, 10);
}

/* However long a worker may sleep: it is woken, and has turned until the next look. */
static bool all_have_turned(struct kg_control_watchdog *watchdog)
{
	bool all = true;

	for (unsigned int w = 0; w < watchdog->box->worker_count; w++) {
		struct kg_worker *worker = watchdog->box->workers[w];
		uint64_t turns = __atomic_load_n(&worker->stats.counters[KG_COUNTER_TURNS],
						 __ATOMIC_RELAXED);

		all &= turns != watchdog->turns[w];
		watchdog->turns[w] = turns;
		kg_waker_wake(&worker->waker);
	}
	return all;
}

static void serve(struct kg_loop_source *source, uint64_t now_us)
{
	struct kg_control_watchdog *watchdog =
		KG_CONTAINER_OF(source, struct kg_control_watchdog, source);

	source->due_us = now_us + watchdog->every_us;
	if (all_have_turned(watchdog))
		kg_notify("WATCHDOG=1");
}

struct kg_control_watchdog *kg_control_watchdog_create(struct kg_loop *loop,
						       const struct kg_box *box)
{
	struct kg_control_watchdog *watchdog = calloc(1, sizeof(*watchdog));
	uint64_t us = wanted_us();

	if (watchdog == NULL)
		return NULL;
	watchdog->box = box;
	watchdog->every_us = us / 2;
	watchdog->source = (struct kg_loop_source){
		.fd = -1,
		.due_us = us > 0 ? 0 : KG_NEVER_US,
		.serve = serve,
	};
	kg_loop_add(loop, &watchdog->source);
	return watchdog;
}

void kg_control_watchdog_destroy(struct kg_control_watchdog *watchdog)
{
	if (watchdog != NULL)
		kg_loop_remove(&watchdog->source);
	free(watchdog);
}
