/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What simulations drawn by seeds share: how one is failed, and how a program runs many. The
 * includer has a `struct sim` with a seed, and print() for it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define check(sim, condition)                                                          \
	do {                                                                           \
		if (!(condition)) {                                                    \
			print(sim);                                                    \
			printf("FAILED seed %llu at line %d: %s\n",                    \
			       (unsigned long long)(sim)->seed, __LINE__, #condition); \
			exit(1);                                                       \
		}                                                                      \
	} while (0)

/* PROGRAM SEED: one, verbose. PROGRAM FIRST COUNT STEP: so many, or KG_SIM_SEEDS. Returns what main
 * does. */
static inline int seeds_run(int argc, char **argv, void (*run_seed)(uint64_t seed, bool verbose),
			    void (*print_totals)(void))
{
	const char *more = getenv("KG_SIM_SEEDS");
	uint64_t first, count, step;

	if (argc != 2 && argc != 4) {
		fprintf(stderr, "usage: %s SEED | %s FIRST COUNT STEP\n", argv[0], argv[0]);
		return 2;
	}
	first = strtoull(argv[1], NULL, 0);
	count = argc == 2 ? 1 : strtoull(more != NULL ? more : argv[2], NULL, 0);
	step = argc == 2 ? 1 : strtoull(argv[3], NULL, 0);
	for (uint64_t i = 0; i < count; i++)
		run_seed(first + i * step, argc == 2);
	print_totals();
	return 0;
}
