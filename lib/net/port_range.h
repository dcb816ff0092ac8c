/* SPDX-License-Identifier: BSD-3-Clause */
/* Ranges of UDP and TCP ports. */
#pragma once

#include "base/base.h"

struct kg_port_range {
	uint16_t first, last; /* inclusive */
};

/* The part of a range that belongs to one of `workers`; the range has a port for each. */
struct kg_port_range kg_port_range_share(const struct kg_port_range *range, unsigned int worker,
					 unsigned int workers);
/* True when the port lies in one of the ranges, which are sorted and disjoint. */
bool kg_port_ranges_contain(const struct kg_port_range *ranges, unsigned int count, uint16_t port);
