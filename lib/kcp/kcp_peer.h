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

/* Each segment says something of these; true when it was news, so that the datagram is no replay.
 */

static inline bool kg_kcp_peer_on_window(struct kg_kcp_peer *peer, uint32_t una, uint16_t wnd)
{
	int32_t newer = (int32_t)(una - peer->una);
	int32_t further = (int32_t)(una + wnd - peer->edge);

	if (newer < 0 || (peer->heard && newer == 0 && further <= 0))
		return false;
	peer->una = una;
	peer->edge = una + wnd;
	peer->wnd = wnd;
	peer->heard = true;
	return true;
}

static inline bool kg_kcp_peer_is_news(bool heard, uint32_t known, uint32_t ts)
{
	return !heard || (int32_t)(ts - known) > 0;
}

static inline bool kg_kcp_peer_on_push_ts(struct kg_kcp_peer *peer, uint32_t ts)
{
	if (!kg_kcp_peer_is_news(peer->heard_push, peer->push_ts, ts))
		return false;
	peer->push_ts = ts;
	peer->heard_push = true;
	return true;
}

static inline bool kg_kcp_peer_on_ack_ts(struct kg_kcp_peer *peer, uint32_t ts, uint32_t now_ts)
{
	if ((int32_t)(now_ts - ts) < 0)
		return false;
	if (!kg_kcp_peer_is_news(peer->heard_ack, peer->ack_ts, ts))
		return false;
	peer->ack_ts = ts;
	peer->heard_ack = true;
	return true;
}

/* The window holds data back and nothing in flight would make the peer talk: probe, or stop. */
void kg_kcp_peer_set_blocked(struct kg_kcp_peer *peer, bool blocked, uint32_t rto_us,
			     uint64_t now_us);
void kg_kcp_peer_on_probe_sent(struct kg_kcp_peer *peer, uint64_t now_us);
