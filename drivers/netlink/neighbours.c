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
/* The kernel's three broadcasts, a second each (mcast_solicit), after the next use. */
#define KEPT_US (5 * KG_US_PER_S)

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
		neighbour->mac = neighbour->known.mac;
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

bool kg_neighbours_serves(const struct kg_held_neighbour *neighbour)
{
	return kg_neighbour_usable(&neighbour->known) || neighbour->kept_until_us != 0;
}

static bool is_lost(const struct kg_neighbour *neighbour)
{
	return (neighbour->state & (NUD_INCOMPLETE | NUD_FAILED)) != 0;
}

bool kg_neighbours_hear(struct kg_held_neighbour *neighbour, const struct kg_neighbour *now,
			uint64_t now_us)
{
	bool served = kg_neighbours_serves(neighbour), usable = kg_neighbour_usable(now);
	bool moved = usable && memcmp(&now->mac, &neighbour->mac, sizeof(now->mac)) != 0;

	if (usable)
		neighbour->mac = now->mac;
	if (!is_lost(now)) /* it is back, or somebody has deleted it */
		neighbour->kept_until_us = 0;
	else if (kg_neighbour_usable(&neighbour->known))
		neighbour->kept_until_us = now_us + KEPT_US;
	neighbour->known = *now;
	return served != kg_neighbours_serves(neighbour) || moved;
}

bool kg_neighbours_give_up(struct kg_held_neighbour *neighbour, uint64_t now_us)
{
	if (neighbour->kept_until_us == 0 || neighbour->kept_until_us > now_us)
		return false;
	neighbour->kept_until_us = 0;
	return true;
}

/* Returns when it is due again. */
static uint64_t use(struct kg_nl *questions, const struct kg_held_neighbour *neighbour,
		    uint64_t now_us)
{
	uint16_t state = neighbour->known.state;
	bool gone = (state & NUD_FAILED) != 0 && neighbour->kept_until_us == 0;

	if ((state & (NUD_PERMANENT | NUD_NOARP)) == 0)
		kg_neighbour_use(questions, neighbour->known.ifindex, &neighbour->known.ip);
	return now_us + (gone ? FAILED_INTERVAL_US : USE_INTERVAL_US);
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
