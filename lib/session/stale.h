/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Datagrams of applications that are too old to be sent (udp_deadline). Called on the session's
 * thread; nothing fails.
 */
#pragma once

#include "base/until.h"
#include "session/internal.h"

/* It is a datagram. */
bool kg_stale_may_be(const struct kg_buf *message);
/* Until when a message that comes now is of use; KG_NEVER_US: always. */
static inline uint64_t kg_stale_until_us(const struct kg_session *s, const struct kg_buf *message,
					 uint64_t now_us)
{
	uint64_t deadline_us = kg_until_end_us(now_us, s->config.udp_deadline_ms);
	bool has_one = KG_UNLIKELY(deadline_us != KG_NEVER_US) && kg_stale_may_be(message);

	return has_one ? deadline_us : KG_NEVER_US;
}
/* In front of it goes what takes its place. */
void kg_stale_put_blank(struct kg_buf *message);
/* As kg_framing_output, without what is too old. */
uint16_t kg_stale_output(struct kg_line *line, uint64_t now_us, uint8_t *body);
/* The host is to be told that there is room where something too old was. */
static inline bool kg_stale_is_untold(const struct kg_channel *ch)
{
	return KG_UNLIKELY(ch->line.session->config.udp_deadline_ms != 0) &&
	       kg_kcp_has_dropped(ch->line.kcp);
}
/* Tells it. */
void kg_stale_tell(struct kg_channel *ch);
