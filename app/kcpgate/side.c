/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes a worker's part of a tunnel from its configuration, and leads it through its life. */
#include "side.h"

#include "box.h"
#include "conn.h"
#include "fec/rs_isal.h"
#include "log/journal.h"
#include "rate/ledger.h"
#include "relay.h"
#include "relay/relay.h"
#include "udp_ports/listen_ports.h"
#include "worker.h"

#include <rte_malloc.h>

#define ANSWER_WAIT_S 10 /* for what an original's side still says after our end */

/*
 * Channels that have not proved themselves have a quarter of the limit (session/proof.c), and never
 * more than a part of what all tunnels and workers together have of the table of sources, and of
 * sockets.
 */
static uint32_t doubted_max(const struct kg_side *side)
{
	const struct kg_worker *w = side->worker;
	unsigned int sessions = w->box->worker_count * KG_MAX(w->sides.count, 1u);
	unsigned int all = side->tunnel->config->app.kind == KG_APP_LISTENS
				   ? KG_PAYLOAD_SOURCES_MAX / 2
				   : kg_payload_sockets_max() / 4;

	return KG_MAX(KG_MIN(w->channels_max / 4, all / sessions), 1u);
}

/* Without KCP nobody asks, and what is too long goes in pieces. */
static uint16_t path_mtu_max(const struct kg_wire_end *wire)
{
	if (wire->profile->bare)
		return wire->mtu;
	switch (wire->path_mtu) {
	case KG_PATH_MTU_AUTO:
		return wire->mtu;
	case KG_PATH_MTU_OFF:
		return 0;
	default:
		return wire->path_mtu;
	}
}

/* With one port at one address there is nowhere to go; a name may have several. A number alone is
 * shortened by a quarter at most, so that those that began together do not hop together. */
static struct kg_interval hop_interval(const struct kg_wire_end *wire)
{
	struct kg_interval interval = wire->dport_refresh;
	bool one = wire->peer_count == 1 && wire->peers[0].ip.version != 0 &&
		   wire->peer_port_count == 1 &&
		   wire->peer_ports[0].first == wire->peer_ports[0].last;

	if (wire->role == KG_ROLE_SERVER || one)
		return (struct kg_interval){ 0, 0 };
	if (interval.first_s == interval.last_s)
		interval.first_s = (uint16_t)(interval.last_s - interval.last_s / 4);
	return interval;
}

_Static_assert(KG_SPREAD_MAX == KG_LEDGER_ROWS, "what may be asked for can be had");

/* A server follows those who are in several places; a client says so if it is. */
static uint32_t capabilities(const struct kg_wire_end *wire)
{
	uint32_t all = KG_CAPABILITY_HALF_CLOSE | KG_CAPABILITY_RIGHT_PARITY | KG_CAPABILITY_MUX |
		       KG_CAPABILITY_MUX_RETURN | KG_CAPABILITY_PLACES | KG_CAPABILITY_ROWS |
		       KG_CAPABILITY_TAILS;

	return wire->role == KG_ROLE_SERVER || wire->spread > 0 ? all : all & ~KG_CAPABILITY_PLACES;
}

static struct kg_session_config session_config(const struct kg_side *side)
{
	const struct kg_worker *w = side->worker;
	const struct kg_box_tunnel *tunnel = side->tunnel;
	const struct kg_wire_end *wire = &tunnel->config->wire;
	const struct kg_app_end *app = &tunnel->config->app;
	uint32_t channels = w->channels_max;
	struct kg_port_range announced = kg_box_announced_ports(w->box, tunnel, w->index);
	struct kg_interval hop = hop_interval(wire);

