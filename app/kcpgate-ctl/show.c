/* SPDX-License-Identifier: BSD-3-Clause */
/* Has the commands that show what a box does. */
#include "ctl.h"

#include <stdlib.h>
#include <string.h>

static void print_json(const json_t *value)
{
	json_dumpf(value, stdout, JSON_INDENT(2));
	putchar('\n');
}

/* For programs by this name, or for people; takes the reference. `none`: said where there are no
 * rows; NULL: the table's head is enough. */
static void show(const struct ctl_args *args, const char *name, json_t *rows, const char *none,
		 const struct column *columns, size_t count)
{
	json_t *all = json_pack("{s:o}", name, rows);

	if (args->json)
		print_json(all);
	else if (none != NULL && json_array_size(rows) == 0)
		puts(none);
	else
		ctl_print_table(rows, columns, count);
	json_decref(all);
}

#define SHOW(args, name, rows, none, ...)                                    \
	show(args, name, rows, none, (const struct column[]){ __VA_ARGS__ }, \
	     sizeof((const struct column[]){ __VA_ARGS__ }) / sizeof(struct column))

static json_t *values_of(json_t *object)
{
	json_t *rows = json_array(), *row;
	const char *key;

	json_object_foreach (object, key, row) {
		json_array_append(rows, row);
	}
	json_decref(object);
	return rows;
}

/* ---- rows ---- */

void ctl_tunnels(struct connection *c, const struct ctl_args *args)
{
	SHOW(args, "tunnels", values_of(ctl_show(c, "tunnels", -1)), NULL, { "tunnel", "name" },
	     { "mode", "mode" }, { "encryption", "encryption" }, { "kcp", "kcp" }, { "fec", "fec" },
	     { "channels", "channels" }, { "sent KiB", "message_bytes_sent", 1024 },
	     { "received KiB", "message_bytes_received", 1024 },
	     { "failed handshakes", "handshakes_failed" });
}

void ctl_channels(struct connection *c, const struct ctl_args *args)
{
	SHOW(args, "channels", ctl_show_rows(c, "channels", "conv"), NULL, { "conv", "conv" },
	     { "tunnel", "tunnel" }, { "kind", "protocol" }, { "state", "state" },
	     { "peer", "remote" }, { "age s", "age_ms", 1000 }, { "srtt ms", "srtt_us", 1000 },
	     { "sent KiB", "sent_bytes", 1024 }, { "received KiB", "received_bytes", 1024 },
	     { "resent", "resent_fast" }, { "timed out", "resent_timeout" });
}

void ctl_paths(struct connection *c, const struct ctl_args *args)
{
	SHOW(args, "paths", ctl_show_rows(c, "paths", "number"), NULL, { "tunnel", "tunnel" },
	     { "local", "local" }, { "remote", "remote" }, { "state", "state" },
	     { "users", "users" }, { "silent s", "silent_ms", 1000 }, { "mtu", "mtu" },
	     { "known by", "mtu_by" }, { "verdict", "verdict" }, { "age s", "age_ms", 1000 },
	     { "acked KiB", "acked_bytes", 1024 }, { "lost KiB", "lost_bytes", 1024 },
	     { "received KiB", "received_bytes", 1024 }, { "acked KiB/s", "acked_Bps", 1024 },
	     { "received KiB/s", "received_Bps", 1024 }, { "limit KiB/s", "limit_Bps", 1024 });
}

/* ---- numbers ---- */

/* Of numbers that `is_meant`, with what they mean; their names lack the first `skip` letters. */
static json_t *explained(struct connection *c, bool (*is_meant)(const char *name, json_int_t value),
			 size_t skip)
{
	json_t *stats = ctl_show(c, "stats", -1), *help = ctl_show(c, "help", -1);
	json_t *rows = json_array(), *value;
	const char *name;

	json_object_foreach (stats, name, value) {
		json_t *row;

		if (!is_meant(name, json_integer_value(value)))
			continue;
		row = json_deep_copy(json_object_get(help, name));
		if (row == NULL)
			row = json_object();
		json_object_set_new(row, "name", json_string(name + skip));
		json_object_set(row, "value", value);
		json_array_append_new(rows, row);
	}
	json_decref(stats);
	json_decref(help);
	return rows;
}

static bool any(const char *name, json_int_t value)
{
	return true;
}

void ctl_stats(struct connection *c, const struct ctl_args *args)
{
	SHOW(args, "stats", explained(c, any, 0), NULL, { "number", "name" }, { "value", "value" },
	     { "unit", "unit" }, { "meaning", "help" });
}

static bool is_drop(const char *name, json_int_t value)
{
	return strncmp(name, "drop_", strlen("drop_")) == 0 && value > 0;
}

void ctl_drops(struct connection *c, const struct ctl_args *args)
{
	SHOW(args, "drops", explained(c, is_drop, strlen("drop_")), "no drops",
	     { "reason", "name" }, { "count", "value" }, { "unit", "unit" }, { "meaning", "help" });
}

