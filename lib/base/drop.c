/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes the table of metrics out of the one list of reasons. */
#include "base/drop.h"

#define ROW(id, name, unit, help) KG_METRIC_ROW(id, "drop_" name, COUNTER, unit, help)

static const struct kg_metric rows[] = { KG_DROP_LIST(ROW) };
_Static_assert(KG_ARRAY_SIZE(rows) == KG_DROP_COUNT - 1, "each reason has a row");

const struct kg_metric_table kg_drop_metrics = { rows, KG_ARRAY_SIZE(rows) };
