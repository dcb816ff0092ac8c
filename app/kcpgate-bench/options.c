/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include "kcp/kcp.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum kind {
	TEXT,
	NUMBER,      /* uint32_t */
	LONG_NUMBER, /* uint64_t */
	FRACTION,    /* double */
	SWITCH,
};

static const struct row {
	const char *name;
	enum kind kind;
	size_t offset;
	double min, max;
	const char *help;
} rows[] = {
#define ROW(name, kind, field, min, max, help)                                    \
	{                                                                         \
		name, kind, offsetof(struct bench_options, field), min, max, help \
	}
	ROW("test", TEXT, test, 0, 0, "aead, kcp, path or tunnel"),
	ROW("algorithm", TEXT, algorithm, 0, 0, "AES-GCM or none; default AES-GCM"),
	ROW("kcp", TEXT, preset, 0, 0, "preset (path, tunnel); default fast3"),
	ROW("size", NUMBER, size, 1, 1400, "payload bytes of a message"),
	ROW("datagrams", SWITCH, datagrams, 0, 0, "UDP payload instead of a stream"),
	ROW("channels", NUMBER, channels, 1, 4096, "connections through the tunnel; default 1"),
	ROW("workers", NUMBER, workers, 1, 16, "of each box (tunnel); default 1"),
	ROW("cores", NUMBER, cores, 1, 2,
	    "of a pair of workers: 2 (default), at the same time; 1, in turn, for exact costs "
	    "(tunnel)"),
	ROW("window", NUMBER, window, 1, KG_KCP_WINDOW_MAX, "KCP segments"),
	ROW("loss", FRACTION, loss_percent, 0, 50, "percent of datagrams lost (kcp, path)"),
	ROW("rtt", FRACTION, rtt_ms, 0.1, 2000, "ms of round trip (path); default 40"),
	ROW("jitter", FRACTION, jitter_ms, 0, 1000,
	    "ms more or less each way, in order (path); default 1"),
	ROW("rate", FRACTION, rate_mbit, 0, 100000,
	    "Mbit/s of the bottleneck (path); default 1000; 0: none"),
	ROW("queue", FRACTION, queue_ms, 0, 10000,
	    "ms that wait in front of the bottleneck (path); default 20"),
	ROW("segments", LONG_NUMBER, segments, 1, 1e9, "to measure (kcp); default 1000000"),
	ROW("seconds", NUMBER, seconds, 1, 3600, "to measure (aead, path, tunnel); default 5"),
	ROW("stats-period", NUMBER, stats_period_s, 1, 3600, "print port statistics so often"),
	ROW("json", TEXT, json, 0, 0, "write results to this file"),
#undef ROW
};

void bench_options_help(FILE *to)
{
	fputs("usage: kcpgate-bench [EAL options --] --test NAME [options]\n", to);
	for (size_t i = 0; i < KG_ARRAY_SIZE(rows); i++)
		fprintf(to, "  --%-13s %s\n", rows[i].name, rows[i].help);
}

static bool parse_number(const struct row *row, const char *text, double *value, FILE *errors)
{
	char *end;

	errno = 0;
	*value = strtod(text, &end);
	if (errno == 0 && end != text && *end == '\0' && *value >= row->min && *value <= row->max &&
	    (row->kind == FRACTION || *value == (double)(uint64_t)*value))
		return true;
	fprintf(errors, "--%s: \"%s\" is not a %snumber from %g to %g\n", row->name, text,
		row->kind == FRACTION ? "" : "whole ", row->min, row->max);
	return false;
}

static bool take(struct bench_options *options, const struct row *row, const char *text,
		 FILE *errors)
{
	void *field = (char *)options + row->offset;
	double value = 0;

	if (row->kind == SWITCH)
		*(bool *)field = true;
	else if (row->kind == TEXT)
		*(const char **)field = text;
	else if (!parse_number(row, text, &value, errors))
		return false;
	else if (row->kind == NUMBER)
		*(uint32_t *)field = (uint32_t)value;
	else if (row->kind == LONG_NUMBER)
		*(uint64_t *)field = (uint64_t)value;
	else
		*(double *)field = value;
	return true;
}

static bool take_all(struct bench_options *options, int argc, char **argv, FILE *errors)
{
	struct option known[KG_ARRAY_SIZE(rows) + 1] = { 0 };
	int index = 0, option;

	for (size_t i = 0; i < KG_ARRAY_SIZE(rows); i++) {
		known[i].name = rows[i].name;
		known[i].has_arg = rows[i].kind == SWITCH ? no_argument : required_argument;
	}
	optind = 1;
	while ((option = getopt_long(argc, argv, "", known, &index)) != -1) {
		if (option != 0 || !take(options, &rows[index], optarg, errors))
			return false;
	}
	if (optind == argc)
		return true;
	fprintf(errors, "what is \"%s\"?\n", argv[optind]);
	return false;
}

/* What stands before "--" is EAL's; argv[0] stays in front of the rest. */
static int split(struct bench_options *options, int argc, char ***argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp((*argv)[i], "--") != 0)
			continue;
		options->eal = *argv + 1;
		options->eal_count = i - 1;
		(*argv)[i] = (*argv)[0];
		*argv += i;
		return argc - i;
	}
	return argc;
}

bool bench_options_parse(struct bench_options *options, int argc, char **argv, FILE *errors)
{
	*options = (struct bench_options){
		.algorithm = "AES-GCM",
		.preset = "fast3",
		.channels = 1,
		.workers = 1,
		.cores = 2,
		.seconds = 5,
		.segments = 1000000,
		.loss_percent = -1,
		.rtt_ms = 40,
		.jitter_ms = 1,
		.rate_mbit = 1000,
		.queue_ms = 20,
	};
	argc = split(options, argc, &argv);
	if (!take_all(options, argc, argv, errors))
		return false;
	if (options->test == NULL)
		bench_options_help(errors);
	return options->test != NULL;
}
