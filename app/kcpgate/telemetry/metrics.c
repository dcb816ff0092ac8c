/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers /kcpgate/stats, payload, help and tunnels: sinks that make JSON of a box's metrics. */
#include "telemetry.h"

#include "box.h"
#include "box_metrics.h"
#include "compat.h"
#include "wire/profile.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

/* DPDK answers with 16 KiB at most. */
#define HELP_ROWS   64
#define TUNNEL_ROWS 6
#define KEY_BYTES   64

/* ---- /kcpgate/stats, /kcpgate/payload ---- */

/* Of one worker or thread, or of all that the box has: then added up. */
struct sum {
	struct kg_metric_sink sink;
	struct rte_tel_data *d;
	bool all;
	enum kg_metric_owner owner;
	unsigned int thing;
	uint64_t value;
};

static bool begin_sum(struct kg_metric_sink *sink, const struct kg_metric *metric,
		      enum kg_metric_owner owner)
{
	struct sum *sum = KG_CONTAINER_OF(sink, struct sum, sink);

	sum->value = 0;
	return sum->all ? owner != KG_METRIC_OF_TUNNEL : owner == sum->owner;
}

static void add_value(struct kg_metric_sink *sink, const struct kg_metric *metric,
		      enum kg_metric_owner owner, unsigned int thing, const char *name,
		      uint64_t value)
{
	struct sum *sum = KG_CONTAINER_OF(sink, struct sum, sink);

	if (sum->all || thing == sum->thing)
		sum->value += value;
}

static void end_sum(struct kg_metric_sink *sink, const struct kg_metric *metric)
{
	struct sum *sum = KG_CONTAINER_OF(sink, struct sum, sink);

	kg_tel_add_dict_u64(sum->d, metric->name, sum->value);
}

static const struct kg_metric_sink sum_sink = { begin_sum, add_value, end_sum };

static int of_one(const struct kg_box *box, enum kg_metric_owner owner, unsigned int thing,
		  struct rte_tel_data *d)
{
	struct sum one = { .sink = sum_sink, .d = d, .owner = owner, .thing = thing };

	rte_tel_data_start_dict(d);
	kg_tel_add_dict_u64(d, kg_metric_label(owner), thing);
	kg_box_metrics_walk(box, &one.sink);
	return 0;
}

int kg_telemetry_stats(struct kg_box *box, const char *params, struct rte_tel_data *d)
{
	struct sum all = { .sink = sum_sink, .d = d, .all = true };
	unsigned long worker;

	if (params != NULL) {
		worker = strtoul(params, NULL, 10);
		return worker < box->worker_count
			       ? of_one(box, KG_METRIC_OF_WORKER, (unsigned int)worker, d)
			       : -1;
	}
	rte_tel_data_start_dict(d);
	kg_box_metrics_walk(box, &all.sink);
	return 0;
}

int kg_telemetry_payload(struct kg_box *box, const char *params, struct rte_tel_data *d)
{
	unsigned long thread = params != NULL ? strtoul(params, NULL, 10) : 0;

	return thread < box->payload_count
		       ? of_one(box, KG_METRIC_OF_THREAD, (unsigned int)thread, d)
		       : -1;
}

/* ---- /kcpgate/help ---- */

struct help {
	struct kg_metric_sink sink;
	struct rte_tel_data *d;
	unsigned int skip, passed;
	bool good;
};

static struct rte_tel_data *help_row(const struct kg_metric *metric, enum kg_metric_owner owner)
{
	struct rte_tel_data *row = rte_tel_data_alloc();

	if (row == NULL)
		return NULL;
	rte_tel_data_start_dict(row);
	rte_tel_data_add_dict_string(row, "help", metric->help);
	rte_tel_data_add_dict_string(row, "type", kg_metric_type_name(metric->type));
	rte_tel_data_add_dict_string(row, "unit", metric->unit);
	rte_tel_data_add_dict_string(row, "of",
				     owner == KG_METRIC_OF_BOX ? "box" : kg_metric_label(owner));
	return row;
}

static bool explain(struct kg_metric_sink *sink, const struct kg_metric *metric,
		    enum kg_metric_owner owner)
{
	struct help *help = KG_CONTAINER_OF(sink, struct help, sink);
	unsigned int number = help->passed++;
	struct rte_tel_data *row;

	if (number < help->skip || number >= help->skip + HELP_ROWS)
		return false;
	row = help_row(metric, owner);
	help->good &=
		row != NULL && rte_tel_data_add_dict_container(help->d, metric->name, row, 0) == 0;
	return false;
}

