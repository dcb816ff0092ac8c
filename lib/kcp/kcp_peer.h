/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What we know of the peer: its receive window and how recent its words are.
 *
 * A window counts from the una beside it. Datagrams overtake each other, so a window is taken only
 * with a newer una, or with the same una when it reaches further: peers do not take back what
 * they offered unless their una moves.
 *
 * A closed window is probed with WASK, first after one rto, then half as long again each time, up
 * to 10 s (stock: 7 s first, 120 s at last).
 */
#pragma once

#include "base/base.h"

struct kg_kcp_peer {
	uint32_t una;     /* newest una heard */
	uint32_t edge;    /* first sn the peer does not take yet */
	uint32_t push_ts; /* newest time stamp of the peer's clock */
	uint32_t ack_ts;  /* newest time stamp of ours that came back */
	uint32_t probe_wait_us;
	uint16_t wnd;   /* as advertised with una */
	bool heard : 1; /* una, edge and wnd are the peer's, not assumed */
	bool heard_push : 1, heard_ack : 1;
	uint64_t probe_us; /* when to ask for the window; KG_NEVER_US: not needed */
};

void kg_kcp_peer_init(struct kg_kcp_peer *peer, uint32_t first_sn);

/* Each returns true when it was news, so that the datagram is no replay. */
bool kg_kcp_peer_on_window(struct kg_kcp_peer *peer, uint32_t una, uint16_t wnd);
bool kg_kcp_peer_on_push_ts(struct kg_kcp_peer *peer, uint32_t ts);
bool kg_kcp_peer_on_ack_ts(struct kg_kcp_peer *peer, uint32_t ts, uint32_t now_ts);

/* The window holds data back and nothing in flight would make the peer talk: probe, or stop. */
void kg_kcp_peer_set_blocked(struct kg_kcp_peer *peer, bool blocked, uint32_t rto_us,
			     uint64_t now_us);
void kg_kcp_peer_on_probe_sent(struct kg_kcp_peer *peer, uint64_t now_us);
