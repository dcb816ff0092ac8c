/* SPDX-License-Identifier: BSD-3-Clause */
/* Every number of a box. A new list of metrics gets a line in box_metrics.c: all show it then. */
#pragma once

#include "telemetry/metrics.h"

struct kg_box;

/* Any thread, while the box stands. A sink without `value` needs no box. */
void kg_box_metrics_walk(const struct kg_box *box, struct kg_metric_sink *sink);
