/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads what payload threads count when descriptors run out, and logs it once a minute. */
#include "control/internal.h"
#include "log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/resource.h>

#define EVERY_US (60 * KG_US_PER_S)

struct kg_control_descriptors {
	struct kg_loop_source source;
	const struct kg_box *box;
	uint64_t said;    /* connections turned away that the log knows of */
	uint64_t next_us; /* when it may say more */
};

static void say(struct kg_control_descriptors *descriptors, uint64_t turned_away, uint64_t now_us)
{
	struct rlimit limit = { 0 };

	getrlimit(RLIMIT_NOFILE, &limit);
	KG_LOG(WARNING,
	       "%" PRIu64 " connections of applications reset: no descriptor left of %" PRIu64
	       " (ulimit -n, or LimitNOFILE of the service)\n",
	       turned_away - descriptors->said, (uint64_t)limit.rlim_cur);
	descriptors->said = turned_away;
	descriptors->next_us = now_us + EVERY_US;
}

static void serve(struct kg_loop_source *source, uint64_t now_us)
{
	struct kg_control_descriptors *descriptors =
		KG_CONTAINER_OF(source, struct kg_control_descriptors, source);
	uint64_t turned_away = kg_box_payload_stats(descriptors->box).tcp_turned_away;

	source->due_us = now_us + KG_CONTROL_TICK_US;
	if (turned_away != descriptors->said && now_us >= descriptors->next_us)
		say(descriptors, turned_away, now_us);
}

struct kg_control_descriptors *kg_control_descriptors_create(struct kg_loop *loop,
							     struct kg_box *box)
{
	struct kg_control_descriptors *descriptors = calloc(1, sizeof(*descriptors));

	if (descriptors == NULL)
		return NULL;
	descriptors->box = box;
	descriptors->source = (struct kg_loop_source){ .fd = -1, .serve = serve };
	kg_loop_add(loop, &descriptors->source);
	return descriptors;
}

void kg_control_descriptors_destroy(struct kg_control_descriptors *descriptors)
{
	if (descriptors != NULL)
		kg_loop_remove(&descriptors->source);
	free(descriptors);
}
