/* SPDX-License-Identifier: BSD-3-Clause */
/* A box's numbers as Prometheus and its likes read them. */
#pragma once

#include <stdio.h>

struct kg_box;

enum kg_exposition {
	KG_EXPOSITION_PROMETHEUS,  /* text format 0.0.4 */
	KG_EXPOSITION_OPENMETRICS, /* 1.0 */
};

/* All of them; the box's tunnels stay meanwhile, as the caller sees to. How many lines of values.
 */
unsigned int kg_openmetrics_write(const struct kg_box *box, enum kg_exposition form, FILE *to);
