/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench.h"
#include "kcp_pair.h"

static const uint32_t windows[] = { 128, 2048, 32768 };
static const double losses_percent[] = { 0, 1 };

static bool measure(const struct kcp_pair_params *params, json_t *rows)
{
	struct kcp_pair_result result;

	if (!kcp_pair_run(params, &result)) {
		fprintf(stderr, "out of memory\n");
		return false;
	}
	printf("%6u %5.1f %6u %9.0f %8.1f %8.1f %8.1f %8.1f %8.2f\n", params->window,
	       params->loss_percent, params->size, result.in_flight, result.ns, result.ns_best,
	       result.cycles, result.cycles_best, result.resent_percent);
	json_array_append_new(rows, json_pack("{s:s, s:i, s:f, s:i, s:f, s:f, s:f, s:f, s:f, s:f}",
					      "test", "kcp", "window", (int)params->window,
					      "loss_percent", params->loss_percent, "size",
					      (int)params->size, "in_flight", result.in_flight,
					      "ns", result.ns, "ns_best", result.ns_best, "cycles",
					      result.cycles, "cycles_best", result.cycles_best,
					      "resent_percent", result.resent_percent));
	return true;
}

bool bench_kcp(const struct bench_options *options, json_t *rows)
{
	size_t window_count = options->window > 0 ? 1 : KG_ARRAY_SIZE(windows);
	size_t loss_count = options->loss_percent >= 0 ? 1 : KG_ARRAY_SIZE(losses_percent);

	printf("%6s %5s %6s %9s %8s %8s %8s %8s %8s\n", "window", "loss%", "bytes", "in flight",
	       "ns", "best", "cycles", "best", "resent%");
	for (size_t i = 0; i < window_count * loss_count; i++) {
		struct kcp_pair_params params = {
			.window = window_count > 1 ? windows[i % window_count] : options->window,
			.loss_percent = loss_count > 1 ? losses_percent[i / window_count]
						       : options->loss_percent,
			.size = options->size > 0 ? (uint16_t)options->size : 1376,
			.segments = options->segments,
		};

		if (!measure(&params, rows))
			return false;
	}
	return true;
}
