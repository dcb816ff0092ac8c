/* SPDX-License-Identifier: BSD-3-Clause */
/* Lets a thread nap after more work than a question and its answer are, in as short a time. */
#include "thread/load.h"

#include <time.h>

/* So many frames and messages since the last sleep, at least one in so long: more will come. */
#define BULK_WORK    16
#define BULK_EACH_US 10

bool kg_load_is_bulk(const struct kg_load *load, uint64_t now_us)
{
	return load->work >= BULK_WORK && now_us - load->since_us <= load->work * BULK_EACH_US;
}

void kg_load_sleep(struct kg_load *load, uint64_t now_us)
{
	*load = (struct kg_load){ .since_us = now_us };
}

void kg_load_nap(uint64_t us)
{
	const struct timespec time = { .tv_nsec = (long)us * 1000 };

	nanosleep(&time, NULL);
}