	return (struct kg_session_config){
		.role = wire->role,
		.bare = wire->profile->bare,
		.kcp = wire->kcp,
		.fec = side->fec,
		.outbound_Bps = wire->outbound_Bps,
		.inbound_Bps = wire->inbound_Bps,
		.udp_timeout_s = wire->udp_timeout_s,
		.udp_deadline_ms = wire->udp_deadline_ms,
		.udp_arrival = app->udp_order == KG_UDP_ARRIVAL,
		.keep_alive_s = wire->keep_alive_s,
		.worker = (uint16_t)w->index,
		.workers = (uint16_t)w->box->worker_count,
		.channels_max = channels,
		.udp_max = channels - channels / 4,
		.doubted_max = doubted_max(side),
		.capabilities = capabilities(wire),
		.answer_wait_s = app->kind != KG_APP_RELAYS ? ANSWER_WAIT_S : 0,
		.destinations = tunnel->addresses,
		.destination_count = tunnel->address_count,
		.destination_ports = wire->peer_ports,
		.destination_port_count = (uint16_t)wire->peer_port_count,
		.hop_min_s = hop.first_s,
		.hop_max_s = hop.last_s,
		.spread = wire->spread,
		.announce_first = announced.first,
		.announce_last = announced.last,
		.custom_targets = kg_app_is_told(app),
		.passed_targets = app->kind == KG_APP_RELAYS,
		.path_mtu_max = path_mtu_max(wire),
		.path_mtu_set = wire->path_mtu != KG_PATH_MTU_AUTO,
		.seal_bytes = kg_profile_overhead_bytes(wire->profile, tunnel->aead->spec),
	};
}

/* The tunnel's, shared out: each worker has one at least. */
static uint32_t mux_channels(const struct kg_worker *w, const struct kg_wire_end *wire)
{
	uint32_t all = wire->mux_tunnels, workers = w->box->worker_count;

	return all == 0 ? 0 : KG_MAX(all / workers + (w->index < all % workers), 1u);
}

struct kg_side *kg_side_create(struct kg_worker *w, const struct kg_box_tunnel *tunnel)
{
	struct kg_side *side = rte_zmalloc("kg_side", sizeof(*side), RTE_CACHE_LINE_SIZE);

	if (side == NULL)
		return NULL;
	side->worker = w;
	side->tunnel = tunnel;
	side->id = tunnel->id;
	side->profile = tunnel->config->wire.profile;
	side->journal = kg_journal_is_kept(tunnel->config);
	if (kg_profile_key_init(&side->key, side->profile, tunnel->aead, tunnel->key))
		return side;
	kg_side_destroy(side);
	return NULL;
}

void kg_side_destroy(struct kg_side *side)
{
	if (side == NULL)
		return;
	kg_profile_key_fini(&side->key);
	rte_free(side);
}

static bool is_leg(const struct kg_side *side)
{
	return side->tunnel->config->app.kind == KG_APP_RELAYS;
}

static bool create_parts(struct kg_side *side)
{
	const struct kg_fec_config *fec = &side->tunnel->config->wire.fec;
	const struct kg_fec_content *content =
		side->profile->bare ? &kg_session_bare_fec_content : &kg_session_fec_content;
	struct kg_worker *w = side->worker;
	const struct kg_supplies supplies = {
		.mem = kg_arena_mem(w->arena),
		.pool = kg_buf_mempool_pool(w->box->bufs),
		.wheel = w->wheel,
		.rng = &w->rng,
		.seen = side->tunnel->seen,
	};
	struct kg_streams_config config;

	if (fec->parity > 0) {
		side->fec =
			kg_fec_create(fec->data, fec->parity, &kg_rs_isal, content, supplies.mem);
		if (side->fec == NULL)
			return false;
	}
	config.session = session_config(side);
	if (is_leg(side)) {
		side->session = kg_side_begin_relay(side, &config.session, &supplies);
		return side->session != NULL;
	}
	config.mux_channels = mux_channels(w, &side->tunnel->config->wire);
	side->streams = kg_streams_create(&config, &kg_conn_stream_ops, side, &supplies, w->now_us);
	if (side->streams != NULL)
		side->session = kg_streams_session(side->streams);
	return side->streams != NULL;
}

static void destroy_session(struct kg_side *side)
{
	if (!is_leg(side)) {
		kg_streams_destroy(side->streams);
		return;
	}
	kg_side_leave_relay(side);
	kg_session_destroy(side->session);
	kg_side_end_relay(side);
}

static void destroy_parts(struct kg_side *side)
{
	destroy_session(side);
	kg_fec_destroy(side->fec);
	side->streams = NULL;
	side->session = NULL;
	side->fec = NULL;
}

