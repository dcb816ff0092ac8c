/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which origins of a server hold nearly all payload buffers, where these are short. Called on the
 * session's thread; nothing fails.
 */
#pragma once

#include "session/internal.h"

void kg_crowd_init(struct kg_session *s);
void kg_crowd_fini(struct kg_session *s);
/* Before more is held: where buffers have become short a count begins, with what there is. */
void kg_crowd_begin_count(struct kg_session *s);
static inline void kg_crowd_watch(struct kg_session *s)
{
	if (KG_UNLIKELY(kg_buf_fair_share(s->pool) <= KG_BUF_FLOOR) &&
	    s->config.role == KG_ROLE_SERVER && !s->counts)
		kg_crowd_begin_count(s);
}

/* What a channel with a KCP holds before something happens to it, and that it has happened. Where
 * nothing is counted both do nothing. */
static inline uint32_t kg_crowd_before(const struct kg_channel *ch)
{
	return KG_UNLIKELY(ch->line.session->counts) ? kg_kcp_held(ch->line.kcp) : 0;
}
void kg_crowd_add(const struct kg_channel *ch, uint32_t more);

static inline void kg_crowd_after(const struct kg_channel *ch, uint32_t before)
{
	if (KG_UNLIKELY(ch->line.session->counts))
		kg_crowd_add(ch, kg_kcp_held(ch->line.kcp) - before);
}

/* It is one of a crowd; false where nothing is counted. */
bool kg_crowd_holds_all(const struct kg_channel *ch);
static inline bool kg_crowd_has(const struct kg_channel *ch)
{
	return KG_UNLIKELY(ch->line.session->counts) && kg_crowd_holds_all(ch);
}
