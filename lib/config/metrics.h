/* SPDX-License-Identifier: BSD-3-Clause */
/* How "metrics" says where a box's numbers are shown. */
#pragma once

#include "net/addr.h"

/*
 * A UNIX socket: `path` is its own, a part of the text. Else `path` is NULL, and `address` one of
 * the loopback. False: it is neither.
 */
bool kg_metrics_place(const char *text, const char **path, struct kg_endpoint *address);
