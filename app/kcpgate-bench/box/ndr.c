/* SPDX-License-Identifier: BSD-3-Clause */
#include "ndr.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	const struct bench_ndr_point *x = a, *y = b;

	return (x->loss > y->loss) - (x->loss < y->loss);
}

/* All trials of one rate; the one with the median loss stands for them. */
static bool try_rate(struct bench_ndr *ndr, double pps)
{
	struct bench_ndr_point trials[BENCH_NDR_TRIALS_MAX];

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

		if (point->loss <= loss && point->asked_pps > good.asked_pps &&
		    (bad == NULL || point->asked_pps < bad->asked_pps))
			good = *point;
	}
	return good;
}

bool bench_ndr_search(struct bench_ndr *ndr, double loss, struct bench_ndr_point *found)
{
	if (ndr->point_count == 0 && !try_rate(ndr, ndr->max_pps))
		return false;
	for (;;) {
		const struct bench_ndr_point *bad = lowest_bad(ndr, loss);

		*found = highest_good(ndr, loss, bad);
		if (bad == NULL || bad->asked_pps < ndr->min_pps ||
		    bad->asked_pps - found->asked_pps <= ndr->precision * bad->asked_pps ||
		    ndr->point_count == BENCH_NDR_RATES_MAX)
			return true;
		if (!try_rate(ndr, (bad->asked_pps + found->asked_pps) / 2))
			return false;
	}
}
