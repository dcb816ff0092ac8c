/* SPDX-License-Identifier: BSD-3-Clause */
#include "local_ports.h"

#define SHARE_BELOW_DIVISOR 2  /* of the ports free, channels begin to share */
#define RESERVE_DIVISOR     16 /* of the ports, for tunnels that hold less */

void kg_local_ports_init(struct kg_local_ports *lp, const struct kg_port_table *table,
			 unsigned int worker, unsigned int workers, struct kg_rng *rng)
{
	lp->head = 0;
	lp->free_count = 0;
	for (uint32_t port = KG_LOCAL_PORT_FIRST; port <= KG_LOCAL_PORT_LAST; port++) {
		lp->ports[port - KG_LOCAL_PORT_FIRST] = (struct kg_local_port){ 0 };
		if (port % workers != worker ||
		    kg_port_table_get(table, (uint16_t)port) != KG_PORT_TABLE_NONE)
			continue;
		/* Fisher and Yates, inside out. */
		uint32_t at = kg_rng_below(rng, lp->free_count + 1);

		lp->free[lp->free_count] = lp->free[at];
		lp->free[at] = (uint16_t)port;
		lp->free_count++;
	}
	lp->total = lp->free_count;
	for (size_t t = 0; t < KG_ARRAY_SIZE(lp->tunnels); t++) {
		TAILQ_INIT(&lp->tunnels[t].shared);
		lp->tunnels[t].held = 0;
	}
}

static uint16_t number_of(const struct kg_local_ports *lp, const struct kg_local_port *port)
{
	return (uint16_t)(KG_LOCAL_PORT_FIRST + (port - lp->ports));
}

/* A port that others use too, or NULL. */
static struct kg_local_port *take_shared(struct kg_local_ports *lp, uint16_t tunnel)
{
	struct kg_local_port_list *shared = &lp->tunnels[tunnel].shared;
	struct kg_local_port *port = TAILQ_FIRST(shared);

	if (port == NULL || lp->free_count > lp->total / SHARE_BELOW_DIVISOR)
		return NULL;
	TAILQ_REMOVE(shared, port, link);
	return port;
}

static struct kg_local_port *take_free(struct kg_local_ports *lp, uint16_t tunnel)
{
	uint32_t reserve = lp->total / RESERVE_DIVISOR;
	struct kg_local_port *port;

	if (lp->free_count == 0 ||
	    (lp->free_count <= reserve && lp->tunnels[tunnel].held > reserve))
		return NULL;
	port = &lp->ports[lp->free[lp->head] - KG_LOCAL_PORT_FIRST];
	lp->head = (lp->head + 1) % KG_ARRAY_SIZE(lp->free);
	lp->free_count--;
	lp->tunnels[tunnel].held++;
	return port;
}

uint16_t kg_local_ports_acquire(struct kg_local_ports *lp, uint16_t tunnel, bool alone)
{
	struct kg_local_port *port = alone ? NULL : take_shared(lp, tunnel);

	if (port == NULL)
		port = take_free(lp, tunnel);
	if (port == NULL)
		return 0;
	port->users++;
	port->tunnel = tunnel;
	port->alone = alone;
	if (!alone)
		TAILQ_INSERT_TAIL(&lp->tunnels[tunnel].shared, port, link);
	return number_of(lp, port);
}

bool kg_local_ports_release(struct kg_local_ports *lp, uint16_t number)
{
	struct kg_local_port *port = &lp->ports[number - KG_LOCAL_PORT_FIRST];

	if (--port->users > 0)
		return false;
	if (!port->alone)
		TAILQ_REMOVE(&lp->tunnels[port->tunnel].shared, port, link);
	lp->free[(lp->head + lp->free_count) % KG_ARRAY_SIZE(lp->free)] = number;
	lp->free_count++;
	lp->tunnels[port->tunnel].held--;
	return true;
}
