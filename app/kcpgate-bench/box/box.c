/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Measures running boxes from outside: at a constant rate, or it searches for the rates at which
 * nothing, or hardly anything, is lost, and measures the latency below them.
 */
#include "bench.h"
#include "report.h"

#include <rte_cycles.h>
#include <rte_lcore.h>
#include <stdio.h>

#define FROM_PORT 10000 /* of the first flow, unless given */
#define MIN_PPS   100   /* a search that gets below this has found nothing */

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
	interrupted = 1;
}

struct test {
	const struct bench_options *options;
	struct bench_rig_params params;
	struct bench_rig rig;
	struct bench_report report;
	unsigned int load_percent; /* of what is tried now, for the report */
	char error[512];
};

/* ---- arguments ---- */

static bool fail(struct test *test, const char *option, const char *text, const char *wanted)
{
	snprintf(test->error, sizeof(test->error), "--%s: found \"%s\"; wanted: %s", option,
		 text != NULL ? text : "nothing", wanted);
	return false;
}

static bool read_from(struct test *test)
{
	const char *text = test->options->from;
	struct kg_endpoint *from = &test->params.from;

	if (text == NULL)
		return fail(test, "from", text, "the sender's address");
	if (kg_endpoint_parse(from, text))
		return true;
	from->port = FROM_PORT;
	return kg_ip_parse(&from->ip, text) ||
	       fail(test, "from", text, "an IP address, or one with a port");
}

static bool read_addresses(struct test *test)
{
	const struct bench_options *options = test->options;
	struct bench_rig_params *params = &test->params;

	if (!read_from(test))
		return false;
	if (options->to == NULL || !kg_endpoint_parse(&params->to, options->to) ||
	    params->to.ip.version != params->from.ip.version)
		return fail(test, "to", options->to,
			    "address:port of the client box, of the IP version of --from");
	if (options->sink != NULL && !kg_endpoint_parse(&params->sink, options->sink))
		return fail(test, "sink", options->sink,
			    "address:port that the server box forwards to");
	if (options->gateway != NULL && (!kg_ip_parse(&params->gateway, options->gateway) ||
					 params->gateway.version != params->from.ip.version))
		return fail(test, "gateway", options->gateway,
			    "an IP address of the version of --from");
	return true;
}

static bool read_options(struct test *test)
{
	const struct bench_options *options = test->options;
	struct bench_rig_params *params = &test->params;

	if (!read_addresses(test))
		return false;
	if (options->size != 0 && options->size < BENCH_PROBE_BYTES)
		return fail(test, "size", "less than 24", "24 or more: what a datagram carries");
	if (params->from.port + options->flows - 1 > UINT16_MAX)
		return fail(test, "flows", "more than ports", "a port for each from --from on");
	if (options->trials % 2 == 0)
		return fail(test, "trials", "an even number",
			    "an odd one, for there to be a median");
	params->size = options->imix ? 0 : options->size != 0 ? (uint16_t)options->size : 64;
	params->flows = options->flows;
	params->echo = options->echo;
	params->two_cores = options->cores == 2;
	params->adaptive = options->adaptive;
	params->interrupted = &interrupted;
	if (params->two_cores && rte_lcore_count() < 2) {
		snprintf(test->error, sizeof(test->error), "--cores 2 needs a second lcore of EAL");
		return false;
	}
	return true;
}

/* ---- what is measured ---- */

static bool run_trial(struct test *test, double pps, struct bench_trial *trial)
{
	struct bench_trial_params params = {
		.pps = pps,
		.seconds = test->options->seconds,
		.stats_period_s = test->options->stats_period_s,
	};

	if (!bench_trial_run(&test->rig, &params, trial, test->error, sizeof(test->error)))
		return false;
	bench_report_trial(&test->report, test->load_percent, trial);
	return true;
}

static bool try_point(void *context, struct bench_ndr_point *point)
{
	struct bench_trial trial;

	if (!run_trial(context, point->asked_pps, &trial))
		return false;
	point->pps = trial.pps;
	point->loss = trial.loss;
	return true;
}

static bool measure_latency(struct test *test, double pps)
{
	static const unsigned int loads[] = { 10, 50, 90 };
	struct bench_trial trial;

	for (size_t i = 0; i < KG_ARRAY_SIZE(loads); i++) {
		test->load_percent = loads[i];
		if (!run_trial(test, pps * loads[i] / 100, &trial))
			return false;
	}
	return true;
}

static bool search(struct test *test)
{
	const struct bench_options *options = test->options;
	double tolerance = options->loss_tolerance_percent / 100;
	struct bench_ndr ndr = {
		.max_pps = (double)options->max_pps,
		.min_pps = MIN_PPS,
		.precision = options->precision_percent / 100,
		.trials = options->trials,
		.trial = try_point,
		.context = test,
	};
	struct bench_ndr_point pdr_point, ndr_point;

	if (!bench_ndr_search(&ndr, tolerance, &pdr_point) ||
	    !bench_ndr_search(&ndr, 0, &ndr_point))
		return false;
	if (ndr_point.pps > 0 && !measure_latency(test, ndr_point.pps))
		return false;
	bench_report_rate(&test->report, "PDR", tolerance, &pdr_point);
	bench_report_rate(&test->report, "NDR", 0, &ndr_point);
	return true;
}

static bool measure(struct test *test)
{
	uint64_t begin_cyc = rte_rdtsc();
	struct bench_io none[BENCH_RIG_PORTS] = { 0 }, all[BENCH_RIG_PORTS];
	struct bench_trial trial;
	bool ok;

	bench_report_begin(&test->report);
	ok = test->options->pps > 0 ? run_trial(test, (double)test->options->pps, &trial)
				    : search(test);
	bench_rig_io(&test->rig, all);
	bench_rig_print_io(&test->rig, none, all,
			   (double)(rte_rdtsc() - begin_cyc) / (double)rte_get_tsc_hz());
	return ok;
}

bool bench_box(const struct bench_options *options, json_t *rows)
{
	static struct test test;
	struct sigaction action = { .sa_handler = interrupt, .sa_flags = (int)SA_RESETHAND };
	bool ok;

	test.options = options;
	test.report = (struct bench_report){ .params = &test.params, .rows = rows };
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	ok = read_options(&test);
	if (ok) {
		ok = bench_rig_start(&test.rig, &test.params, test.error, sizeof(test.error)) &&
		     measure(&test);
		bench_rig_stop(&test.rig);
	}
	if (!ok)
		fprintf(stderr, "%s\n", test.error);
	return ok;
}
