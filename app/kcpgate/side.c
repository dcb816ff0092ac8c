/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes a worker's part of a tunnel from its configuration, stops it and takes it down. */
#include "side.h"

#include "box.h"
#include "conn.h"
#include "fec/rs_isal.h"
#include "worker.h"

#define ANSWER_WAIT_S 10 /* for what an original's side still says after our end */

/*
 * Channels that have not proved themselves have a quarter of the limit (session/proof.c), and never
 * more than a part of what all tunnels and workers together have of the table of sources, and of
 * sockets.
 */
static uint32_t doubted_max(const struct kg_box *box, const struct kg_app_end *app,
			    uint32_t channels)
{
	unsigned int sessions = box->worker_count * box->tunnel_count;
	unsigned int all = app->kind == KG_APP_LISTENS ? KG_PAYLOAD_SOURCES_MAX / 2
						       : kg_payload_sockets_max() / 4;

	return KG_MAX(KG_MIN(channels / 4, all / sessions), 1u);
}

static uint16_t path_mtu_max(const struct kg_wire_end *wire)
{
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

static struct kg_session_config session_config(const struct kg_worker *w, uint16_t tunnel,
					       uint32_t channels)
{
	const struct kg_box_tunnel *t = &w->box->tunnels[tunnel];
	const struct kg_wire_end *wire = &t->config->wire;
	const struct kg_app_end *app = &t->config->app;
	struct kg_port_range announced = kg_box_announced_ports(w->box, tunnel, w->index);
	struct kg_interval hop = hop_interval(wire);

	return (struct kg_session_config){
		.role = wire->role,
		.kcp = wire->kcp,
		.fec = w->sides[tunnel].fec,
		.outbound_Bps = wire->outbound_Bps,
		.inbound_Bps = wire->inbound_Bps,
		.udp_timeout_s = wire->udp_timeout_s,
		.udp_arrival = app->udp_order == KG_UDP_ARRIVAL,
		.keep_alive_s = wire->keep_alive_s,
		.worker = (uint16_t)w->index,
		.workers = (uint16_t)w->box->worker_count,
		.channels_max = channels,
		.udp_max = channels - channels / 4,
		.doubted_max = doubted_max(w->box, app, channels),
		.capabilities =
			KG_CAPABILITY_HALF_CLOSE | KG_CAPABILITY_RIGHT_PARITY | KG_CAPABILITY_MUX,
		.answer_wait_s = ANSWER_WAIT_S,
		.destinations = t->addresses,
		.destination_count = t->address_count,
		.destination_ports = wire->peer_ports,
		.destination_port_count = (uint16_t)wire->peer_port_count,
		.hop_min_s = hop.first_s,
		.hop_max_s = hop.last_s,
		.announce_first = announced.first,
		.announce_last = announced.last,
		.custom_targets = kg_app_is_told(app),
		.path_mtu_max = path_mtu_max(wire),
		.path_mtu_set = wire->path_mtu != KG_PATH_MTU_AUTO,
		.seal_bytes = kg_profile_overhead_bytes(wire->profile, t->aead->spec),
	};
}

/* The tunnel's, shared out: each worker has one at least. */
static uint32_t mux_channels(const struct kg_worker *w, const struct kg_wire_end *wire)
{
	uint32_t all = wire->mux_tunnels, workers = w->box->worker_count;

	return all == 0 ? 0 : KG_MAX(all / workers + (w->index < all % workers), 1u);
}

bool kg_side_init(struct kg_side *side, struct kg_worker *w, uint16_t index, uint32_t channels)
{
	struct kg_box_tunnel *tunnel = &w->box->tunnels[index];
	const struct kg_wire_end *wire = &tunnel->config->wire;
	const struct kg_fec_config *fec = &wire->fec;
	struct kg_mem *mem = kg_arena_mem(w->arena);
	struct kg_streams_config config;

	side->worker = w;
	side->tunnel = index;
	side->profile = wire->profile;
	if (!kg_profile_key_init(&side->key, side->profile, tunnel->aead, tunnel->key))
		return false;
	if (fec->parity > 0) {
		side->fec = kg_fec_create(fec->data, fec->parity, &kg_rs_isal, mem);
		if (side->fec == NULL)
			return false;
	}
	config.session = session_config(w, index, channels);
	config.mux_channels = mux_channels(w, wire);
	side->streams = kg_streams_create(&config, &kg_conn_stream_ops, side, mem,
					  kg_buf_mempool_pool(w->box->bufs), w->wheel, &w->rng,
					  tunnel->seen, w->now_us);
	if (side->streams == NULL)
		return false;
	side->session = kg_streams_session(side->streams);
	return true;
}

void kg_side_fini(struct kg_side *side)
{
	kg_streams_destroy(side->streams);
	kg_fec_destroy(side->fec);
	kg_profile_key_fini(&side->key);
}

void kg_side_stop(struct kg_side *side)
{
	kg_streams_shutdown(side->streams, side->worker->now_us);
}
