/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs the test "kcp": what a segment costs, by window and loss. */
#include "bench.h"
#include "kcp_cost.h"
#include "median.h"

#include <rte_cycles.h>
#include <string.h>

static const uint32_t windows[] = { 128, 2048, 32768 };
static const double losses_percent[] = { 0, 1 };

#define PAIRS_MAX (KG_ARRAY_SIZE(windows) * KG_ARRAY_SIZE(losses_percent))

static double median_ns(const struct kcp_cost_result *result)
{
	double ns[KCP_COST_PIECES];

	memcpy(ns, result->ns, sizeof(ns));
	return bench_median(ns, KCP_COST_PIECES);
}

static double best_ns(const struct kcp_cost_result *result)
{
	double best = result->ns[0];

	for (size_t i = 1; i < KCP_COST_PIECES; i++)
		best = KG_MIN(best, result->ns[i]);
	return best;
}

/* Of pieces that were measured one after the other. */
static double ratio(const struct kcp_cost_result *of, const struct kcp_cost_result *to)
{
	double ratios[KCP_COST_PIECES];

	for (size_t i = 0; i < KCP_COST_PIECES; i++)
		ratios[i] = of->ns[i] / to->ns[i];
	return bench_median(ratios, KCP_COST_PIECES);
}

/* `same_loss`: the smallest window's with the same loss; `first`: of the smallest loss too. */
static void print_result(const struct kcp_cost_params *params, const struct kcp_cost_result *result,
			 const struct kcp_cost_result *same_loss,
			 const struct kcp_cost_result *first, json_t *rows)
{
	double cycles_per_ns = (double)rte_get_tsc_hz() / 1e9, ns = median_ns(result);
	double best = best_ns(result), growth = ratio(result, same_loss);

	printf("%6u %5.1f %6u %9.0f %8.1f %8.1f %8.1f %8.1f %8.2f %8.2f\n", params->window,
	       params->loss_percent, params->size, result->in_flight, ns, best, ns * cycles_per_ns,
	       best * cycles_per_ns, growth, result->resent_percent);
	json_array_append_new(
		rows, json_pack("{s:s, s:i, s:f, s:i, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}",
				"test", "kcp", "window", (int)params->window, "loss_percent",
				params->loss_percent, "size", (int)params->size, "in_flight",
				result->in_flight, "ns", ns, "ns_best", best, "cycles",
				ns * cycles_per_ns, "cycles_best", best * cycles_per_ns, "growth",
				growth, "to_first", ratio(result, first), "resent_percent",
				result->resent_percent));
}

bool bench_kcp(const struct bench_options *options, json_t *rows)
{
	size_t window_count = options->window > 0 ? 1 : KG_ARRAY_SIZE(windows);
	size_t loss_count = options->loss_percent >= 0 ? 1 : KG_ARRAY_SIZE(losses_percent);
	size_t count = window_count * loss_count;
	struct kcp_cost_params params[PAIRS_MAX];
	struct kcp_cost_result results[PAIRS_MAX];

	for (size_t k = 0; k < count; k++)
		params[k] = (struct kcp_cost_params){
			.window = window_count > 1 ? windows[k % window_count] : options->window,
			.loss_percent = loss_count > 1 ? losses_percent[k / window_count]
						       : options->loss_percent,
			.size = options->size > 0 ? (uint16_t)options->size : 1376,
			.segments = options->segments,
		};
	if (!kcp_cost_run(params, count, results)) {
		fprintf(stderr, "out of memory\n");
		return false;
	}
	printf("%6s %5s %6s %9s %8s %8s %8s %8s %8s %8s\n", "window", "loss%", "bytes", "in flight",
	       "ns", "best", "cycles", "best", "growth", "resent%");
	for (size_t k = 0; k < count; k++)
		print_result(&params[k], &results[k], &results[k - k % window_count], &results[0],
			     rows);
	return true;
}
