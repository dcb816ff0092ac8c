/* SPDX-License-Identifier: BSD-3-Clause */
/* Joins the two sides of a relay, and tells the log of channels that end otherwise than they
 * should. */
#include "relay.h"

#include "box.h"
#include "complain.h"
#include "relay/relay.h"
#include "worker.h"

static bool listens(const struct kg_side *side)
{
	return side->tunnel->config->mode == KG_MODE_LISTENER;
}

/* NULL: it is not there, or no longer. */
static struct kg_side *other_side(const struct kg_side *side)
{
	const struct kg_slots *sides = &side->worker->sides;

	for (unsigned int i = 0; i < sides->count; i++) {
		struct kg_side *other = sides->all[i];

		if (other->tunnel->config == side->tunnel->config->other_leg)
			return other;
	}
	return NULL;
}

/* ---- what a session tells ---- */

static void journal_opened(struct kg_side *side, const struct kg_channel *ch)
{
	struct kg_channel_info info;

	kg_channel_get_info(ch, &info, side->worker->now_us);
	kg_conn_tell_opened(side, &info);
}

static void on_connect(void *host, struct kg_channel *ch, const struct kg_target *target)
{
	struct kg_side *side = host;

	journal_opened(side, ch);
	kg_relay_accept(side->relay, ch, target);
}

static void on_opened(void *host, struct kg_channel *ch)
{
	journal_opened(host, ch);
	kg_relay_opened(host, ch);
}

static void on_closed(void *host, struct kg_channel *ch, enum kg_close why, const char *text)
{
	struct kg_side *side = host;
	struct kg_channel_info info;

	kg_channel_get_info(ch, &info, side->worker->now_us);
	if (why == KG_CLOSE_NO_ROUTE)
		kg_complain_no_route(side->worker, side->id, &info.remote);
	if (kg_conn_is_failure(side, why))
		kg_conn_report_channel(side, &info, why, text);
	else
		kg_conn_tell_ended(side, &info, why);
	kg_relay_closed(host, ch, why, text);
}

static struct kg_session_ops session_ops(void)
{
	const struct kg_stream_ops *wire = &kg_conn_stream_ops;

	struct kg_session_ops ops = {
		.port_acquire = wire->port_acquire,
		.port_release = wire->port_release,
		.port_share = wire->port_share,
		.path_mtu = wire->path_mtu,
		.silent = wire->silent,
		.hopped = wire->hopped,
		.policed = wire->policed,
		.moved = wire->moved,
		.connect = on_connect,
		KG_RELAY_OPS,
		.closed = on_closed,
	};

	ops.opened = on_opened; /* by way of the journal */
	return ops;
}

/* ---- life ---- */

/* False without memory. */
static bool join(struct kg_side *side, struct kg_session *session, struct kg_side *other,
		 const struct kg_supplies *supplies)
{
	if (!listens(side)) {
		side->relay = other != NULL ? other->relay : NULL;
		if (side->relay != NULL)
			kg_relay_set_forwarder(side->relay, session);
		return true;
	}
	side->relay = kg_relay_create(supplies);
	if (side->relay == NULL || other == NULL)
		return side->relay != NULL;
	other->relay = side->relay;
	kg_relay_set_forwarder(side->relay, other->session);
	return true;
}

struct kg_session *kg_side_begin_relay(struct kg_side *side, const struct kg_session_config *config,
				       const struct kg_supplies *supplies)
{
	const struct kg_session_ops ops = session_ops();
	struct kg_session *session =
		kg_session_create(config, &ops, side, supplies, side->worker->now_us);

	if (session == NULL || join(side, session, other_side(side), supplies))
		return session;
	kg_session_destroy(session);
	return NULL;
}

void kg_side_leave_relay(struct kg_side *side)
{
	if (!listens(side) && side->relay != NULL)
		kg_relay_set_forwarder(side->relay, NULL);
}

void kg_side_end_relay(struct kg_side *side)
{
	struct kg_side *other = other_side(side);

	if (listens(side)) {
		kg_relay_destroy(side->relay);
		if (other != NULL)
			other->relay = NULL;
	}
	side->relay = NULL;
}
