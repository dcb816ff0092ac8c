/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Looks at what the applications have got in the end: all that was sent, but for datagrams that may
 * be missing, and nothing too late.
 */
#include "boxes/boxes.h"

/* Of all seeds, streams whose stalls were looked at, and those of which one was longer than the
 * wire's longest, because the same segment was lost again and again. */
static uint32_t streams, late;
#define LATE_OF_1000 4u
#define CHANCE_US    (3 * KG_US_PER_S) /* that it takes at most */

/* A mux channel drops datagrams that come faster than they are taken, and UDP Hop sends none again.
 */
static bool may_miss(const struct boxes *boxes, const struct flow *flow)
{
	return flow->protocol == KG_PROTOCOL_UDP &&
	       (boxes->scenario.params.mux > 0 || boxes->scenario.params.udphop);
}

static bool has_halts(const struct boxes *boxes)
{
	return boxes->scenario.halts[CLIENT][0].for_us + boxes->scenario.halts[SERVER][0].for_us >
	       0;
}

/* NATs that forget, and paths that become narrow in silence, are found out in their own time, and
 * boxes that stand still hold up what they have. Without a model nothing says how long the wire may
 * take. */
static bool must_flow(const struct boxes *boxes)
{
	const struct path *paths = boxes->scenario.paths;

	return boxes->scenario.modelled && !nat_is_there(boxes) && !has_halts(boxes) &&
	       paths[CLIENT].width_count + paths[SERVER].width_count == 0;
}

static void check_stall(const struct boxes *boxes, const struct app *app)
{
	if (boxes->verbose)
		printf("flow %u, %s: %llu bytes, longest stall %.3f s\n", app->flow->number,
		       app->side == CLIENT ? "there" : "back", (unsigned long long)app->sent_bytes,
		       (double)app->stall_us / KG_US_PER_S);
	if (!must_flow(boxes))
		return;
	streams++;
	if (app->stall_us > links_stall_us(boxes)) {
		late++;
		printf("seed %llu, %s, flow %u, %s: %llu bytes, %.3f s instead of %.3f s\n",
		       (unsigned long long)boxes->seed, boxes->scenario.model, app->flow->number,
		       app->side == CLIENT ? "there" : "back", (unsigned long long)app->sent_bytes,
		       (double)app->stall_us / KG_US_PER_S,
		       (double)links_stall_us(boxes) / KG_US_PER_S);
	}
	boxes_check(boxes, app->stall_us <= links_stall_us(boxes) + CHANCE_US);
}

bool apps_were_in_time(void)
{
	return (uint64_t)late * 1000 <= (uint64_t)streams * LATE_OF_1000;
}

/* The wire alone makes two of one. */
static bool may_be_doubled(const struct boxes *boxes, int by)
{
	return boxes->scenario.params.udphop && boxes->scenario.wire[by].duplicate > 0;
}

/* Datagrams end in silence: whose time-out comes later may hear that the other has forgotten them.
 */
static bool may_be_reset(const struct flow *flow, const struct app *app)
{
	return flow->protocol == KG_PROTOCOL_UDP ||
	       (app->side == SERVER && nat_is_there(app->boxes));
}

void apps_check(const struct boxes *boxes)
{
	for (uint32_t i = 0; i < boxes->scenario.flow_count; i++) {
		const struct flow *flow = &boxes->flows[i];
		const struct app *client = &flow->client, *server = flow->server;

		boxes_check(boxes, client->sent_bytes == flow->plan_bytes[CLIENT]);
		boxes_check(boxes, !client->reset || may_be_reset(flow, client));
		boxes_check(boxes, may_be_doubled(boxes, CLIENT) || server == NULL ||
					   server->got_datagrams <= client->sent_datagrams);
		boxes_check(boxes, may_be_doubled(boxes, SERVER) || server == NULL ||
					   client->got_datagrams <= server->sent_datagrams);
		if (may_miss(boxes, flow))
			continue;
		boxes_check(boxes, server != NULL);
		boxes_check(boxes, !server->reset || may_be_reset(flow, server));
		boxes_check(boxes, client->missing_bytes == 0 && server->missing_bytes == 0);
		boxes_check(boxes, client->got_bytes == flow->plan_bytes[SERVER]);
		boxes_check(boxes, server->got_bytes == flow->plan_bytes[CLIENT]);
		check_stall(boxes, client);
		check_stall(boxes, server);
	}
}
