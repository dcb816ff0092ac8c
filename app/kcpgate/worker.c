/* SPDX-License-Identifier: BSD-3-Clause */
/* Creates a worker with what it owns, and serves its sessions. */
#include "worker.h"

#include "box.h"
#include "clock.h"
#include "fec/rs_isal.h"
#include "shortcut.h"

#include <rte_malloc.h>
#include <stdio.h>

#define ANSWER_WAIT_S 10            /* for what an original's side still says after our end */
#define STOP_GRACE_US (500 * 1000u) /* for peers to acknowledge our goodbye */

/* What a channel at rest takes of the arena, tables and handshakes of others included. A quarter is
 * left for the rings of those that are at work. */
#define CHANNEL_BYTES 1152

void kg_worker_begin_stop(struct kg_worker *w)
{
	w->stopping = true;
	w->stop_deadline_us = w->now_us + STOP_GRACE_US;
	for (uint16_t t = 0; t < w->box->tunnel_count; t++)
		kg_streams_shutdown(w->sides[t].streams, w->now_us);
}

bool kg_worker_post(struct kg_worker_link *link, const struct kg_msg *msg)
{
	if (rte_ring_sp_enqueue_bulk_elem(link->rings->to_payload, msg, sizeof(*msg), 1, NULL) == 0)
		return false;
	link->posted = true;
	return true;
}

void kg_worker_report(struct kg_worker *w, struct kg_report *report)
{
	if (rte_ring_sp_enqueue_elem(w->reports, report, sizeof(*report)) == 0)
		kg_waker_wake(&w->box->control_waker);
}

/* ---- life ---- */

/*
 * Channels that have not proved themselves have a quarter of the limit (session/proof.c), and never
 * more than a part of what all tunnels and workers together have of the table of sources, and of
 * sockets.
 */
static uint32_t doubted_max(const struct kg_box *box, enum kg_role role, uint32_t channels)
{
	unsigned int sessions = box->worker_count * box->tunnel_count;
	unsigned int all =
		role == KG_ROLE_CLIENT ? KG_PAYLOAD_SOURCES_MAX / 2 : kg_payload_sockets_max() / 4;

	return KG_MAX(KG_MIN(channels / 4, all / sessions), 1u);
}

static struct kg_session_config session_config(const struct kg_worker *w, uint16_t tunnel,
					       uint32_t channels)
{
	const struct kg_tunnel_config *t = w->box->tunnels[tunnel].config;
	struct kg_port_range announced = kg_box_announced_ports(w->box, tunnel, w->index);

	return (struct kg_session_config){
		.role = t->role,
		.kcp = t->kcp,
		.fec = w->sides[tunnel].fec,
		.outbound_Bps = t->outbound_Bps,
		.inbound_Bps = t->inbound_Bps,
		.udp_timeout_s = t->udp_timeout_s,
		.keep_alive_s = t->keep_alive_s,
		.worker = (uint16_t)w->index,
		.workers = (uint16_t)w->box->worker_count,
		.channels_max = channels,
		.udp_max = channels - channels / 4,
		.doubted_max = doubted_max(w->box, t->role, channels),
		.capabilities =
			KG_CAPABILITY_HALF_CLOSE | KG_CAPABILITY_RIGHT_PARITY | KG_CAPABILITY_MUX,
		.answer_wait_s = ANSWER_WAIT_S,
		.destinations = t->destinations,
		.destination_count = (uint16_t)t->destination_count,
		.destination_ports = t->destination_ports,
		.destination_port_count = (uint16_t)t->destination_port_count,
		.announce_first = announced.first,
		.announce_last = announced.last,
		.custom_targets = t->custom_destination,
	};
}

/* The tunnel's, shared out: each worker has one at least. */
static uint32_t mux_channels(const struct kg_worker *w, const struct kg_tunnel_config *config)
{
	uint32_t all = config->mux_tunnels, workers = w->box->worker_count;

	return all == 0 ? 0 : KG_MAX(all / workers + (w->index < all % workers), 1u);
}

