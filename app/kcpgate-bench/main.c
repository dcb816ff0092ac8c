/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kcpgate-bench --test kcp [--window N] [--loss PERCENT] [--size BYTES] [--segments N]
 *               [--json FILE]
 *
 * Prints the cost of a segment, median and best; without --window and --loss for windows of 128,
 * 2048 and 32768 segments, with no loss and 1 %.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "kcp/kcp.h"
#include "kcp_bench.h"

static const uint32_t default_windows[] = { 128, 2048, 32768 };
static const double default_losses_percent[] = { 0, 1 };

struct options {
	const char *test;
	const char *json;    /* NULL: none */
	uint32_t window;     /* 0: the three */
	double loss_percent; /* negative: the two */
	uint16_t size;
	uint64_t segments;
};

static void usage(FILE *to)
{
	fputs("usage: kcpgate-bench --test kcp [--window 1..65535] [--loss 0..50] [--size "
	      "1..1376]\n"
	      "                     [--segments 1..1e9] [--json FILE]\n",
	      to);
}

/* False with a message when `text` is no number of this range. */
static bool parse_number(const char *name, const char *text, double min, double max, double *to)
{
	char *end;

	errno = 0;
	*to = strtod(text, &end);
	if (errno == 0 && end != text && *end == '\0' && *to >= min && *to <= max)
		return true;
	fprintf(stderr, "--%s: \"%s\" is not a number from %g to %g\n", name, text, min, max);
	return false;
}

static bool take_option(struct options *options, int option)
{
	double value;

	switch (option) {
	case 't':
		options->test = optarg;
		return true;
	case 'j':
		options->json = optarg;
		return true;
	case 'w':
		if (!parse_number("window", optarg, 1, KG_KCP_WINDOW_MAX, &value))
			return false;
		options->window = (uint32_t)value;
		return true;
	case 'l':
		return parse_number("loss", optarg, 0, 50, &options->loss_percent);
	case 's':
		if (!parse_number("size", optarg, 1, 1376, &value))
			return false;
		options->size = (uint16_t)value;
		return true;
	case 'n':
		if (!parse_number("segments", optarg, 1, 1e9, &value))
			return false;
		options->segments = (uint64_t)value;
		return true;
	default:
		usage(stderr);
		return false;
	}
}

static bool parse_options(struct options *options, int argc, char **argv)
{
	static const struct option known[] = {
		{ "test", required_argument, NULL, 't' },
		{ "window", required_argument, NULL, 'w' },
		{ "loss", required_argument, NULL, 'l' },
		{ "size", required_argument, NULL, 's' },
		{ "segments", required_argument, NULL, 'n' },
		{ "json", required_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	*options = (struct options){ .loss_percent = -1, .size = 1376, .segments = 1000000 };
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1)
		if (!take_option(options, option))
			return false;
	if (optind == argc && options->test != NULL && strcmp(options->test, "kcp") == 0)
		return true;
	usage(stderr);
	return false;
}

static void print_json(FILE *json, const struct kcp_bench_params *params,
		       const struct kcp_bench_result *result)
{
	fprintf(json,
		"\n  { \"test\": \"kcp\", \"window\": %u, \"loss_percent\": %g, \"size\": %u, "
		"\"segments\": %llu, \"in_flight\": %.0f, \"ns\": %.2f, \"ns_best\": %.2f, "
		"\"cycles\": %.2f, \"cycles_best\": %.2f, \"resent_percent\": %.3f }",
		params->window, params->loss_percent, params->size,
		(unsigned long long)params->segments, result->in_flight, result->ns,
		result->ns_best, result->cycles, result->cycles_best, result->resent_percent);
}

static bool run_one(const struct kcp_bench_params *params, FILE *json)
{
	struct kcp_bench_result result;

	if (!kcp_bench_run(params, &result)) {
		fprintf(stderr, "out of memory\n");
		return false;
	}
	printf("%6u %5.1f %6u %9.0f %8.1f %8.1f %8.1f %8.1f %8.2f\n", params->window,
	       params->loss_percent, params->size, result.in_flight, result.ns, result.ns_best,
	       result.cycles, result.cycles_best, result.resent_percent);
	if (json != NULL)
		print_json(json, params, &result);
	return true;
}

static bool run_all(const struct options *options, FILE *json)
{
	size_t windows = options->window > 0 ? 1 : KG_ARRAY_SIZE(default_windows);
	size_t losses = options->loss_percent >= 0 ? 1 : KG_ARRAY_SIZE(default_losses_percent);

	printf("%6s %5s %6s %9s %8s %8s %8s %8s %8s\n", "window", "loss%", "bytes", "in flight",
	       "ns", "best", "cycles", "best", "resent%");
	for (size_t i = 0; i < windows * losses; i++) {
		struct kcp_bench_params params = {
			.window = options->window,
			.loss_percent = options->loss_percent,
			.size = options->size,
			.segments = options->segments,
		};

		if (windows > 1)
			params.window = default_windows[i % windows];
		if (losses > 1)
			params.loss_percent = default_losses_percent[i / windows];
		if (json != NULL && i > 0)
			fputc(',', json);
		if (!run_one(&params, json))
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct options options;
	FILE *json = NULL;
	bool done;

	if (!parse_options(&options, argc, argv))
		return 2;
	if (options.json != NULL && (json = fopen(options.json, "w")) == NULL) {
		fprintf(stderr, "%s: %s\n", options.json, strerror(errno));
		return 1;
	}
	if (json != NULL)
		fputs("[", json);
	done = run_all(&options, json);
	if (json != NULL) {
		fputs("\n]\n", json);
		done = fclose(json) == 0 && done;
	}
	return done ? 0 : 1;
}
