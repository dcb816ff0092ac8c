/* SPDX-License-Identifier: BSD-3-Clause */
/* Keeps the neighbours that peers go by, many of which may share one. */
#include "netlink/neighbours.h"

#include <linux/neighbour.h>
#include <stdlib.h>
#include <string.h>

#define USES_PER_TICK 256

/* The kernel takes 5 s from the first use of a stale entry to its probe (delay_first_probe_time).
 */
#define USE_INTERVAL_US    (1 * KG_US_PER_S)
#define FAILED_INTERVAL_US (10 * KG_US_PER_S) /* spares the link broadcasts for who is gone */

struct kg_held_neighbour *kg_neighbours_lookup(const struct kg_neighbours *all,
					       unsigned int ifindex, const struct kg_ip *ip)
{
	struct kg_held_neighbour *neighbour;

	TAILQ_FOREACH (neighbour, all, link) {
		if (neighbour->known.ifindex == ifindex && kg_ip_equal(&neighbour->known.ip, ip))
			return neighbour;
	}
	return NULL;
}

struct kg_held_neighbour *kg_neighbours_hold(struct kg_neighbours *all, struct kg_nl *questions,
					     unsigned int ifindex, uint16_t port,
					     const struct kg_ip *ip)
{
	struct kg_held_neighbour *neighbour = kg_neighbours_lookup(all, ifindex, ip);

	if (neighbour == NULL) {
		neighbour = calloc(1, sizeof(*neighbour));
		if (neighbour == NULL)
			return NULL;
		neighbour->port = port;
		kg_neighbour_lookup(questions, ifindex, ip, &neighbour->known);
		TAILQ_INSERT_TAIL(all, neighbour, link);
	}
	neighbour->users++;
	return neighbour;
}

void kg_neighbours_release(struct kg_neighbours *all, struct kg_held_neighbour *neighbour)
{
	if (neighbour == NULL || --neighbour->users > 0)
		return;
	TAILQ_REMOVE(all, neighbour, link);
	free(neighbour);
}

bool kg_neighbours_hear(struct kg_held_neighbour *neighbour, const struct kg_neighbour *now)
{
	bool was_usable = kg_neighbour_usable(&neighbour->known);
	bool usable = kg_neighbour_usable(now);
	bool moved = memcmp(&now->mac, &neighbour->known.mac, sizeof(now->mac)) != 0;

	neighbour->known = *now;
	return was_usable != usable || (usable && moved);
}

/* Returns when it is due again. */
static uint64_t use(struct kg_nl *questions, const struct kg_held_neighbour *neighbour,
		    uint64_t now_us)
{
	uint16_t state = neighbour->known.state;

	if ((state & (NUD_PERMANENT | NUD_NOARP)) == 0)
		kg_neighbour_use(questions, neighbour->known.ifindex, &neighbour->known.ip);
	return now_us + ((state & NUD_FAILED) != 0 ? FAILED_INTERVAL_US : USE_INTERVAL_US);
}

void kg_neighbours_use(struct kg_neighbours *all, struct kg_nl *questions, uint64_t now_us)
{
	struct kg_held_neighbour *last = TAILQ_LAST(all, kg_neighbours), *next;
	struct kg_held_neighbour *neighbour = TAILQ_FIRST(all);
	unsigned int budget = USES_PER_TICK;

	for (; neighbour != NULL; neighbour = next) {
		next = neighbour == last ? NULL : TAILQ_NEXT(neighbour, link);
		if (neighbour->next_use_us > now_us)
			continue;
		if (budget-- == 0)
			return;
		neighbour->next_use_us = use(questions, neighbour, now_us);
		TAILQ_REMOVE(all, neighbour, link);
		TAILQ_INSERT_TAIL(all, neighbour, link);
	}
}
