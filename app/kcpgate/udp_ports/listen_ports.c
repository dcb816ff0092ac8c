/* SPDX-License-Identifier: BSD-3-Clause */
/* Enters the ports of sides that come, and finds who else listens on those of sides that go. */
#include "udp_ports/listen_ports.h"

#include "box.h"
#include "worker.h"

static const struct kg_wire_end *wire_of(const struct kg_side *side)
{
	return &side->tunnel->config->wire;
}

static bool answers_on(const struct kg_side *side, uint16_t port)
{
	const struct kg_wire_end *wire = wire_of(side);

	return wire->role == KG_ROLE_SERVER &&
	       kg_port_ranges_contain(wire->ports, wire->port_count, port);
}

static bool takes_datagrams_on(const struct kg_side *side, uint16_t port)
{
	const struct kg_app_end *app = &side->tunnel->config->app;

	for (unsigned int i = 0; app->fast_path && i < app->listener_count; i++) {
		if (app->listeners[i].udp && app->listeners[i].at.port == port)
			return true;
	}
	return false;
}

/* Of several servers on one port the table names the first that does not rest; a tunnel's port
 * takes precedence. */
static uint16_t listener_on(const struct kg_worker *w, uint16_t port)
{
	uint16_t found = KG_PORT_TABLE_NONE;

	for (unsigned int i = 0; i < w->sides.count; i++) {
		const struct kg_side *side = w->sides.all[i];

		if (answers_on(side, port) && !side->resting)
			return side->id;
		if (answers_on(side, port))
			found = side->id;
		else if (found == KG_PORT_TABLE_NONE && takes_datagrams_on(side, port))
			found = KG_PORT_TABLE_LISTENED;
	}
	return found;
}

void kg_listen_ports_settle(struct kg_worker *w, uint16_t port)
{
	kg_port_table_set(&w->box->udp_ports, port, listener_on(w, port));
}

/* Calls for each of the worker's own ports on which the side listens, with what the table is to say
 * of it. */
typedef void call_fn(struct kg_worker *w, uint16_t port, uint16_t id);

static void call_own(struct kg_worker *w, uint32_t port, uint16_t id, call_fn *call)
{
	if (port % w->box->worker_count == w->index)
		call(w, (uint16_t)port, id);
}

static void each_port(struct kg_worker *w, const struct kg_side *side, call_fn *call)
{
	const struct kg_wire_end *wire = wire_of(side);
	const struct kg_app_end *app = &side->tunnel->config->app;

	for (unsigned int i = 0; wire->role == KG_ROLE_SERVER && i < wire->port_count; i++) {
		for (uint32_t port = wire->ports[i].first; port <= wire->ports[i].last; port++)
			call_own(w, port, side->id, call);
	}
	for (unsigned int i = 0; app->fast_path && i < app->listener_count; i++) {
		if (app->listeners[i].udp)
			call_own(w, app->listeners[i].at.port, KG_PORT_TABLE_LISTENED, call);
	}
}

/* ---- a side comes ---- */

static void withdraw(struct kg_worker *w, const struct kg_side *side)
{
	const struct kg_wire_end *wire = wire_of(side);
	const struct kg_app_end *app = &side->tunnel->config->app;

	if (wire->role == KG_ROLE_SERVER)
		kg_local_ports_withdraw(&w->local_ports, wire->ports, wire->port_count);
	for (unsigned int i = 0; app->fast_path && i < app->listener_count; i++) {
		uint16_t port = app->listeners[i].at.port;

		if (app->listeners[i].udp)
			kg_local_ports_withdraw(&w->local_ports,
						&(struct kg_port_range){ port, port }, 1);
	}
}

/* What a client's channels have is the listener's when the last of them has left it. */
static void enter(struct kg_worker *w, uint16_t port, uint16_t id)
{
	uint16_t before = kg_port_table_get(&w->box->udp_ports, port);
	const struct kg_side *other = kg_worker_side(w, before);

	if (before == KG_PORT_TABLE_NONE || (other == NULL && id != KG_PORT_TABLE_LISTENED) ||
	    (other != NULL && other->resting && answers_on(other, port)))
		kg_port_table_set(&w->box->udp_ports, port, id);
	else if (other != NULL && wire_of(other)->role == KG_ROLE_CLIENT)
		kg_session_leave_port(other->session, port, w->now_us);
}

void kg_listen_ports_enter(struct kg_worker *w, const struct kg_side *side)
{
	withdraw(w, side);
	each_port(w, side, enter);
}

/* ---- a side goes ---- */

static void leave(struct kg_worker *w, uint16_t port, uint16_t id)
{
	if (kg_port_table_get(&w->box->udp_ports, port) == id)
		kg_listen_ports_settle(w, port);
	if (listener_on(w, port) == KG_PORT_TABLE_NONE)
		kg_local_ports_restore(&w->local_ports, port);
}

void kg_listen_ports_leave(struct kg_worker *w, const struct kg_side *side)
{
	each_port(w, side, leave);
}
