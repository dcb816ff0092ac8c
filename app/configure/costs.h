/* SPDX-License-Identifier: BSD-3-Clause */
/* What tunnels cost: bytes, parity, hops, memory; as numbers, by the functions that a box uses. */
#pragma once

#include "config/config.h"

#include <jansson.h>

/* A list with an object for each tunnel of a configuration without errors; a relay has two. The
 * caller's. */
json_t *kg_costs(const struct kg_config *config);
