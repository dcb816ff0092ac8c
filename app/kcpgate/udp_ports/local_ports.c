/* SPDX-License-Identifier: BSD-3-Clause */
/* Hands out a worker's local UDP ports and takes them back; the free ones wait in a queue. */
#include "udp_ports/local_ports.h"

#define SHARE_ABOVE_DIVISOR 8  /* of the ports in use, channels begin to share */
#define RESERVE_DIVISOR     16 /* of the ports, for tunnels that hold less */

static bool is_others(const struct kg_local_ports *lp, uint16_t number)
{
	return kg_port_set_has(lp->linux_ports, number) || lp->ports[number - lp->first].withdrawn;
}

void kg_local_ports_init(struct kg_local_ports *lp, const struct kg_port_range *range,
			 const struct kg_port_set *linux_ports, unsigned int worker,
			 unsigned int workers, struct kg_rng *rng)
{
	lp->head = 0;
	lp->free_count = 0;
	lp->first = range->first;
	lp->last = range->last;
	lp->linux_ports = linux_ports;
	for (uint32_t port = range->first; port <= range->last; port++) {
		lp->ports[port - range->first] = (struct kg_local_port){ 0 };
		if (port % workers != worker || is_others(lp, (uint16_t)port))
			continue;
		lp->ports[port - range->first].ours = true;
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
	return (uint16_t)(lp->first + (port - lp->ports));
}

static bool suits(const struct kg_port_wish *wish, uint16_t number)
{
	return wish == NULL || wish->suits(wish->ctx, number);
}

/* A port that others use too, or NULL. Those that do not suit go to the end of the queue. */
static struct kg_local_port *take_shared(struct kg_local_ports *lp, uint16_t tunnel,
					 const struct kg_port_wish *wish)
{
	struct kg_local_port_list *shared = &lp->tunnels[tunnel % KG_SLOTS].shared;
	struct kg_local_port *port = TAILQ_FIRST(shared);

	if (port == NULL || lp->total - lp->free_count < lp->total / SHARE_ABOVE_DIVISOR)
		return NULL;
	TAILQ_REMOVE(shared, port, link);
	for (int i = 0; i < KG_LOCAL_PORT_TRIES &&
			(is_others(lp, number_of(lp, port)) || !suits(wish, number_of(lp, port)));
	     i++) {
		TAILQ_INSERT_TAIL(shared, port, link);
		port = TAILQ_FIRST(shared);
		TAILQ_REMOVE(shared, port, link);
	}
	if (!is_others(lp, number_of(lp, port)))
		return port;
	TAILQ_INSERT_TAIL(shared, port, link);
	return NULL;
}

static uint16_t pop_any(struct kg_local_ports *lp)
{
	uint16_t number = lp->free[lp->head];

	lp->head = (lp->head + 1) % KG_ARRAY_SIZE(lp->free);
	lp->free_count--;
	return number;
}

static void push_free(struct kg_local_ports *lp, uint16_t number)
{
	lp->free[(lp->head + lp->free_count) % KG_ARRAY_SIZE(lp->free)] = number;
	lp->free_count++;
}

/* The first that Linux has not; 0: it has them all. */
static uint16_t pop_free(struct kg_local_ports *lp)
{
	for (uint32_t i = lp->free_count; i > 0; i--) {
		uint16_t number = pop_any(lp);

		if (!is_others(lp, number))
			return number;
		push_free(lp, number);
	}
	return 0;
}

static struct kg_local_port *take_free(struct kg_local_ports *lp, uint16_t tunnel,
				       const struct kg_port_wish *wish)
{
	uint32_t reserve = lp->total / RESERVE_DIVISOR;
	uint16_t number;

	if (lp->free_count == 0 ||
	    (lp->free_count <= reserve && lp->tunnels[tunnel % KG_SLOTS].held > reserve))
		return NULL;
	number = pop_free(lp);
	if (number == 0)
		return NULL;
	for (int i = 0; i < KG_LOCAL_PORT_TRIES && !suits(wish, number); i++) {
		push_free(lp, number);
		number = pop_free(lp);
	}
	lp->tunnels[tunnel % KG_SLOTS].held++;
	return &lp->ports[number - lp->first];
}

uint16_t kg_local_ports_acquire(struct kg_local_ports *lp, uint16_t tunnel, bool alone,
				const struct kg_port_wish *wish)
{
	struct kg_local_port *port = alone ? NULL : take_shared(lp, tunnel, wish);

	if (port == NULL)
		port = take_free(lp, tunnel, wish);
	if (port == NULL)
		return 0;
	port->users++;
	port->tunnel = tunnel;
	port->alone = alone;
	if (!alone)
		TAILQ_INSERT_TAIL(&lp->tunnels[tunnel % KG_SLOTS].shared, port, link);
	return number_of(lp, port);
}

void kg_local_ports_share(struct kg_local_ports *lp, uint16_t number)
{
	struct kg_local_port *port = &lp->ports[number - lp->first];

	port->alone = false;
	TAILQ_INSERT_TAIL(&lp->tunnels[port->tunnel % KG_SLOTS].shared, port, link);
}

bool kg_local_ports_release(struct kg_local_ports *lp, uint16_t number)
{
	struct kg_local_port *port = &lp->ports[number - lp->first];

	if (--port->users > 0)
		return false;
	if (!port->alone)
		TAILQ_REMOVE(&lp->tunnels[port->tunnel % KG_SLOTS].shared, port, link);
	if (!port->withdrawn)
		push_free(lp, number);
	lp->tunnels[port->tunnel % KG_SLOTS].held--;
	return true;
}

/* ---- ports that tunnels listen on ---- */

static void withdraw_range(struct kg_local_ports *lp, const struct kg_port_range *range)
{
	uint32_t last = KG_MIN(range->last, lp->last);

	for (uint32_t number = KG_MAX(range->first, lp->first); number <= last; number++) {
		struct kg_local_port *port = &lp->ports[number - lp->first];

		if (!port->ours || port->withdrawn)
			continue;
		port->withdrawn = true;
		lp->total--;
	}
}

void kg_local_ports_withdraw(struct kg_local_ports *lp, const struct kg_port_range *ranges,
			     unsigned int count)
{
	uint32_t before = lp->total;

	for (unsigned int i = 0; i < count; i++)
		withdraw_range(lp, &ranges[i]);
	for (uint32_t i = before != lp->total ? lp->free_count : 0; i > 0; i--) {
		uint16_t number = pop_any(lp);

		if (!lp->ports[number - lp->first].withdrawn)
			push_free(lp, number);
	}
}

bool kg_local_ports_is_withdrawn(const struct kg_local_ports *lp, uint16_t number)
{
	return number >= lp->first && number <= lp->last && lp->ports[number - lp->first].withdrawn;
}

void kg_local_ports_restore(struct kg_local_ports *lp, uint16_t number)
{
	struct kg_local_port *port;

	if (!kg_local_ports_is_withdrawn(lp, number))
		return;
	port = &lp->ports[number - lp->first];
	port->withdrawn = false;
	lp->total++;
	if (port->users == 0)
		push_free(lp, number);
}
