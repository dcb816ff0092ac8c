/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A sink that writes what Prometheus reads. OpenMetrics differs in three places: a counter's head
 * lacks _total, a unit that ends the name has a line, and EOF is the last one.
 */
#include "telemetry/openmetrics.h"

#include "box.h"
#include "box_metrics.h"

#include <inttypes.h>
#include <string.h>

#define NAME_BYTES 64
#define TOTAL      "_total"

struct exposition {
	struct kg_metric_sink sink;
	const char *box;
	enum kg_exposition form;
	FILE *to;
	unsigned int values;
};

static bool ends_in(const char *name, const char *end)
{
	size_t len = strlen(name), end_len = strlen(end);

	return len > end_len && strcmp(name + len - end_len, end) == 0;
}

/* Counters end in _total there, and nothing else does. */
static const char *name_of(const struct kg_metric *metric, bool head, char name[NAME_BYTES])
{
	size_t len = strlen(metric->name);

	if (metric->type != KG_METRIC_COUNTER && ends_in(metric->name, TOTAL))
		len -= strlen(TOTAL);
	snprintf(name, NAME_BYTES, "kcpgate_%.*s%s", (int)len, metric->name,
		 metric->type == KG_METRIC_COUNTER && !head ? TOTAL : "");
	return name;
}

static bool write_head(struct kg_metric_sink *sink, const struct kg_metric *metric,
		       enum kg_metric_owner owner)
{
	const struct exposition *e = KG_CONTAINER_OF(sink, struct exposition, sink);
	bool open = e->form == KG_EXPOSITION_OPENMETRICS;
	char name[NAME_BYTES];

	name_of(metric, open, name);
	fprintf(e->to, "# HELP %s %s\n# TYPE %s %s\n", name, metric->help, name,
		kg_metric_type_name(metric->type));
	if (open && ends_in(name, metric->unit))
		fprintf(e->to, "# UNIT %s %s\n", name, metric->unit);
	return true;
}

static void write_value(struct kg_metric_sink *sink, const struct kg_metric *metric,
			enum kg_metric_owner owner, unsigned int thing, const char *name,
			uint64_t value)
{
	struct exposition *e = KG_CONTAINER_OF(sink, struct exposition, sink);
	char text[NAME_BYTES];

	fprintf(e->to, "%s{box=\"%s\"", name_of(metric, false, text), e->box);
	if (owner != KG_METRIC_OF_BOX)
		fprintf(e->to, ",%s=\"%s\"", kg_metric_label(owner), name);
	fprintf(e->to, "} %" PRIu64 "\n", value);
	e->values++;
}

unsigned int kg_openmetrics_write(const struct kg_box *box, enum kg_exposition form, FILE *to)
{
	struct exposition e = {
		.sink = { write_head, write_value, NULL },
		.box = box->config->name,
		.form = form,
		.to = to,
	};

	kg_box_metrics_walk(box, &e.sink);
	if (form == KG_EXPOSITION_OPENMETRICS)
		fputs("# EOF\n", to);
	return e.values;
}
