/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the numbers mean that a box shows. Whatever counts or measures has a list,
 *
 *	#define KG_X_METRICS(X) X(field, "name", COUNTER, "unit", "what it says")
 *
 * that makes the struct and the table which explains it, so that neither can lack what the other
 * has. A struct of numbers is fields of uint64_t and nothing else, in the order of its table.
 * app/kcpgate/box_metrics.c names all tables and where their numbers stand.
 */
#pragma once

#include "base/base.h"

enum kg_metric_type {
	KG_METRIC_COUNTER, /* only grows */
	KG_METRIC_GAUGE,   /* how it is now */
};

struct kg_metric {
	const char *name;
	enum kg_metric_type type;
	const char *unit; /* in the plural */
	const char *help;
};

struct kg_metric_table {
	const struct kg_metric *rows;
	unsigned int count;
};

/* Adds up structs of `count` numbers, of which other threads may be the writers. */
static inline void kg_metrics_add(uint64_t *sum, const uint64_t *numbers, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		sum[i] += __atomic_load_n(&numbers[i], __ATOMIC_RELAXED);
}

/* Writes `count` numbers for other threads to read: each of them is right by itself. */
static inline void kg_metrics_publish(uint64_t *to, const uint64_t *numbers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		__atomic_store_n(&to[i], numbers[i], __ATOMIC_RELAXED);
}

/* One writer counts, others may read. */
static inline void kg_count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* For lists: a field of the struct, a row of its table. */
#define KG_METRIC_FIELD(field, name, type, unit, help) uint64_t field;
#define KG_METRIC_ROW(field, name, type, unit, help)   { name, KG_METRIC_##type, unit, help },

/* Defines the table of `struct type` out of the rows that follow. */
#define KG_METRIC_TABLE(table, type, ...)                                  \
	const struct kg_metric_table table = {                             \
		(const struct kg_metric[]){ __VA_ARGS__ },                 \
		sizeof(struct type) / sizeof(uint64_t),                    \
	};                                                                 \
	_Static_assert(sizeof((const struct kg_metric[]){ __VA_ARGS__ }) / \
				       sizeof(struct kg_metric) ==         \
			       sizeof(struct type) / sizeof(uint64_t),     \
		       "each number has a row")
