/* SPDX-License-Identifier: BSD-3-Clause */
/* Shows a box's numbers by HTTP, at /metrics, where the setting "metrics" says. */
#pragma once

struct kg_box;
struct kg_telemetry_http;

/* NULL with errno set; answers from the box until it is destroyed. */
struct kg_telemetry_http *kg_telemetry_http_create(struct kg_box *box, const char *place);
/* NULL is allowed. */
void kg_telemetry_http_destroy(struct kg_telemetry_http *http);
