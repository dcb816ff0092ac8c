/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What FEC has to know of the datagrams that it codes and cannot tell itself. Whoever makes them
 * hands it in. To FEC a datagram is bytes; of KCP's each begins with conv:u32le.
 */
#pragma once

#include "base/base.h"

#define KG_FEC_DATAGRAM_MIN_BYTES 24 /* docs/kcp.md §2.1: a segment without payload */

struct kg_fec_content {
	uint16_t least_bytes; /* of a datagram */
	/* Whose a shard is stands somewhere else: neither do datagrams begin with it, nor has
	 * parity it in front. To FEC it is 0. */
	bool nameless;
	/* Nobody behind the decoder knows a datagram again, or a wrong one: each comes out once,
	 * and nothing rests on padding, the peer's or ours, unless the peer is trusted. */
	bool once;
	/* Nothing that the receiver of conv's datagrams would refuse. */
	bool (*plausible)(const uint8_t *datagram, size_t len, uint32_t conv);
	/* Of a recovered one, of which the first `known` bytes are sure: how many can be used. 0:
	 * it is none of conv, or nothing of it is sure. */
	size_t (*usable)(const uint8_t *datagram, size_t len, size_t known, uint32_t conv);
	/* Its receiver waits for it: worth to be recovered soon. */
	bool (*has_payload)(const uint8_t *datagram, size_t len);
	/* Writes KG_FEC_DATAGRAM_MIN_BYTES that fill a place: they tell what the latest datagram,
	 * which began with `latest`, told. NULL: nothing can, and groups are open until they are
	 * full. */
	void (*fill)(uint8_t *datagram, const uint8_t latest[KG_FEC_DATAGRAM_MIN_BYTES]);
};
