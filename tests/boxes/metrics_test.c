/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every number of a box: explained, in docs/metrics.md as the code has it, and in a form that
 * Prometheus reads. To write the document's table anew:
 *     KG_UPDATE=1 meson test metrics_test
 */
#include "box_metrics.h"
#include "boxes/stage_rig.h"
#include "document.h"
#include "telemetry/openmetrics.h"
#include "turn.h"

#define HELP_MAX_BYTES 128 /* of a text in an answer of DPDK's telemetry */
#define SECOND_US      KG_US_PER_S

/* ---- explained ---- */

struct listing {
	struct kg_metric_sink sink;
	const char *names[512];
	unsigned int count;
};

static bool check_metric(struct kg_metric_sink *sink, const struct kg_metric *metric,
			 enum kg_metric_owner owner)
{
	struct listing *listing = KG_CONTAINER_OF(sink, struct listing, sink);

	assert_in_range(strlen(metric->help), 1, HELP_MAX_BYTES - 1);
	assert_null(strpbrk(metric->help, "|\"\\\n")); /* ends a cell, a string or a line */
	assert_int_not_equal(metric->unit[0], '\0');
	assert_int_equal(strspn(metric->name, "abcdefghijklmnopqrstuvwxyz0123456789_"),
			 strlen(metric->name));
	for (unsigned int i = 0; i < listing->count; i++)
		assert_string_not_equal(listing->names[i], metric->name);
	assert_true(listing->count < KG_ARRAY_SIZE(listing->names));
	listing->names[listing->count++] = metric->name;
	return false;
}

static void each_is_explained_once(void **state)
{
	struct listing listing = { .sink = { .begin = check_metric } };

	kg_box_metrics_walk(NULL, &listing.sink);
	assert_true(listing.count > KG_COUNTER_COUNT + KG_DROP_COUNT);
}

/* ---- documented ---- */

struct table {
	struct kg_metric_sink sink;
	FILE *to;
};

static bool print_row(struct kg_metric_sink *sink, const struct kg_metric *metric,
		      enum kg_metric_owner owner)
{
	const char *label = kg_metric_label(owner);

	fprintf(KG_CONTAINER_OF(sink, struct table, sink)->to, "| `%s` | %s | %s | %s | %s |\n",
		metric->name, label == NULL ? "box" : label, kg_metric_type_name(metric->type),
		metric->unit, metric->help);
	return false;
}

static void print_table(const char *name, FILE *to)
{
	struct table table = { .sink = { .begin = print_row }, .to = to };

	assert_string_equal(name, "metrics");
	fputs("| name | of each | type | unit | meaning |\n| --- | --- | --- | --- | --- |\n", to);
	kg_box_metrics_walk(NULL, &table.sink);
}

static void the_document_has_them(void **state)
{
	document_check("docs/metrics.md", print_table, 1);
}

/* ---- read by Prometheus ---- */

static unsigned int expose(FILE *to)
{
	return kg_openmetrics_write(&rig.boxes[CLIENT], KG_EXPOSITION_PROMETHEUS, to);
}

static void promtool_accepts_them(void **state)
{
	FILE *promtool;

	if (system("command -v promtool >/dev/null") != 0)
		skip(); /* Debian's package prometheus has it */
	promtool = popen("promtool check metrics", "w");
	assert_non_null(promtool);
	expose(promtool);
	assert_int_equal(pclose(promtool), 0);
}

static void each_worker_and_tunnel_has_a_line(void **state)
{
	char *text;
	size_t bytes;
	FILE *to = open_memstream(&text, &bytes);
	unsigned int values = expose(to);

	fclose(to);
	assert_true(values > RIG_WORKERS * KG_COUNTER_COUNT);
	assert_non_null(strstr(text, "kcpgate_turns_total{box=\"two-client\",worker=\"0\"} "));
	assert_non_null(strstr(text, "kcpgate_turns_total{box=\"two-client\",worker=\"1\"} "));
	assert_non_null(strstr(text, "kcpgate_channels{box=\"two-client\",tunnel=\"two\"} "));
	assert_non_null(strstr(text, "kcpgate_workers{box=\"two-client\"} 2\n"));
	free(text);
}

/* What differs from the older form. */
static void openmetrics_has_its_own_words(void **state)
{
	char *text;
	size_t bytes;
	FILE *to = open_memstream(&text, &bytes);

	kg_openmetrics_write(&rig.boxes[CLIENT], KG_EXPOSITION_OPENMETRICS, to);
	fclose(to);
	assert_non_null(
		strstr(text, "# TYPE kcpgate_rx_bytes counter\n# UNIT kcpgate_rx_bytes bytes\n"));
	assert_non_null(strstr(text, "kcpgate_rx_bytes_total{box=\"two-client\",worker=\"0\"} "));
	assert_non_null(strstr(text, "# TYPE kcpgate_mem_mbufs gauge\n"));
	assert_null(strstr(text, "# TYPE kcpgate_turns_total"));
	assert_string_equal(text + bytes - strlen("\n# EOF\n"), "\n# EOF\n");
	free(text);
}

/* ---- what workers publish ---- */

static void open_on(struct kg_worker *w)
{
	const struct kg_side *side = w->sides.all[0];

	assert_non_null(kg_session_open(side->session, KG_PROTOCOL_TCP, NULL, NULL, w->now_us));
}

static uint64_t figure(const char *wanted)
{
	char line[128], *text, *at;
	uint64_t value = 0;
	size_t bytes;
	FILE *to = open_memstream(&text, &bytes);

	expose(to);
	fclose(to);
	snprintf(line, sizeof(line), "\nkcpgate_%s{box=\"two-client\",tunnel=\"two\"} ", wanted);
	at = strstr(text, line);
	assert_non_null(at);
	value = strtoull(at + strlen(line), NULL, 10);
	free(text);
	return value;
}

/* Another thread must not see a worker's own structs: a tunnel's numbers are as they were when the
 * worker last kept house, and the sum of all workers'. */
static void housekeeping_publishes(void **state)
{
	for (unsigned int w = 0; w < RIG_WORKERS; w++) {
		kg_worker_keep_house(rig_worker(CLIENT, w), RIG_START_US / SECOND_US);
		open_on(rig_worker(CLIENT, w));
	}
	assert_int_equal(figure("channels"), 0);
	for (unsigned int w = 0; w < RIG_WORKERS; w++) {
		kg_worker_keep_house(rig_worker(CLIENT, w), RIG_START_US / SECOND_US);
		assert_int_equal(figure("channels"), w + 1);
	}
	assert_int_equal(figure("channels_opened_total"), RIG_WORKERS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_explained_once),
		cmocka_unit_test(the_document_has_them),
		cmocka_unit_test(each_worker_and_tunnel_has_a_line),
		cmocka_unit_test(promtool_accepts_them),
		cmocka_unit_test(openmetrics_has_its_own_words),
		cmocka_unit_test(housekeeping_publishes),
	};

	return cmocka_run_group_tests(tests, rig_init, rig_fini);
}