int kg_telemetry_help(struct kg_box *box, const char *params, struct rte_tel_data *d)
{
	struct help help = {
		.sink = { .begin = explain },
		.d = d,
		.skip = params != NULL ? (unsigned int)strtoul(params, NULL, 10) : 0,
		.good = true,
	};

	rte_tel_data_start_dict(d);
	kg_box_metrics_walk(box, &help.sink);
	if (help.passed > help.skip + HELP_ROWS)
		kg_tel_add_dict_u64(d, "next", help.skip + HELP_ROWS);
	return help.good ? 0 : -1;
}

/* ---- /kcpgate/tunnels ---- */

struct page {
	struct kg_metric_sink sink;
	struct rte_tel_data *rows[TUNNEL_ROWS];
	unsigned int skip, count;
};

static const struct kg_tunnel_config *tunnel_at(const struct kg_box *box, unsigned int at)
{
	return kg_box_tunnel_at(box, at)->config;
}

static void add_settings(struct rte_tel_data *row, const struct kg_tunnel_config *config)
{
	bool bare = config->wire.profile->bare;
	char fec[16];

	rte_tel_data_start_dict(row);
	rte_tel_data_add_dict_string(row, "name", config->name);
	rte_tel_data_add_dict_string(row, "mode", kg_mode_name(config->mode));
	rte_tel_data_add_dict_string(row, "encryption", config->wire.encryption_algorithm);
	rte_tel_data_add_dict_string(row, "protocol", config->wire.profile->name);
	rte_tel_data_add_dict_string(row, "kcp", bare ? "none" : config->wire.kcp_preset);
	kg_tel_add_dict_u64(row, "kcp_mtu", bare ? 0 : config->wire.kcp.mtu);
	snprintf(fec, sizeof(fec), "%u:%u", config->wire.fec.data, config->wire.fec.parity);
	rte_tel_data_add_dict_string(row, "fec", config->wire.fec.parity > 0 ? fec : "off");
}

static bool is_of_tunnels(struct kg_metric_sink *sink, const struct kg_metric *metric,
			  enum kg_metric_owner owner)
{
	return owner == KG_METRIC_OF_TUNNEL;
}

static void add_to_row(struct kg_metric_sink *sink, const struct kg_metric *metric,
		       enum kg_metric_owner owner, unsigned int tunnel, const char *name,
		       uint64_t value)
{
	struct page *page = KG_CONTAINER_OF(sink, struct page, sink);

	if (tunnel >= page->skip && tunnel < page->skip + page->count)
		kg_tel_add_dict_u64(page->rows[tunnel - page->skip], metric->name, value);
}

/* DPDK takes letters, digits and _ for what rows are called; others become _, with a number behind.
 */
static const char *key_of(const char *name, unsigned int at, char key[KEY_BYTES])
{
	bool good = true;
	size_t len;

	for (len = 0; len < KEY_BYTES - 8 && name[len] != '\0'; len++) {
		key[len] = (char)(isalnum((unsigned char)name[len]) ? name[len] : '_');
		good &= key[len] == name[len];
	}
	key[len] = '\0';
	if (!good)
		snprintf(key + len, KEY_BYTES - len, "_%u", at);
	return key;
}

static int add_rows(const struct page *page, const struct kg_box *box, struct rte_tel_data *d)
{
	char key[KEY_BYTES];
	int rc = 0;

	for (unsigned int i = 0; i < page->count; i++) {
		unsigned int at = page->skip + i;

		rc |= rte_tel_data_add_dict_container(d, key_of(tunnel_at(box, at)->name, at, key),
						      page->rows[i], 0);
	}
	if (page->skip + page->count < kg_box_tunnel_count(box))
		kg_tel_add_dict_u64(d, "next", page->skip + page->count);
	return rc == 0 ? 0 : -1;
}

int kg_telemetry_tunnels(struct kg_box *box, const char *params, struct rte_tel_data *d)
{
	struct page page = {
		.sink = { is_of_tunnels, add_to_row, NULL },
		.skip = params != NULL ? (unsigned int)strtoul(params, NULL, 10) : 0,
	};
	unsigned int count = kg_box_tunnel_count(box);

	for (unsigned int t = page.skip; t < count && page.count < TUNNEL_ROWS; t++) {
		struct rte_tel_data *row = rte_tel_data_alloc();

		if (row == NULL)
			break;
		add_settings(row, tunnel_at(box, t));
		page.rows[page.count++] = row;
	}
	kg_box_metrics_walk(box, &page.sink);
	rte_tel_data_start_dict(d);
	return add_rows(&page, box, d);
}
