/* SPDX-License-Identifier: BSD-3-Clause */
#include "local_ports.h"

void kg_local_ports_init(struct kg_local_ports *lp, const struct kg_port_table *table,
			 unsigned int worker, unsigned int workers, struct kg_rng *rng)
{
	lp->head = 0;
	lp->count = 0;
	for (uint32_t port = KG_LOCAL_PORT_FIRST; port <= KG_LOCAL_PORT_LAST; port++) {
		if (port % workers != worker ||
		    kg_port_table_get(table, (uint16_t)port) != KG_PORT_TABLE_NONE)
			continue;
		/* Fisher and Yates, inside out. */
		uint32_t at = kg_rng_below(rng, lp->count + 1);

		lp->ports[lp->count] = lp->ports[at];
		lp->ports[at] = (uint16_t)port;
		lp->count++;
	}
}

uint16_t kg_local_ports_acquire(struct kg_local_ports *lp)
{
	uint16_t port;

	if (lp->count == 0)
		return 0;
	port = lp->ports[lp->head];
	lp->head = (lp->head + 1) % KG_ARRAY_SIZE(lp->ports);
	lp->count--;
	return port;
}

void kg_local_ports_release(struct kg_local_ports *lp, uint16_t port)
{
	lp->ports[(lp->head + lp->count) % KG_ARRAY_SIZE(lp->ports)] = port;
	lp->count++;
}
