/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client and a server, and a wire between them in virtual time, as far as it is the same for
 * streams (mux_pair.h) and for sessions (session_pair.h): addresses, settings, what arrives, time.
 */
#pragma once

#include "base/hash.h"
#include "session/session.h"

#define SEC(n)   ((uint64_t)(n)*KG_US_PER_S)
#define PAIR_MTU 1200

/* By role. */
static const struct kg_ip pair_addresses[] = {
	[KG_ROLE_CLIENT] = { 4, { 198, 18, 0, 1 } },
	[KG_ROLE_SERVER] = { 4, { 198, 18, 0, 2 } },
};
static const struct kg_port_range pair_ports = { 3000, 3000 };

static inline struct kg_session_config pair_config(enum kg_role role, uint32_t channels_max)
{
	return (struct kg_session_config){
		.role = role,
		.kcp = { .mtu = PAIR_MTU,
			 .snd_wnd = 256,
			 .rcv_wnd = 256,
			 .nodelay = 1,
			 .interval_ms = 1,
			 .resend = 2,
			 .nc = true,
			 .blast = true },
		.udp_timeout_s = 180,
		.workers = 1,
		.channels_max = channels_max,
		.destinations = &pair_addresses[KG_ROLE_SERVER],
		.destination_count = 1,
		.destination_ports = &pair_ports,
		.destination_port_count = 1,
	};
}

/* What leaves one end as the other hears it. */
static inline struct kg_datagram pair_arrival(const struct kg_datagram *out,
					      const struct kg_ip *sender)
{
	return (struct kg_datagram){
		.local = out->remote,
		.remote = { *sender, out->local.port },
		.data = out->data,
		.len = out->len,
		.mtu = out->mtu,
		.digest = kg_hash64(out->data, out->len, 0),
	};
}

/* Time passes until either end's wheel has something, `end_us` at the latest. */
static inline void pair_pass(uint64_t *now_us, uint64_t end_us, struct kg_twheel *client,
			     struct kg_twheel *server)
{
	uint64_t next_us = KG_MIN(kg_twheel_next_us(client), kg_twheel_next_us(server));

	*now_us = KG_MIN(end_us, KG_MAX(next_us, *now_us + 1));
	kg_twheel_advance(client, *now_us);
	kg_twheel_advance(server, *now_us);
}
