/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a segment that is to be sent has in its buffer's mark: how many of its message follow, and,
 * if it is the first of one that is of use for a time only, until when (base/until.h).
 *
 *   until 24 bits │ whether there is one, 1 bit │ frg 7 bits
 */
#pragma once

#include "base/buf.h"
#include "base/until.h"

#define KG_KCP_MARK_FRG_MASK  0x7fu
#define KG_KCP_MARK_HAS_UNTIL 0x80u
#define KG_KCP_MARK_FRG_BITS  8

/* Of the first of a message; KG_NEVER_US: always of use. */
static inline uint32_t kg_kcp_mark_until(uint64_t until_us)
{
	if (until_us == KG_NEVER_US)
		return 0;
	return kg_until(until_us) << KG_KCP_MARK_FRG_BITS | KG_KCP_MARK_HAS_UNTIL;
}

static inline uint8_t kg_kcp_mark_frg(const struct kg_buf *buf)
{
	return buf->mark & KG_KCP_MARK_FRG_MASK;
}

/* It begins a message that was of use until then, or before. */
static inline bool kg_kcp_mark_is_stale(const struct kg_buf *buf, uint64_t now_us)
{
	return (buf->mark & KG_KCP_MARK_HAS_UNTIL) != 0 &&
	       kg_until_past_ms(buf->mark >> KG_KCP_MARK_FRG_BITS, now_us) >= 0;
}
