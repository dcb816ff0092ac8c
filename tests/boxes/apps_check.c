/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Looks at what the applications have got in the end: all that was sent, but for datagrams that may
 * be missing, and nothing too late.
 */
#include "boxes/boxes.h"

#define TURNS_US     1000u /* in which a box takes and gives a datagram */
#define AROUND_BYTES 128u  /* more than stands around one in a packet */

/* Of all seeds, streams whose stalls were looked at, and those of which one was longer than the
 * wire's longest, because the same segment was lost again and again. */
static uint32_t streams, late;
#define LATE_OF_1000 4u
#define CHANCE_US    (3 * KG_US_PER_S) /* that it takes at most */

/* A mux channel drops datagrams that come faster than they are taken, UDP Hop sends none again, and
 * some are too old. */
static bool may_miss(const struct boxes *boxes, const struct flow *flow)
{
	const struct scenario *scenario = &boxes->scenario;

	return flow->protocol == KG_PROTOCOL_UDP &&
	       (scenario->params.mux > 0 || scenario->params.udphop ||
		scenario->deadline_ms[CLIENT] > 0);
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

/* Each is one segment, however narrow its path was believed to be. What is longer goes on when it
 * has begun to be sent, and from then on none can be told from a part of one. */
static bool has_short_ones(const struct boxes *boxes, const struct flow *flow)
{
	uint16_t packet = kg_path_mtu_min(boxes->scenario.params.ipv6 ? 6 : 4);

	return flow->write_max_bytes + 2 * BOXES_LEAST_BYTES + AROUND_BYTES <= packet;
}

/* Parity may bring one back later; on a mux channel a stream's messages may be longer; what comes
 * in sequence waits for others; and a box that stands still leaves lying what has come. */
static bool must_be_young(const struct boxes *boxes, const struct flow *flow)
{
	const struct scenario *scenario = &boxes->scenario;

	return scenario->arrival && scenario->params.fec == NULL && scenario->params.mux == 0 &&
	       !has_halts(boxes) && has_short_ones(boxes, flow);
}

/* What one end has got of the other's datagrams left within their time. */
static void check_ages(const struct boxes *boxes, const struct app *app)
{
	uint32_t deadline_ms = boxes->scenario.deadline_ms[!app->side];
	uint64_t most_us = (deadline_ms + 1) * (uint64_t)KG_US_PER_MS +
			   links_way_us(boxes, !app->side) + TURNS_US;

	if (boxes->verbose && deadline_ms > 0)
		printf("flow %u, %s: %llu datagrams, the oldest of %.3f s\n", app->flow->number,
		       app->side == SERVER ? "there" : "back",
		       (unsigned long long)app->got_datagrams,
		       (double)app->oldest_us / KG_US_PER_S);
	boxes_check(boxes, !must_be_young(boxes, app->flow) || app->oldest_us <= most_us);
}

/* Datagrams of a side that were too old. */
static uint64_t left_out(const struct boxes *boxes, int side)
{
	struct kg_session_stats stats;
	uint64_t count = 0;

	for (unsigned int w = 0; w < boxes->two.queues; w++) {
		const struct kg_slots *sides = &boxes->two.boxes[side].workers[w]->sides;

		for (unsigned int i = 0; i < sides->count; i++) {
			const struct kg_side *s = sides->all[i];

			kg_session_get_stats(s->session, &stats);
			count += stats.datagrams_stale + stats.datagrams_blanked;
		}
	}
	return count;
}

/* Whatever else has not come was too old. */
static void check_left_out(const struct boxes *boxes, int side)
{
	uint64_t sent = 0, got = 0;

	if (boxes->scenario.params.mux > 0 || boxes->scenario.params.udphop)
		return;
	for (uint32_t i = 0; i < boxes->scenario.flow_count; i++) {
		const struct flow *flow = &boxes->flows[i];
		const struct app *ends[SIDES] = { &flow->client, flow->server };

		sent += ends[side] != NULL ? ends[side]->sent_datagrams : 0;
		got += ends[!side] != NULL ? ends[!side]->got_datagrams : 0;
	}
	boxes_check(boxes, got + left_out(boxes, side) >= sent);
}

void apps_check(const struct boxes *boxes)
{
	for (int side = CLIENT; side < SIDES; side++)
		check_left_out(boxes, side);
	for (uint32_t i = 0; i < boxes->scenario.flow_count; i++) {
		const struct flow *flow = &boxes->flows[i];
		const struct app *client = &flow->client, *server = flow->server;

		boxes_check(boxes, client->sent_bytes == flow->plan_bytes[CLIENT]);
		boxes_check(boxes, !client->reset || may_be_reset(flow, client));
		boxes_check(boxes, may_be_doubled(boxes, CLIENT) || server == NULL ||
					   server->got_datagrams <= client->sent_datagrams);
		boxes_check(boxes, may_be_doubled(boxes, SERVER) || server == NULL ||
					   client->got_datagrams <= server->sent_datagrams);
		if (flow->protocol == KG_PROTOCOL_UDP)
			check_ages(boxes, client);
		if (flow->protocol == KG_PROTOCOL_UDP && server != NULL)
			check_ages(boxes, server);
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