/* ---- what is wrong ---- */

/* With its port, as the row has it, or without. */
static bool is_of(const json_t *row, const char *address)
{
	const char *remote = json_string_value(json_object_get(row, "remote"));
	size_t len = address != NULL ? strlen(address) : 0;

	if (address == NULL || remote == NULL)
		return address == NULL;
	if (strcmp(remote, address) == 0)
		return true;
	remote += *remote == '[';
	return strncmp(remote, address, len) == 0 && strchr(":]", remote[len]) != NULL;
}

/* Those rows that are about the address; takes the reference. */
static json_t *rows_of(json_t *all, const char *address)
{
	json_t *rows = json_array(), *row;
	size_t i;

	json_array_foreach (all, i, row) {
		if (is_of(row, address))
			json_array_append(rows, row);
	}
	json_decref(all);
	return rows;
}

static json_t *troubles_of(struct connection *c, const char *address)
{
	return rows_of(values_of(ctl_show(c, "troubles", -1)), address);
}

static int by_age(const void *a, const void *b)
{
	json_int_t first = json_integer_value(json_object_get(*(json_t *const *)a, "age_ms"));
	json_int_t second = json_integer_value(json_object_get(*(json_t *const *)b, "age_ms"));

	return (first > second) - (first < second);
}

/* Takes the reference. */
static json_t *latest_first(json_t *rows)
{
	size_t count = json_array_size(rows);
	json_t **all = calloc(count + 1, sizeof(*all)), *sorted = json_array();

	if (all == NULL)
		ctl_die("out of memory");
	for (size_t i = 0; i < count; i++)
		all[i] = json_array_get(rows, i);
	qsort(all, count, sizeof(*all), by_age);
	for (size_t i = 0; i < count; i++)
		json_array_append(sorted, all[i]);
	free(all);
	json_decref(rows);
	return sorted;
}

static json_t *dropped_of(struct connection *c, const char *address)
{
	return latest_first(rows_of(ctl_show_rows(c, "dropped", "number"), address));
}

static const struct column trouble_columns[] = {
	{ "tunnel", "tunnel" }, { "peer", "remote" },     { "s ago", "age_s" },
	{ "count", "count" },   { "trouble", "trouble" }, { "meaning", "help" },
};

static const struct column dropped_columns[] = {
	{ "s ago", "age_ms", 1000 }, { "count", "count" }, { "reason", "reason" },
	{ "stage", "stage" },        { "from", "remote" }, { "to", "local" },
	{ "tunnel", "tunnel" },      { "bytes", "bytes" }, { "first bytes", "first" },
};

void ctl_why(struct connection *c, const struct ctl_args *args)
{
	json_t *troubles = troubles_of(c, args->of), *dropped = dropped_of(c, args->of);
	json_t *all = json_pack("{s:o,s:o}", "troubles", troubles, "dropped", dropped);

	if (args->json) {
		print_json(all);
		json_decref(all);
		return;
	}
	if (json_array_size(troubles) == 0)
		puts("nothing is known that keeps tunnels from working");
	else
		ctl_print_table(troubles, trouble_columns, KG_ARRAY_SIZE(trouble_columns));
	if (json_array_size(dropped) > 0) {
		puts("\ndropped, the last of each address and reason (kcpgate-ctl drops: what they "
		     "mean)");
		ctl_print_table(dropped, dropped_columns, KG_ARRAY_SIZE(dropped_columns));
	}
	json_decref(all);
}

/* ---- all at a glance ---- */

static json_int_t sum_of(json_t *rows, const char *key)
{
	json_int_t sum = 0;
	json_t *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		sum += json_integer_value(json_object_get(row, key));
	}
	return sum;
}

static void print_pairs(json_t *object)
{
	const char *key;
	json_t *value;

	json_object_foreach (object, key, value) {
		if (json_is_string(value))
			printf("%-14s  %s\n", key, json_string_value(value));
		else
			printf("%-14s  %" JSON_INTEGER_FORMAT "\n", key, json_integer_value(value));
	}
}

void ctl_status(struct connection *c, const struct ctl_args *args)
{
	json_t *tunnels = values_of(ctl_show(c, "tunnels", -1));
	json_t *drops = explained(c, is_drop, 0), *troubles = troubles_of(c, NULL);
	json_t *all = json_pack(
		"{s:O,s:O,s:i,s:I,s:I,s:I,s:I,s:i}", "box", json_object_get(c->greeting, "name"),
		"process", json_object_get(c->greeting, "pid"), "tunnels",
		(int)json_array_size(tunnels), "channels", sum_of(tunnels, "channels"),
		"bytes_sent", sum_of(tunnels, "message_bytes_sent"), "bytes_received",
		sum_of(tunnels, "message_bytes_received"), "dropped", sum_of(drops, "value"),
		"troubles", (int)json_array_size(troubles));

	if (args->json)
		print_json(all);
	else
		print_pairs(all);
	json_decref(tunnels);
	json_decref(drops);
	json_decref(troubles);
	json_decref(all);
}
