/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a peer says that keeps to nothing, as the input wants it: messages and segments whose form
 * is right and whose numbers are near those that count, so that they get past the checks.
 */
#pragma once

#include "host.h"
#include "kcp/internal.h"
#include "kcp/kcp_segment.h"
#include "session/internal.h"

#define PEER_BYTES_MAX 600 /* of a message; of a datagram's segments about three times that */

struct peer {
	struct host *host;
	bool client; /* we are, to whom it speaks */
	struct kg_fec *fec;
	uint32_t group, uid; /* the latest it has used */
};

static inline struct kg_initialise peer_any_initialise(struct peer *peer, uint32_t more)
{
	bool used = peer->client && (more & 0x80) != 0;

	return (struct kg_initialise){
		.uid = used           ? more % 4
		       : peer->client ? ++peer->uid
				      : 0,
		.port_start = (uint16_t)(2990 + more % 16),
		.port_end = (uint16_t)(2995 + more % 32),
		.outbound_Bps = (uint64_t)more << more % 64,
		.inbound_Bps = (uint64_t)more << more % 48,
		.custom_port = (uint16_t)(more % 8),
		.capabilities = more % 8,
	};
}

/* A message, most often one that has a meaning; its length. */
static inline size_t peer_put_message(struct peer *peer, uint8_t *out, bool handshake)
{
	uint32_t kind = fuzz_take(&peer->host->in, 1), more = fuzz_take(&peer->host->in, 1);
	uint8_t text[256];
	struct kg_message message = {
		.feature = kind % 12,
		.protocol = kind >> 4 & 3,
		.connection_id = more == 0xff ? UINT32_MAX : more % 5,
		.port = (uint16_t)(more % 4),
		.credit_bytes = more << more % 32,
		.data = text,
	};

	message.len = fuzz_take_bytes(&peer->host->in, text, fuzz_take(&peer->host->in, 1));
	if (kind >= 0xf0) {
		memcpy(out, text, message.len);
		return message.len;
	}
	if (handshake && (kind & 8))
		message.feature = KG_FEATURE_INITIALISE;
	if (message.feature == KG_FEATURE_INITIALISE) {
		message.initialise = peer_any_initialise(peer, more);
		message.initialise.custom_address = text;
		message.initialise.custom_address_len = message.len;
	}
	return kg_message_encode(out, PEER_BYTES_MAX, &message);
}

static inline size_t peer_put_fec_header(struct peer *peer, uint8_t *out, uint32_t group,
					 uint8_t sub)
{
	if (peer->fec == NULL)
		return 0;
	kg_fec_header_encode(out, group, sub);
	return KG_FEC_HEADER_BYTES;
}

/* ts, sn and una as the engine waits for them, or near that. */
static inline struct kg_kcp_segment peer_near_segment(struct peer *peer,
						      const struct kg_channel *ch, uint32_t how)
{
	const struct kg_kcp *kcp = ch->line.kcp;
	uint32_t flying = kcp->flight.nxt - kcp->flight.una;
	struct kg_kcp_segment seg = {
		.conv = ch->conv,
		.cmd = how < 0xc0 ? KG_KCP_PUSH : (uint8_t)(KG_KCP_PUSH + how % 4),
		.wnd = (uint16_t)(how & 1 ? 128 : how << 8 | how),
		.ts = kg_kcp_ts(kcp, peer->host->now_us) - (how & 2 ? 0 : how * 777),
		.sn = kcp->recv.nxt + (how & 4 ? how >> 3 & 3 : 0),
		.una = kcp->flight.una + (how & 8 ? KG_MIN(flying, how & 7) : 0),
	};

	if (seg.cmd == KG_KCP_ACK)
		seg.sn = kcp->flight.una + (how >> 2 & 3);
	else if (how == 0xbf)
		seg.sn = fuzz_take(&peer->host->in, 4);
	else if (how == 0xbe)
		seg.una = fuzz_take(&peer->host->in, 4);
	return seg;
}

static inline size_t peer_put_segments(struct peer *peer, const struct kg_channel *ch, uint8_t *out,
				       uint32_t n)
{
	size_t len = 0;

	for (; n > 0 && len < 2 * PEER_BYTES_MAX; n--) {
		uint32_t how = fuzz_take(&peer->host->in, 1);
		struct kg_kcp_segment seg = peer_near_segment(peer, ch, how);

		if (seg.cmd == KG_KCP_PUSH) {
			seg.frg = (how & 0x30) == 0x30 ? how & 3 : 0;
			seg.len = (uint32_t)peer_put_message(peer, out + len + KG_KCP_HEADER_BYTES,
							     false);
		}
		kg_kcp_segment_encode(out + len, &seg);
		len += KG_KCP_HEADER_BYTES + seg.len;
	}
	return len;
}

static inline size_t peer_put_parity(struct peer *peer, const struct kg_channel *ch, uint8_t *out)
{
	kg_store_be32(out, ch->conv);
	return sizeof(uint32_t) +
	       fuzz_take_bytes(&peer->host->in, out + sizeof(uint32_t),
			       KG_KCP_HEADER_BYTES + 2 + fuzz_take(&peer->host->in, 1));
}
