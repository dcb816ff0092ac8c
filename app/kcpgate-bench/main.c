/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Measures what the parts of a box can do, each without the noise of the others. Ratios
 * within one run are worth quoting; absolute figures belong to the machine.
 */
#include "bench.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <sched.h>
#include <string.h>

/* Of 2 MiB. */
#define HUGE_PAGES_FREE   "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages"
#define HUGE_PAGES_WANTED 1000u

static const struct {
	const char *name;
	bool (*run)(const struct bench_options *options, json_t *rows);
} tests[] = {
	{ "aead", bench_aead },           { "box", bench_box },   { "fec", bench_fec },
	{ "handshake", bench_handshake }, { "idle", bench_idle }, { "kcp", bench_kcp },
	{ "path", bench_path },           { "talk", bench_talk }, { "tunnel", bench_tunnel },
};

/* "--lcores=" for `count` threads in turn over the cores we may use, and the main thread anywhere.
 */
static void choose_cores(char *text, size_t bytes, unsigned int count)
{
	int cores[CPU_SETSIZE] = { 0 };
	unsigned int found = 0;
	size_t used;
	cpu_set_t ours;

	CPU_ZERO(&ours);
	sched_getaffinity(0, sizeof(ours), &ours);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &ours))
			cores[found++] = cpu;
	}
	found = KG_MAX(found, 1u);
	used = (size_t)snprintf(text, bytes, "--lcores=127@(%d,%d)", cores[0], cores[found - 1]);
	for (unsigned int i = 0; i < count && used < bytes; i++)
		used += (size_t)snprintf(text + used, bytes - used, ",%u@%d", i, cores[i % found]);
}

/* Whether there are huge pages for any of the tests. */
static bool huge_pages_are_free(void)
{
	FILE *file = fopen(HUGE_PAGES_FREE, "r");
	unsigned int count;
	bool enough;

	if (file == NULL)
		return false;
	enough = fscanf(file, "%u", &count) == 1 && count >= HUGE_PAGES_WANTED;
	fclose(file);
	return enough;
}

/* What the user gives prevails. Huge pages are taken as they are needed. */
static bool start_eal(const struct bench_options *options)
{
	static char lcores[512];
	bool huge = huge_pages_are_free();
	char *defaults[] = {
		"kcpgate-bench",          "--no-pci",    huge ? "--in-memory" : "--no-huge",
		huge ? "-m64" : "-m4096", "--no-shconf", "--no-telemetry",
		"--log-level=error",      lcores,        "--main-lcore=127"
	};
	char *args[64];
	int count = 0;

	choose_cores(lcores, sizeof(lcores), options->workers * options->cores);
	for (size_t i = 0; i < KG_ARRAY_SIZE(defaults); i++) {
		if (i == 0 || options->eal_count == 0)
			args[count++] = defaults[i];
	}
	for (int i = 0; i < options->eal_count && count < (int)KG_ARRAY_SIZE(args) - 1; i++)
		args[count++] = options->eal[i];
	args[count] = NULL;
	if (rte_eal_init(count, args) >= 0) {
		fprintf(stderr, "memory in %s pages\n", rte_eal_has_hugepages() ? "huge" : "small");
		return true;
	}
	fprintf(stderr, "EAL does not start: %s\n", rte_strerror(rte_errno));
	return false;
}

static void note_pages(json_t *rows)
{
	for (size_t i = 0; i < json_array_size(rows); i++)
		json_object_set_new(json_array_get(rows, i), "huge_pages",
				    json_boolean(rte_eal_has_hugepages()));
}

static int run(const struct bench_options *options)
{
	json_t *rows = json_array();
	bool ok = false, known = false;

	for (size_t i = 0; i < KG_ARRAY_SIZE(tests); i++) {
		if (strcmp(options->test, tests[i].name) != 0)
			continue;
		known = true;
		ok = start_eal(options) && tests[i].run(options, rows);
	}
	if (!known) {
		fprintf(stderr, "no test \"%s\"\n", options->test);
		bench_options_help(stderr);
	}
	note_pages(rows);
	if (ok && options->json != NULL &&
	    json_dump_file(rows, options->json, JSON_INDENT(2)) != 0) {
		fprintf(stderr, "%s: cannot be written\n", options->json);
		ok = false;
	}
	json_decref(rows);
	return !known ? 2 : ok ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct bench_options options;

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		bench_options_help(stdout);
		return 0;
	}
	if (!bench_options_parse(&options, argc, argv, stderr))
		return 2;
	return run(&options);
}
