/* SPDX-License-Identifier: BSD-3-Clause */
/* Bounds how long tunnels rest, and how many of them. */
#include "resting.h"

#include "control/internal.h"
#include "log/journal.h"
#include "payload/kept.h"
#include "side.h"

void kg_control_rest_end(struct kg_box_tunnel *tunnel)
{
	atomic_store_explicit(&tunnel->rest_over, true, memory_order_relaxed);
}

/* So that there are never more than may rest. */
static void end_longest(const struct kg_box *box)
{
	struct kg_box_tunnel *longest = NULL;
	unsigned int count = 0;

	for (unsigned int i = 0; i < box->tunnels.count; i++) {
		struct kg_box_tunnel *tunnel = box->tunnels.all[i];

		if (!tunnel->resting || tunnel->rest_over)
			continue;
		if (longest == NULL || tunnel->rest_until_us < longest->rest_until_us)
			longest = tunnel;
		count++;
	}
	if (count >= KG_RESTING_MAX)
		kg_control_rest_end(longest);
}

/* TCP and UDP of each listener, on each payload thread. */
static unsigned int sockets_of(const struct kg_box_tunnel *tunnel)
{
	return 2 * tunnel->config->app.listener_count;
}

struct kg_kept *kg_control_rest_begin(struct kg_box *box, struct kg_box_tunnel *tunnel,
				      struct kg_kept_list *kept, uint64_t now_us)
{
	unsigned int sockets = sockets_of(tunnel) * box->payload_count;

	end_longest(box);
	tunnel->rest_until_us = now_us + KG_RESTING_MAX_S * KG_US_PER_S;
	kg_box_rest_tunnel(box, tunnel);
	return sockets > 0 ? kg_kept_create(kept, sockets) : NULL;
}

struct kg_kept_socket *kg_control_rest_places(struct kg_kept *kept,
					      const struct kg_box_tunnel *tunnel,
					      unsigned int thread)
{
	return kept != NULL ? &kept->sockets[thread * sockets_of(tunnel)] : NULL;
}

static bool has_channels(const struct kg_box *box, const struct kg_box_tunnel *tunnel)
{
	for (unsigned int w = 0; w < box->worker_count; w++) {
		if (__atomic_load_n(&tunnel->sides[w]->figures.session.channels, __ATOMIC_RELAXED) >
		    0)
			return true;
	}
	return false;
}

void kg_control_rest_say(const struct kg_box *box, const struct kg_box_tunnel *tunnel)
{
	const struct kg_tunnel_config *config = tunnel->config;

	if (has_channels(box, tunnel))
		KG_JOURNAL(NOTICE, config,
			   "tunnel %s: connections go on under its old settings, %u s at most\n",
			   config->name, KG_RESTING_MAX_S);
}

uint64_t kg_control_rest_watch(struct kg_box_tunnel *tunnel, uint64_t now_us)
{
	if (now_us < tunnel->rest_until_us)
		return tunnel->rest_until_us;
	kg_control_rest_end(tunnel);
	return KG_NEVER_US;
}
