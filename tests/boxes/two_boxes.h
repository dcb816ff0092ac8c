/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two boxes in one process, client and server: the box's own stages over full frames, without a
 * NIC, Linux or a payload thread. Their ports are rings in memory, which are joined or have their
 * ends in the caller's hands.
 */
#pragma once

#include "box.h"
#include "worker.h"

enum {
	CLIENT,
	SERVER,
	SIDES
};

struct two_boxes_params {
	const char *algorithm; /* configuration name */
	const char *preset;    /* of KCP */
	const char *fec;       /* likewise; NULL: off */
	unsigned int window;   /* segments, both directions; 0: the preset's */
	unsigned int mux;      /* mux_tunnels */
	unsigned int keep_alive_s;
	unsigned int workers;   /* per box */
	unsigned int memory_mb; /* per box */
	/* Further members of the tunnel's object, each with a comma in front; NULL: none. */
	const char *settings[SIDES];
	bool udphop;    /* the wire, in place of KCPTube's: preset, window and mux say nothing */
	bool ipv6;      /* between the boxes, in place of IPv4 */
	bool neighbour; /* the client has a second tunnel, 1, to the same server */
	bool relay;     /* the server is a relay, and the tunnel's server the client's box, too */
	bool apart;     /* what a port sends stays in `sent`, what lies in `arriving` it receives */
};

struct two_boxes {
	struct kg_config configs[SIDES];
	struct kg_box boxes[SIDES];
	char names[SIDES][16];
	/* By queue. Joined: what one side sends arrives at the other. */
	struct rte_ring *sent[SIDES][KG_CONFIG_WORKERS_MAX];
	struct rte_ring *arriving[SIDES][KG_CONFIG_WORKERS_MAX];
	unsigned int queues;
	bool apart;
};

/* EAL is up. The wire is ready, but a server takes handshakes only after kg_box_await_stamps. False
 * with a text in `error`; call two_boxes_fini in any case. */
bool two_boxes_init(struct two_boxes *two, const struct two_boxes_params *params, char *error,
		    size_t error_bytes);
/* A worker's side of the tunnel that they begin with. */
static inline struct kg_side *two_boxes_side(const struct kg_worker *w)
{
	return kg_worker_side(w, 0);
}
/* Leaves nothing: others may be built after it. */
void two_boxes_fini(struct two_boxes *two);
