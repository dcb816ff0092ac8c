/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes the table of metrics out of the one list of counters. */
#include "telemetry/counters.h"

#define ROW(id, name, unit, help) KG_METRIC_ROW(id, name, COUNTER, unit, help)

static const struct kg_metric rows[] = { KG_COUNTER_LIST(ROW) };
_Static_assert(KG_ARRAY_SIZE(rows) == KG_COUNTER_COUNT, "each counter has a row");

const struct kg_metric_table kg_counter_metrics = { rows, KG_ARRAY_SIZE(rows) };
