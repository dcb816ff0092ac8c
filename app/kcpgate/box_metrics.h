/* SPDX-License-Identifier: BSD-3-Clause */
/* Every number of a box. A new list of metrics gets a line in box_metrics.c: all show it then. */
#pragma once

#include "telemetry/metrics.h"

struct kg_box;
struct kg_box_tunnel;

/* Any thread, while the box stands. A sink without `value` needs no box. */
void kg_box_metrics_walk(const struct kg_box *box, struct kg_metric_sink *sink);

/* Any thread: a number that the workers have published of a tunnel, summed up; `at` is its place in
 * struct kg_side_figures. */
uint64_t kg_box_figure(const struct kg_box *box, const struct kg_box_tunnel *tunnel, size_t at);
