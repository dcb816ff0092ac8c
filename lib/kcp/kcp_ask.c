/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether the peer knows a conversation (docs/wire.md §4.8). The question is a WASK, which any
 * engine that knows it answers with its window. A mark in its sn, which no engine reads, says that
 * a box which does not know it may deny it: with the same segment, as WINS.
 */
#include "kcp/internal.h"
#include "kcp/kcp_segment.h"

#define MARK 0x4b47616bu /* "KGak"; a stock engine has the sn of some ACK there */

static bool is_marked(const uint8_t *data, size_t len, enum kg_kcp_cmd cmd,
		      struct kg_kcp_segment *seg)
{
	return len == KG_KCP_HEADER_BYTES && kg_kcp_segment_decode(data, len, seg) == len &&
	       seg->cmd == cmd && seg->sn == MARK;
}

uint16_t kg_kcp_ask(struct kg_kcp *kcp, uint32_t ts, uint8_t *out)
{
	const struct kg_kcp_segment seg = {
		.conv = kcp->params.conv,
		.cmd = KG_KCP_WASK,
		.wnd = kg_kcp_advertise(kcp),
		.ts = ts,
		.sn = MARK,
		.una = kcp->recv.nxt,
	};

	kg_kcp_segment_encode(out, &seg);
	return KG_KCP_HEADER_BYTES;
}

bool kg_kcp_is_asked(const uint8_t *data, size_t len, uint32_t *ts)
{
	struct kg_kcp_segment seg;

	if (!is_marked(data, len, KG_KCP_WASK, &seg))
		return false;
	*ts = seg.ts;
	return true;
}

uint16_t kg_kcp_deny(uint32_t conv, uint32_t ts, uint8_t *out)
{
	const struct kg_kcp_segment seg = {
		.conv = conv,
		.cmd = KG_KCP_WINS,
		.ts = ts,
		.sn = MARK,
	};

	kg_kcp_segment_encode(out, &seg);
	return KG_KCP_HEADER_BYTES;
}

bool kg_kcp_is_denied(const uint8_t *data, size_t len, uint32_t ts)
{
	struct kg_kcp_segment seg;

	return is_marked(data, len, KG_KCP_WINS, &seg) && seg.ts == ts;
}
