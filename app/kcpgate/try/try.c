/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs kcpgate --try from beginning to end. */
#include "try.h"

#include "clock.h"
#include "try/internal.h"

#include <errno.h>
#include <string.h>

#define BUFFERS_MAX 65536

static bool test(struct kg_try *t, const struct kg_config *config)
{
	return kg_try_collect_tunnels(t, config) && kg_try_collect_places(t) && kg_try_run(t);
}

static void report(const struct kg_try *t, bool json, FILE *to)
{
	if (json)
		kg_try_print_json(t, to);
	else
		kg_try_print_table(t, to);
}

bool kg_try(const struct kg_config *config, bool json, FILE *to)
{
	struct kg_try t = { 0 };
	bool good;

	kg_mem_malloc_init(&t.mem);
	kg_buf_malloc_pool_init(&t.pool, BUFFERS_MAX);
	kg_rng_init(&t.rng, kg_clock_seed());
	good = test(&t, config);
	if (good)
		report(&t, json, to);
	else
		fprintf(stderr, "kcpgate: --try: %s\n", strerror(errno != 0 ? errno : ENOMEM));
	good = good && kg_try_failed(&t) == 0;
	kg_try_release_places(&t);
	kg_try_release_tunnels(&t);
	return good;
}
