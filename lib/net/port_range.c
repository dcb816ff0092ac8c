/* SPDX-License-Identifier: BSD-3-Clause */
/* Divides ranges of ports among workers, and finds the range of a port. */
#include "net/port_range.h"

struct kg_port_range kg_port_range_share(const struct kg_port_range *range, unsigned int worker,
					 unsigned int workers)
{
	unsigned int ports = range->last - range->first + 1u;

	return (struct kg_port_range){
		.first = (uint16_t)(range->first + ports * worker / workers),
		.last = (uint16_t)(range->first + ports * (worker + 1) / workers - 1),
	};
}

bool kg_port_ranges_contain(const struct kg_port_range *ranges, unsigned int count, uint16_t port)
{
	unsigned int low = 0;

	while (count > 0) {
		unsigned int half = count / 2;
		const struct kg_port_range *range = &ranges[low + half];

		if (port < range->first) {
			count = half;
		} else if (port > range->last) {
			low += half + 1;
			count -= half + 1;
		} else {
			return true;
		}
	}
	return false;
}