static bool create_side(struct kg_worker *w, uint16_t index, uint32_t channels)
{
	struct kg_box_tunnel *tunnel = &w->box->tunnels[index];
	const struct kg_fec_config *fec = &tunnel->config->fec;
	struct kg_side *side = &w->sides[index];
	struct kg_mem *mem = kg_arena_mem(w->arena);
	struct kg_streams_config config;

	side->worker = w;
	side->tunnel = index;
	side->profile = tunnel->config->profile;
	if (!kg_profile_key_init(&side->key, side->profile, tunnel->aead, tunnel->key))
		return false;
	if (fec->parity > 0) {
		side->fec = kg_fec_create(fec->data, fec->parity, &kg_rs_isal, mem);
		if (side->fec == NULL)
			return false;
	}
	config.session = session_config(w, index, channels);
	config.mux_channels = mux_channels(w, tunnel->config);
	side->streams = kg_streams_create(&config, &kg_conn_stream_ops, side, mem,
					  kg_buf_mempool_pool(w->box->bufs), w->wheel, &w->rng,
					  tunnel->seen, w->now_us);
	if (side->streams == NULL)
		return false;
	side->session = kg_streams_session(side->streams);
	return true;
}

static bool create_parts(struct kg_worker *w, char *error, size_t error_bytes)
{
	struct kg_box *box = w->box;
	uint32_t channels = (uint32_t)(box->arena_bytes / 4 * 3 / CHANNEL_BYTES);
	char name[KG_BOX_NAME_BYTES], part[32];

	w->arena = kg_arena_create(box->arena_bytes);
	if (w->arena != NULL)
		w->wheel = kg_twheel_create(kg_arena_mem(w->arena), w->now_us);
	snprintf(part, sizeof(part), "nexthops%u", w->index);
	kg_box_name(box, name, part);
	w->nexthops = kg_nexthops_create(name);
	snprintf(part, sizeof(part), "cuts%u", w->index);
	kg_box_name(box, name, part);
	w->shortcuts = kg_shortcuts_create(name, channels);
	w->sides = rte_zmalloc("kg_sides", box->tunnel_count * sizeof(w->sides[0]), 0);
	if (w->wheel == NULL || w->nexthops == NULL || w->shortcuts == NULL || w->sides == NULL) {
		snprintf(error, error_bytes, "worker %u: out of memory (memory.mb is %u)", w->index,
			 box->config->memory_mb);
		return false;
	}
	kg_local_ports_init(&w->local_ports, box->config->local_ports, &box->udp_ports,
			    &box->linux_ports, w->index, box->worker_count, &w->rng);
	for (uint16_t t = 0; t < box->tunnel_count; t++) {
		if (!create_side(w, t, channels)) {
			snprintf(error, error_bytes, "tunnel %s: out of memory",
				 box->tunnels[t].config->name);
			return false;
		}
	}
	return true;
}

struct kg_worker *kg_worker_create(struct kg_box *box, unsigned int index, char *error,
				   size_t error_bytes)
{
	struct kg_worker *w = rte_zmalloc("kg_worker", sizeof(*w), RTE_CACHE_LINE_SIZE);

	if (w == NULL) {
		snprintf(error, error_bytes, "worker %u: out of memory", index);
		return NULL;
	}
	w->box = box;
	w->index = index;
	w->link_count = box->payload_count;
	for (unsigned int i = 0; i < w->link_count; i++)
		w->links[i].rings = &box->payloads[i].links[index];
	w->kernel = &box->pump.links[index];
	w->mail = box->mail[index];
	w->reports = box->reports[index];
	w->now_us = kg_clock_now_us();
	w->unix_s = kg_clock_unix_s();
	kg_rng_init(&w->rng, kg_clock_seed());
	STAILQ_INIT(&w->conns);
	if (kg_waker_init(&w->waker) != 0 || !create_parts(w, error, error_bytes)) {
		kg_worker_destroy(w);
		return NULL;
	}
	return w;
}

void kg_worker_destroy(struct kg_worker *w)
{
	if (w == NULL)
		return;
	rte_pktmbuf_free_bulk(w->spare, w->spare_count);
	for (uint16_t t = 0; w->sides != NULL && t < w->box->tunnel_count; t++) {
		struct kg_side *side = &w->sides[t];

		kg_streams_destroy(side->streams);
		kg_fec_destroy(side->fec);
		kg_profile_key_fini(&side->key);
	}
	if (w->wheel != NULL)
		kg_twheel_destroy(w->wheel);
	kg_waker_fini(&w->waker);
	kg_nexthops_destroy(w->nexthops);
	kg_shortcuts_destroy(w->shortcuts);
	kg_arena_destroy(w->arena);
	rte_free(w->sides);
	rte_free(w);
}