/* Who comes later takes from those that were there. */
static void share_doubts(struct kg_worker *w)
{
	for (unsigned int i = 0; i < w->sides.count; i++) {
		const struct kg_side *side = w->sides.all[i];

		if (is_leg(side))
			kg_session_set_doubted_max(side->session, doubted_max(side));
		else
			kg_streams_set_doubted_max(side->streams, doubted_max(side));
	}
}

bool kg_side_begin(struct kg_side *side)
{
	if (!create_parts(side)) {
		destroy_parts(side);
		return false;
	}
	kg_slots_put(&side->worker->sides, side->id, side);
	side->worker->stun_sides += side->tunnel->stun_tag != 0;
	share_doubts(side->worker);
	kg_listen_ports_enter(side->worker, side);
	return true;
}

void kg_side_end(struct kg_side *side)
{
	if (!kg_side_has_begun(side))
		return;
	kg_slots_remove(&side->worker->sides, side->id);
	side->worker->stun_sides -= side->tunnel->stun_tag != 0;
	side->worker->resting_sides -= side->resting;
	share_doubts(side->worker);
	kg_listen_ports_leave(side->worker, side);
	destroy_parts(side);
}

void kg_side_publish(struct kg_side *side)
{
	struct kg_side_figures now = { 0 };

	kg_session_get_stats(side->session, &now.session);
	if (side->streams != NULL)
		kg_streams_get_stats(side->streams, &now.streams);
	if (side->fec != NULL)
		kg_fec_add_stats(side->fec, &now.fec);
	now.side = side->stats;
	kg_metrics_publish((uint64_t *)&side->figures, (const uint64_t *)&now,
			   sizeof(now) / sizeof(uint64_t));
}

void kg_side_drain(struct kg_side *side)
{
	side->draining = true;
	side->drained_us = side->worker->now_us + KG_SIDE_DRAIN_US;
	if (side->streams != NULL) {
		kg_streams_shutdown(side->streams, side->worker->now_us);
		return;
	}
	if (side->relay != NULL)
		kg_relay_shutdown(side->relay, side->worker->now_us);
	kg_session_shutdown(side->session, side->worker->now_us);
}

bool kg_side_is_over(const struct kg_side *side)
{
	return side->streams != NULL ? kg_streams_is_over(side->streams)
				     : kg_session_is_quiet(side->session);
}

bool kg_side_is_drained(const struct kg_side *side)
{
	return side->draining && side->conns == 0 &&
	       (kg_side_is_over(side) || side->worker->now_us >= side->drained_us);
}

static bool listens_on(const struct kg_tunnel_config *tunnel, const struct kg_endpoint *local)
{
	const struct kg_wire_end *wire = &tunnel->wire;

	if (wire->address_count == 0)
		return (!tunnel->ipv4_only || local->ip.version == 4) &&
		       (!tunnel->ipv6_only || local->ip.version == 6);
	for (unsigned int i = 0; i < wire->address_count; i++) {
		if (kg_ip_accepts(&wire->addresses[i], &local->ip))
			return true;
	}
	return false;
}

bool kg_side_answers_at(const struct kg_side *side, const struct kg_endpoint *local)
{
	const struct kg_tunnel_config *tunnel = side->tunnel->config;

	return tunnel->wire.role == KG_ROLE_SERVER &&
	       kg_port_ranges_contain(tunnel->wire.ports, tunnel->wire.port_count, local->port) &&
	       listens_on(tunnel, local);
}

unsigned int kg_side_owner(const struct kg_side *side, const struct kg_datagram *in)
{
	unsigned int workers = side->worker->box->worker_count;

	if (side->tunnel->config->wire.role == KG_ROLE_CLIENT)
		return in->local.port % workers;
	return kg_session_owner(side->profile->bare, side->fec, in, (uint16_t)workers);
}

enum kg_drop kg_side_conv(const struct kg_side *side, const struct kg_datagram *in, uint32_t *conv)
{
	return kg_session_conv(side->profile->bare, side->fec, in, conv);
}
