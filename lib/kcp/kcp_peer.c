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
