/* SPDX-License-Identifier: BSD-3-Clause */
/* Keeps what the peer last said of its window, and when to ask for it. */
#include "kcp/kcp_peer.h"

#define WND_FIRST         128u /* before the peer has told (docs/kcp.md §8.2) */
#define PROBE_WAIT_MAX_US 10000000u

void kg_kcp_peer_init(struct kg_kcp_peer *peer, uint32_t first_sn)
{
	*peer = (struct kg_kcp_peer){
		.una = first_sn,
		.edge = first_sn + WND_FIRST,
		.wnd = WND_FIRST,
		.probe_us = KG_NEVER_US,
	};
}

bool kg_kcp_peer_on_window(struct kg_kcp_peer *peer, uint32_t una, uint16_t wnd)
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

static bool is_news(bool heard, uint32_t known, uint32_t ts)
{
	return !heard || (int32_t)(ts - known) > 0;
}

bool kg_kcp_peer_on_push_ts(struct kg_kcp_peer *peer, uint32_t ts)
{
	if (!is_news(peer->heard_push, peer->push_ts, ts))
		return false;
	peer->push_ts = ts;
	peer->heard_push = true;
	return true;
}

bool kg_kcp_peer_on_ack_ts(struct kg_kcp_peer *peer, uint32_t ts, uint32_t now_ts)
{
	if ((int32_t)(now_ts - ts) < 0)
		return false;
	if (!is_news(peer->heard_ack, peer->ack_ts, ts))
		return false;
	peer->ack_ts = ts;
	peer->heard_ack = true;
	return true;
}

void kg_kcp_peer_set_blocked(struct kg_kcp_peer *peer, bool blocked, uint32_t rto_us,
			     uint64_t now_us)
{
	if (!blocked) {
		peer->probe_us = KG_NEVER_US;
	} else if (peer->probe_us == KG_NEVER_US) {
		peer->probe_wait_us = rto_us;
		peer->probe_us = now_us + rto_us;
	}
}

void kg_kcp_peer_on_probe_sent(struct kg_kcp_peer *peer, uint64_t now_us)
{
	uint32_t wait_us = KG_MIN(peer->probe_wait_us, PROBE_WAIT_MAX_US);

	peer->probe_wait_us = KG_MIN(wait_us + wait_us / 2, PROBE_WAIT_MAX_US);
	peer->probe_us = now_us + peer->probe_wait_us;
}
