/* SPDX-License-Identifier: BSD-3-Clause */
/* The settings of both ends of a tunnel, and its wires, as bits of a fuzz target's input say. */
#pragma once

#include "session/session.h"
#include "sim/link.h"

#define TUNNEL_MTU        700
#define TUNNEL_CHANNELS   16
#define TUNNEL_SEAL_BYTES 6

enum {
	RELAYED = 1,
	WITH_FEC = 2,
	WITH_MUX = 4,
	EXTENDED = 8,
	BARE = 16,
	AUTO = 32,
	SIZED = 64,
	ARRIVAL = 128,
};

struct tunnel_bits {
	uint32_t settings, kcp, wires;
};

static inline struct kg_kcp_params tunnel_kcp(const struct tunnel_bits *tunnel)
{
	bool automatic = tunnel->settings & AUTO;
	uint32_t bits = tunnel->kcp;

	return (struct kg_kcp_params){
		.mtu = TUNNEL_MTU,
		.snd_wnd = bits & 128 ? 8 : 512,
		.rcv_wnd = bits & 128 ? 32 : 512,
		.nodelay = (uint8_t)(bits % 3),
		.interval_ms = bits & 64 ? 10 : 1,
		.resend = (uint8_t)(bits >> 2 & 3),
		.nc = bits & 16,
		.blast = !(bits & 64),
		.pace = bits & 32,
		.rcv_grows = automatic,
		.snd_spread = automatic,
		.rate_auto = automatic && (bits & 32),
		.rate_kind = bits & 3,
		.rate_told = (uint16_t)bits,
	};
}

static inline struct kg_sim_link_params tunnel_link(uint32_t bits)
{
	struct kg_sim_link_params params = {
		.delay_us = (bits & 63) * KG_US_PER_MS,
		.jitter_us = bits & 64 ? 5000 : 0,
		.in_order = bits & 128,
		.loss = (uint16_t)((bits >> 8 & 15) * 1000),
		.duplicate = bits & 1u << 12 ? 3000 : 0,
		.corrupt = bits & 1u << 13 ? 1000 : 0,
		.queue_us = 50000,
		.overhead_bytes = 42,
	};

	if (bits & 1u << 14)
		params.rate_Bps = 100000u << (bits >> 16 & 3);
	if (bits & 1u << 15)
		params.police =
			(struct kg_sim_police_params){ .rate_Bps = 50000, .burst_bytes = 20000 };
	if (bits & 1u << 18)
		params.codel = (struct kg_sim_codel){ .target_us = 5000, .interval_us = 100000 };
	if (bits & 1u << 19)
		params.burst = 500, params.burst_us = 100000;
	if (bits & 1u << 20)
		params.gilbert.to_bad = 600, params.gilbert.to_good = 6000,
		params.gilbert.loss = 40000;
	if (bits & 1u << 21)
		params.step_every_us = 500000, params.step_us = 20000, params.gather_us = 3000;
	if (bits & 1u << 22)
		params.flowlet_us = 5000, params.detour_us = 20000;
	return params;
}

static inline struct kg_session_config tunnel_config(const struct tunnel_bits *tunnel,
						     enum kg_role role, struct kg_fec *fec)
{
	static const struct kg_ip addresses[] = { { 4, { 198, 18, 0, 2 } },
						  { 4, { 198, 18, 0, 3 } } };
	static const struct kg_port_range ports = { 3000, 3010 };
	struct kg_session_config config = {
		.role = role,
		.bare = tunnel->settings & BARE,
		.kcp = tunnel_kcp(tunnel),
		.fec = fec,
		.udp_timeout_s = 60,
		.udp_arrival = tunnel->settings & ARRIVAL,
		.keep_alive_s = tunnel->kcp & 1u << 8 ? 5 : 0,
		.workers = 1,
		.channels_max = TUNNEL_CHANNELS,
		.doubted_max = TUNNEL_CHANNELS / 2,
		.answer_wait_s = 5,
		.destinations = addresses,
		.destination_count = tunnel->kcp & 1u << 9 ? 2 : 1,
		.destination_ports = &ports,
		.destination_port_count = 1,
		.announce_first = 3000,
		.announce_last = 3010,
		.seal_bytes = TUNNEL_SEAL_BYTES,
		.path_mtu_max = tunnel->settings & SIZED ? 1500 : 0,
		.hop_min_s = tunnel->kcp & 1u << 10 ? 2 : 0,
		.hop_max_s = tunnel->kcp & 1u << 10 ? 4 : 0,
		.outbound_Bps = tunnel->kcp & 1u << 11 ? 300000 : 0,
		.inbound_Bps = tunnel->kcp & 1u << 11 ? 300000 : 0,
	};

	if (tunnel->settings & EXTENDED)
		config.capabilities = KG_CAPABILITY_HALF_CLOSE | KG_CAPABILITY_RIGHT_PARITY |
				      KG_CAPABILITY_MUX | KG_CAPABILITY_MUX_RETURN |
				      KG_CAPABILITY_ROWS | KG_CAPABILITY_TAILS;
	return config;
}
