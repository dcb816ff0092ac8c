/* SPDX-License-Identifier: BSD-3-Clause */
/* Walks sets of metrics for a sink. */
#include "telemetry/metrics.h"

const char *kg_metric_label(enum kg_metric_owner owner)
{
	static const char *const labels[] = {
		[KG_METRIC_OF_WORKER] = "worker",
		[KG_METRIC_OF_THREAD] = "thread",
		[KG_METRIC_OF_PORT] = "port",
		[KG_METRIC_OF_TUNNEL] = "tunnel",
	};

	return labels[owner];
}

const char *kg_metric_type_name(enum kg_metric_type type)
{
	return type == KG_METRIC_COUNTER ? "counter" : "gauge";
}

static void tell_values(const struct kg_metric_set *set, unsigned int row, const void *host,
			struct kg_metric_sink *sink)
{
	unsigned int count = set->count(host);
	char number[KG_METRIC_NUMBER_BYTES];

	for (unsigned int thing = 0; thing < count; thing++) {
		const char *name = set->name(host, thing, number);

		if (name != NULL)
			sink->value(sink, &set->table->rows[row], set->owner, thing, name,
				    set->read(host, thing, row));
	}
}

static void tell(const struct kg_metric_set *set, unsigned int row, const void *host,
		 struct kg_metric_sink *sink)
{
	const struct kg_metric *metric = &set->table->rows[row];

	if (!sink->begin(sink, metric, set->owner))
		return;
	if (sink->value != NULL)
		tell_values(set, row, host, sink);
	if (sink->end != NULL)
		sink->end(sink, metric);
}

void kg_metrics_walk(const struct kg_metric_set *sets, unsigned int count, const void *host,
		     struct kg_metric_sink *sink)
{
	for (const struct kg_metric_set *set = sets; set < sets + count; set++) {
		for (unsigned int row = 0; row < set->table->count; row++)
			tell(set, row, host, sink);
	}
}
