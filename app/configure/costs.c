/* SPDX-License-Identifier: BSD-3-Clause */
/* Says what a tunnel costs, for the page to find words for it. */
#include "costs.h"

#include "config/load.h"
#include "fec/shard.h"
#include "wire/profile.h"
#include "wire/udphop.h"

#define SOME_PACKET_BYTES 1000 /* no limit but its own length holds for it */

/* Of the body. With FEC the longest datagram of KCP's is one of parity; without KCP it is a shard.
 */
static int header_bytes(const struct kg_wire_end *wire)
{
	if (!wire->profile->bare)
		return KG_KCP_HEADER_BYTES;
	return KG_UDPHOP_HEADER_BYTES -
	       (wire->fec.parity > 0 ? KG_FEC_PARITY_HEADER_BYTES - KG_FEC_HEADER_BYTES : 0);
}

/* Of a packet, what is no payload of applications. */
static int overhead_bytes(const struct kg_config *config, const struct kg_tunnel_config *t)
{
	return SOME_PACKET_BYTES - kg_tunnel_kcp_mtu(config, t, SOME_PACKET_BYTES) +
	       header_bytes(&t->wire);
}

/* What fits is cut where KCP is not. */
static int packet_bytes(const struct kg_config *config, const struct kg_tunnel_config *t)
{
	int around = SOME_PACKET_BYTES - kg_tunnel_kcp_mtu(config, t, SOME_PACKET_BYTES);

	return t->wire.profile->bare ? t->wire.mtu : t->wire.kcp.mtu + around;
}

/* Where channels may be: -1 is not known, 0 somebody else's choice. */
static int places(const struct kg_wire_end *wire)
{
	unsigned int ports = 0;

	for (unsigned int i = 0; i < wire->peer_port_count; i++)
		ports += wire->peer_ports[i].last - wire->peer_ports[i].first + 1u;
	if (wire->role == KG_ROLE_CLIENT && wire->peer_record != NULL)
		return -1;
	return wire->role == KG_ROLE_CLIENT ? (int)(ports * wire->peer_count) : 0;
}

static json_t *cost_of(const struct kg_config *config, const struct kg_tunnel_config *t)
{
	const struct kg_wire_end *wire = &t->wire;
	bool bare = wire->profile->bare;
	int send = bare ? 0 : wire->kcp.snd_wnd, receive = bare ? 0 : wire->kcp.rcv_wnd;

	return json_pack("{s:s,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:b}", "name", t->name,
			 "overhead_bytes", overhead_bytes(config, t), "packet_bytes",
			 packet_bytes(config, t), "fec_data", wire->fec.data, "fec_parity",
			 wire->fec.parity, "hop_first_s", wire->dport_refresh.first_s, "hop_last_s",
			 wire->dport_refresh.last_s, "hop_places", places(wire), "send_segments",
			 send, "receive_segments", receive, "window_bytes",
			 (send + receive) * KG_DATAGRAM_MAX_BYTES, "grows", wire->kcp.rcv_grows);
}

json_t *kg_costs(const struct kg_config *config)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < config->tunnel_count; i++)
		json_array_append_new(list, cost_of(config, &config->tunnels[i]));
	return list;
}
