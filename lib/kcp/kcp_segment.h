/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One KCP segment on the wire (docs/kcp.md §2.1): 24 bytes of little-endian header, then the
 * payload.
 *
 *   conv:4  cmd:1 frg:1  wnd:2  ts:4  sn:4  una:4  len:4  payload:len
 */
#pragma once

#include "base/bytes.h"
#include "kcp/kcp.h"

/* Beside frg, in a datagram's first segment: another one follows at once (docs/kcp.md §5). */
#define KG_KCP_MORE 0x80u
/* The same bit, in any segment of a conversation of datagrams: it is not its message's first
 * (docs/wire.md §2.1). */
#define KG_KCP_TAIL 0x80u

struct kg_kcp_segment {
	uint32_t conv;
	uint8_t cmd;
	uint8_t frg;  /* PUSH: fragments of the message still to come */
	bool tail;    /* KG_KCP_TAIL */
	uint16_t wnd; /* segments the emitter can take from una on */
	uint32_t ts;  /* PUSH: emitter's clock in ms; ACK: copied from the PUSH */
	uint32_t sn;
	uint32_t una; /* the emitter holds everything below */
	uint32_t len;
	const uint8_t *payload;
};

/* Writes the header; the caller puts `len` payload bytes behind it. */
static inline void kg_kcp_segment_encode(uint8_t *out, const struct kg_kcp_segment *seg)
{
	kg_store_le32(out, seg->conv);
	out[4] = seg->cmd;
	out[5] = seg->tail ? seg->frg | KG_KCP_TAIL : seg->frg;
	kg_store_le16(out + 6, seg->wnd);
	kg_store_le32(out + 8, seg->ts);
	kg_store_le32(out + 12, seg->sn);
	kg_store_le32(out + 16, seg->una);
	kg_store_le32(out + 20, seg->len);
}

/*
 * Reads the segment at the start of `data`. Returns the bytes it takes, 0 when there is no valid
 * one. A message has KG_KCP_FRAGMENTS_MAX fragments at most, so a larger count-down is invalid too.
 */
static inline size_t kg_kcp_segment_decode(const uint8_t *data, size_t len,
					   struct kg_kcp_segment *seg)
{
	if (len < KG_KCP_HEADER_BYTES)
		return 0;
	seg->conv = kg_load_le32(data);
	seg->cmd = data[4];
	seg->frg = data[5] & (KG_KCP_TAIL - 1);
	seg->tail = (data[5] & KG_KCP_TAIL) != 0;
	seg->wnd = kg_load_le16(data + 6);
	seg->ts = kg_load_le32(data + 8);
	seg->sn = kg_load_le32(data + 12);
	seg->una = kg_load_le32(data + 16);
	seg->len = kg_load_le32(data + 20);
	seg->payload = data + KG_KCP_HEADER_BYTES;
	if (seg->len > len - KG_KCP_HEADER_BYTES || seg->len > UINT16_MAX)
		return 0;
	if (seg->cmd < KG_KCP_PUSH || seg->cmd > KG_KCP_WINS)
		return 0;
	if (seg->cmd == KG_KCP_PUSH && seg->frg >= KG_KCP_FRAGMENTS_MAX)
		return 0;
	return KG_KCP_HEADER_BYTES + seg->len;
}
