/* SPDX-License-Identifier: BSD-3-Clause */
/* Tells FEC what it has to know of a session's datagrams: KCP's are chains of segments, those of
 * bare channels an application's. */
#include "session/session.h"

#include "kcp/kcp_segment.h"

_Static_assert(KG_FEC_DATAGRAM_MIN_BYTES == KG_KCP_HEADER_BYTES, "a segment");

/* KCP refuses what is none, so that must not be part of a group. Less than a header may follow. */
static bool is_chain(const uint8_t *datagram, size_t len, uint32_t conv)
{
	size_t at = 0;

	while (at + KG_KCP_HEADER_BYTES <= len) {
		struct kg_kcp_segment seg;
		size_t bytes = kg_kcp_segment_decode(datagram + at, len - at, &seg);

		if (bytes == 0 || seg.conv != conv)
			return false;
		at += bytes;
	}
	return true;
}

/* All segments that are known whole, of a chain that is exact. */
static size_t usable(const uint8_t *datagram, size_t len, size_t known, uint32_t conv)
{
	size_t at = 0, good = 0;

	while (at < len) {
		struct kg_kcp_segment seg;
		size_t bytes = kg_kcp_segment_decode(datagram + at, len - at, &seg);

		if (bytes == 0 || seg.conv != conv)
			return 0;
		at += bytes;
		if (at <= known)
			good = at;
	}
	return good;
}

static bool has_payload(const uint8_t *datagram, size_t len)
{
	struct kg_kcp_segment seg;
	size_t bytes;

	while ((bytes = kg_kcp_segment_decode(datagram, len, &seg)) > 0) {
		if (seg.cmd == KG_KCP_PUSH)
			return true;
		datagram += bytes;
		len -= bytes;
	}
	return false;
}

/* One segment that tells a window (docs/fec.md §4): una is as fresh as it can be here. */
static void fill(uint8_t *datagram, const uint8_t latest[KG_FEC_DATAGRAM_MIN_BYTES])
{
	const struct kg_kcp_segment seg = {
		.conv = kg_load_le32(latest),
		.cmd = KG_KCP_WINS,
		.wnd = kg_load_le16(latest + 6),
		.una = kg_load_le32(latest + 16),
	};

	kg_kcp_segment_encode(datagram, &seg);
}

const struct kg_fec_content kg_session_fec_content = {
	.least_bytes = KG_FEC_DATAGRAM_MIN_BYTES,
	.plausible = is_chain,
	.usable = usable,
	.has_payload = has_payload,
	.fill = fill,
};

static bool is_anything(const uint8_t *datagram, size_t len, uint32_t conv)
{
	return true;
}

/* The application gets it whole, or not at all. */
static size_t whole(const uint8_t *datagram, size_t len, size_t known, uint32_t conv)
{
	return known >= len ? len : 0;
}

const struct kg_fec_content kg_session_bare_fec_content = {
	.nameless = true,
	.once = true,
	.plausible = is_anything,
	.usable = whole,
};
