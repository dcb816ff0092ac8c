/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads the bench's command line, from one table of options and the tests they are for. */
#include "options.h"

#include "box/ndr.h"
#include "median.h"

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
	const char *tests; /* that use it, space-separated; empty: all */
	enum kind kind;
	size_t offset;
	double min, max;
	const char *help;
} rows[] = {
#define ROW(name, tests, kind, field, min, max, help)                                    \
	{                                                                                \
		name, tests, kind, offsetof(struct bench_options, field), min, max, help \
	}
	ROW("test", "", TEXT, test, 0, 0,
	    "aead, box, fec, handshake, idle, kcp, path, talk or tunnel"),
	ROW("algorithm", "aead handshake idle tunnel", TEXT, algorithm, 0, 0,
	    "as in a configuration; default AES-GCM, of aead all in turn"),
	ROW("kcp", "handshake idle path talk tunnel", TEXT, preset, 0, 0, "preset; default fast3"),
	ROW("fec", "talk tunnel", TEXT, fec, 0, 0,
	    "forward error correction as in a configuration; default: off"),
	ROW("mux", "tunnel", NUMBER, mux, 0, 65535,
	    "mux_tunnels that connections share; default 0: a channel each"),
	ROW("size", "aead box fec kcp tunnel", NUMBER, size, 1, 1400, "payload bytes of a message"),
	ROW("imix", "box", SWITCH, imix, 0, 0, "64, 512 and 1200 bytes as 7 : 4 : 1 instead"),
	ROW("datagrams", "tunnel", SWITCH, datagrams, 0, 0, "UDP payload instead of a stream"),
	ROW("udphop", "tunnel", SWITCH, udphop, 0, 0, "the wire of UDP Hop; with datagrams"),
	ROW("relay", "tunnel", SWITCH, relay, 0, 0,
	    "a relay in between, whose client and server are one box: its cost, and theirs"),
	ROW("channels", "handshake idle tunnel", NUMBER, channels, 1, 200000,
	    "connections through the tunnel, of handshake those under way at once; default 1, of "
	    "handshake 64, of idle 100000"),
	ROW("keep-alive", "idle", NUMBER, keep_alive_s, 0, 65535,
	    "seconds between signs of life; default 0: none"),
	ROW("workers", "tunnel", NUMBER, workers, 1, 16, "of each box; default 1"),
	ROW("cores", "box tunnel", NUMBER, cores, 1, 2,
	    "tunnel: of a pair of workers: 2 (default), at the same time; 1, in turn, for exact "
	    "costs; box: one for the sink or none"),
	ROW("window", "kcp path talk tunnel", NUMBER, window, 1, KG_KCP_WINDOW_MAX, "KCP segments"),
	ROW("kcp-mtu", "tunnel", NUMBER, kcp_mtu, 50, 1400,
	    "bytes of a KCP datagram; 30 more than --size: one message in each; default: what the "
	    "path takes"),
	ROW("loss", "kcp talk", FRACTION, loss_percent, 0, 50, "percent of datagrams lost"),
	ROW("rtt", "talk", FRACTION, rtt_ms, 0.1, 2000, "ms of round trip; default 40"),
	ROW("jitter", "talk", FRACTION, jitter_ms, 0, 1000,
	    "ms more or less each way, in order; default 1"),
	ROW("rate", "talk", FRACTION, rate_mbit, 0, 100000,
	    "Mbit/s of the bottleneck; default 1000; 0: none"),
	ROW("queue", "talk", FRACTION, queue_ms, 0, 10000,
	    "ms that wait in front of the bottleneck; default 20"),
	ROW("on", "path", TEXT, on, 0, 0, "the path of this name alone; default: all"),
	ROW("sender", "path", TEXT, sender, 0, 0, "the sender of this name alone; default: all"),
	ROW("seeds", "path", NUMBER, seeds, 1, BENCH_RUNS_MAX,
	    "races whose median counts; default 3"),
	ROW("from", "box", TEXT, from, 0, 0,
	    "the sender's own address on the first port, or address:port"),
	ROW("to", "box", TEXT, to, 0, 0, "address:port where the client box listens"),
	ROW("sink", "box", TEXT, sink, 0, 0,
	    "address:port that the server box forwards to, on the second port, or the first if "
	    "there is one only; default: something else echoes"),
	ROW("gateway", "box", TEXT, gateway, 0, 0, "router towards --to; default: none between"),
	ROW("echo", "box", SWITCH, echo, 0, 0, "the sink sends back: round trips count"),
	ROW("flows", "box", NUMBER, flows, 1, 50000, "source ports; default 1"),
	ROW("pps", "box", NUMBER, pps, 1, 200e6,
	    "datagrams per second, one trial; default: search"),
	ROW("max-pps", "box", NUMBER, max_pps, 100, 200e6,
	    "where the search begins; default 1000000"),
	ROW("loss-tolerance", "box", FRACTION, loss_tolerance_percent, 0, 50,
	    "percent that the second rate searched for may lose; default 0.1"),
	ROW("precision", "box", FRACTION, precision_percent, 0.01, 50,
	    "percent of a rate at which the search ends; default 1"),
	ROW("trials", "box", NUMBER, trials, 1, BENCH_NDR_TRIALS_MAX,
	    "at each rate, the median loss counts; odd; default 1"),
	ROW("adaptive", "box", SWITCH, adaptive, 0, 0,
	    "sleep while there is nothing to do: for cores that others need"),
	ROW("segments", "kcp", LONG_NUMBER, segments, 1, 1e9, "to measure; default 1000000"),
	ROW("seconds", "aead box fec handshake idle talk tunnel", NUMBER, seconds, 1, 3600,
	    "to measure, of box each trial; default 5"),
	ROW("stats-period", "box tunnel", NUMBER, stats_period_s, 1, 3600,
	    "print port statistics so often"),
	ROW("json", "", TEXT, json, 0, 0, "write results to this file"),
#undef ROW
};

