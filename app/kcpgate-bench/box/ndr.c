/* SPDX-License-Identifier: BSD-3-Clause */
/* Searches the highest rate without loss, by halves. */
#include "ndr.h"

#include <stdlib.h>

/* Rates tried one after the other that the sender did not reach. */
#define IN_VAIN_MAX 3

static int compare(const void *a, const void *b)
{
	const struct bench_ndr_point *x = a, *y = b;

	if (x->loss != y->loss)
		return x->loss > y->loss ? 1 : -1;
	return (x->pps > y->pps) - (x->pps < y->pps);
}

/* All trials of one rate; the one with the median loss stands for them. */
static bool try_rate(struct bench_ndr *ndr, double pps)
{
	struct bench_ndr_point trials[BENCH_NDR_TRIALS_MAX] = { 0 };

	for (unsigned int i = 0; i < ndr->trials; i++) {
		trials[i] = (struct bench_ndr_point){ .asked_pps = pps };
		if (!ndr->trial(ndr->context, &trials[i]))
			return false;
	}
	qsort(trials, ndr->trials, sizeof(trials[0]), compare);
	ndr->points[ndr->point_count++] = trials[ndr->trials / 2];
	return true;
}

/* NULL: none is bad. */
static const struct bench_ndr_point *lowest_bad(const struct bench_ndr *ndr, double loss)
{
	const struct bench_ndr_point *bad = NULL;

	for (unsigned int i = 0; i < ndr->point_count; i++) {
		const struct bench_ndr_point *point = &ndr->points[i];

		if (point->loss > loss && (bad == NULL || point->asked_pps < bad->asked_pps))
			bad = point;
	}
	return bad;
}

/* The highest below `bad`; zero without any. */
static struct bench_ndr_point highest_good(const struct bench_ndr *ndr, double loss,
					   const struct bench_ndr_point *bad)
{
	struct bench_ndr_point good = { 0 };

	for (unsigned int i = 0; i < ndr->point_count; i++) {
		const struct bench_ndr_point *point = &ndr->points[i];

		if (point->loss <= loss && point->pps > good.pps &&
		    (bad == NULL || point->asked_pps < bad->asked_pps))
			good = *point;
	}
	return good;
}

static bool close_enough(const struct bench_ndr *ndr, const struct bench_ndr_point *good,
			 const struct bench_ndr_point *bad)
{
	return bad == NULL || bad->asked_pps < ndr->min_pps ||
	       bad->asked_pps - good->pps <= ndr->precision * bad->asked_pps;
}

bool bench_ndr_search(struct bench_ndr *ndr, double loss, struct bench_ndr_point *found)
{
	unsigned int in_vain = 0;
	bool better, worse;

	*found = (struct bench_ndr_point){ 0 };
	if (ndr->point_count == 0 && !try_rate(ndr, ndr->max_pps))
		return false;
	for (;;) {
		const struct bench_ndr_point *bad = lowest_bad(ndr, loss);
		struct bench_ndr_point good = highest_good(ndr, loss, bad);

		better = good.pps > found->pps;
		worse = ndr->points[ndr->point_count - 1].loss > loss;
		in_vain = better || worse ? 0 : in_vain + 1;
		*found = good;
		if (close_enough(ndr, &good, bad) || in_vain == IN_VAIN_MAX ||
		    ndr->point_count == BENCH_NDR_RATES_MAX)
			return true;
		if (!try_rate(ndr, (bad->asked_pps + good.pps) / 2))
			return false;
	}
}
