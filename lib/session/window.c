/* SPDX-License-Identifier: BSD-3-Clause */
/* Computes windows from bandwidths (docs/wire.md §4.4). */
#include "session/internal.h"

#define WINDOW_MIN 32

/* The smaller of those that are set; 0 when none is. */
static uint64_t least_set(uint64_t a, uint64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

static uint32_t srtt_ms(const struct kg_kcp *kcp)
{
	return (kg_kcp_rtt_us(kcp) + KG_US_PER_MS - 1) / KG_US_PER_MS;
}

/* What is under way during a round trip, and a fifth more. */
static uint16_t window(uint64_t rate_Bps, uint16_t mtu, uint64_t rtt_ms)
{
	uint64_t pkts_per_s = rate_Bps / mtu;
	uint64_t pkts;

	/* Any such rate fills the largest window in a millisecond. */
	if (pkts_per_s > 1000ull * KG_KCP_WINDOW_MAX)
		return KG_KCP_WINDOW_MAX;
	pkts = pkts_per_s * rtt_ms / 1000 * 6 / 5;
	return (uint16_t)KG_MIN(KG_MAX(pkts, (uint64_t)WINDOW_MIN), (uint64_t)KG_KCP_WINDOW_MAX);
}

void kg_channel_fit_windows(struct kg_channel *ch, const struct kg_handshake *hs)
{
	const struct kg_session_config *config = &ch->line.session->config;
	uint64_t out_Bps = least_set(config->outbound_Bps, hs->peer_inbound_Bps);
	uint64_t in_Bps = least_set(config->inbound_Bps, hs->peer_outbound_Bps);
	uint64_t rtt_ms = least_set(srtt_ms(hs->line.kcp), srtt_ms(ch->line.kcp));
	uint16_t snd_wnd = 0, rcv_wnd = 0;

	if (rtt_ms == 0 || (out_Bps == 0 && in_Bps == 0))
		return;
	if (out_Bps != 0)
		snd_wnd = ch->snd_wnd = window(out_Bps, config->kcp.mtu, rtt_ms);
	if (in_Bps != 0)
		rcv_wnd = window(in_Bps, config->kcp.mtu, rtt_ms);
	kg_kcp_set_windows(ch->line.kcp, snd_wnd, rcv_wnd);
}