void bench_options_help(FILE *to)
{
	fputs("usage: kcpgate-bench [EAL options --] --test NAME [options]\n", to);
	for (size_t i = 0; i < KG_ARRAY_SIZE(rows); i++)
		fprintf(to, "  --%-14s  %-20s  %s\n", rows[i].name, rows[i].tests, rows[i].help);
}

static bool is_for(const struct row *row, const char *test)
{
	size_t len = strlen(test);

	for (const char *at = row->tests; *at != '\0'; at += strspn(at, " ")) {
		size_t word = strcspn(at, " ");

		if (word == len && memcmp(at, test, len) == 0)
			return true;
		at += word;
	}
	return row->tests[0] == '\0';
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

/* An option that would have no effect is a mistake. */
static bool all_fit(const struct row *given[KG_ARRAY_SIZE(rows)], const char *test, FILE *errors)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(rows); i++) {
		if (given[i] == NULL || is_for(given[i], test))
			continue;
		fprintf(errors, "--%s is not for --test %s, but for: %s\n", given[i]->name, test,
			given[i]->tests);
		return false;
	}
	return true;
}

static bool take_all(struct bench_options *options, int argc, char **argv, FILE *errors)
{
	struct option known[KG_ARRAY_SIZE(rows) + 1] = { 0 };
	const struct row *given[KG_ARRAY_SIZE(rows)] = { 0 };
	int index = 0, option;

	for (size_t i = 0; i < KG_ARRAY_SIZE(rows); i++) {
		known[i].name = rows[i].name;
		known[i].has_arg = rows[i].kind == SWITCH ? no_argument : required_argument;
	}
	optind = 1;
	while ((option = getopt_long(argc, argv, "", known, &index)) != -1) {
		if (option != 0 || !take(options, &rows[index], optarg, errors))
			return false;
		given[index] = &rows[index];
	}
	if (optind < argc) {
		fprintf(errors, "what is \"%s\"?\n", argv[optind]);
		return false;
	}
	return options->test == NULL || all_fit(given, options->test, errors);
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

/* What has another default in each test. */
static void fill_in(struct bench_options *options)
{
	static const struct {
		const char *test;
		uint32_t channels;
	} usual[] = { { "handshake", 64 }, { "idle", 100000 }, { "tunnel", 1 } };

	if (options->algorithm == NULL && strcmp(options->test, "aead") != 0)
		options->algorithm = "AES-GCM";
	for (size_t i = 0; i < KG_ARRAY_SIZE(usual); i++) {
		if (options->channels == 0 && strcmp(options->test, usual[i].test) == 0)
			options->channels = usual[i].channels;
	}
}

bool bench_options_parse(struct bench_options *options, int argc, char **argv, FILE *errors)
{
	*options = (struct bench_options){
		.preset = "fast3",
		.fec = "",
		.workers = 1,
		.cores = 2,
		.seconds = 5,
		.segments = 1000000,
		.loss_percent = -1,
		.rtt_ms = 40,
		.jitter_ms = 1,
		.rate_mbit = 1000,
		.queue_ms = 20,
		.seeds = 3,
		.flows = 1,
		.max_pps = 1000000,
		.loss_tolerance_percent = 0.1,
		.precision_percent = 1,
		.trials = 1,
	};
	argc = split(options, argc, &argv);
	if (!take_all(options, argc, argv, errors))
		return false;
	if (options->test == NULL)
		bench_options_help(errors);
	else
		fill_in(options);
	return options->test != NULL;
}
