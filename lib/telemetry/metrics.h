/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All numbers of a box, told to whoever shows them. Things of one kind (workers, tunnels, …) have
 * the same metrics and make a set; a sink hears metric by metric, of each thing, as OpenMetrics
 * wants to have it. Sets say how a number is read, so nothing is copied and nothing is allocated.
 */
#pragma once

#include "base/metric.h"

enum kg_metric_owner {
	KG_METRIC_OF_BOX, /* there is one, and it has no name */
	KG_METRIC_OF_WORKER,
	KG_METRIC_OF_THREAD, /* payload thread */
	KG_METRIC_OF_PORT,
	KG_METRIC_OF_TUNNEL,
};
/* As a label: "worker", …; NULL for the box. */
const char *kg_metric_label(enum kg_metric_owner owner);

/* "counter", "gauge" */
const char *kg_metric_type_name(enum kg_metric_type type);

#define KG_METRIC_NUMBER_BYTES 12

struct kg_metric_set {
	const struct kg_metric_table *table;
	enum kg_metric_owner owner;
	unsigned int (*count)(const void *host);
	/* What a thing is called; `number` is room for one. NULL: it is not there, or lacks these.
	 */
	const char *(*name)(const void *host, unsigned int thing,
			    char number[KG_METRIC_NUMBER_BYTES]);
	uint64_t (*read)(const void *host, unsigned int thing, unsigned int row);
};

struct kg_metric_sink {
	/* A metric comes; false: it is passed over. */
	bool (*begin)(struct kg_metric_sink *sink, const struct kg_metric *metric,
		      enum kg_metric_owner owner);
	/* Of each thing that has it. NULL: no matter. */
	void (*value)(struct kg_metric_sink *sink, const struct kg_metric *metric,
		      enum kg_metric_owner owner, unsigned int thing, const char *name,
		      uint64_t value);
	/* All of them were told. NULL: no matter. */
	void (*end)(struct kg_metric_sink *sink, const struct kg_metric *metric);
};

/* `host` is what the sets' functions are given. */
void kg_metrics_walk(const struct kg_metric_set *sets, unsigned int count, const void *host,
		     struct kg_metric_sink *sink);
