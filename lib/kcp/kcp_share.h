/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What conversations with one peer share: a rate, a window, and permits (kcp.h has what their owner
 * does). A conversation whose data is due asks for a permit and stands in a line; a permit is for
 * one datagram, and then it stands behind the others again. Who mends, for a copy of what is under
 * way is due, stands in a line of its own that goes first and knows no window: where all that is
 * under way was lost, nothing else helps. Who has next to nothing under way asks nobody, but what
 * it sends counts; nor does who is alone, for nobody else has something under way or waits.
 *
 * Who has had a time-out and heard nothing since only mends, and what it has under way counts no
 * more: the path may well be there for the others.
 */
#pragma once

#include <sys/queue.h>

#include "kcp/kcp_pace.h"
#include "rate/ledger.h"
#include "rate/pull.h"
#include "rate/rate.h"

struct kg_kcp;

enum kg_kcp_waits {
	KG_KCP_WAITS_NOT,
	KG_KCP_WAITS_TO_MEND,
	KG_KCP_WAITS_TO_SEND,
};

/* Segments, queued or under way, that are next to nothing. */
#define KG_KCP_SPARSE 4u

TAILQ_HEAD(kg_kcp_waiting, kg_kcp);

struct kg_kcp_share {
	struct kg_mem *mem;
	void *user;
	struct kg_kcp_pace pace; /* free, gap, window */
	struct kg_rate rate;
	struct kg_ledger *ledger; /* NULL: nobody keeps one */
	struct kg_pull *pull;     /* NULL: nobody is pulled */
	struct kg_kcp_waiting mending, sending;
	uint64_t active_us;     /* something was sent or heard */
	uint32_t members, busy; /* conversations; those with something under way */
	/* Segments of all of them. Those that count ever, modulo 2^32, do not stand side by side: a
	 * compiler would add both at once, and read an account by a load wider than the stores just
	 * before, which waits until all that was stored has left the core. */
	uint32_t delivered;
	uint32_t under_way;
	uint32_t lost;
	bool begun;     /* something had to wait once */
	bool late;      /* the first in line has waited for the pace alone */
	uint8_t in_row; /* permits that it has had, but for the first */
};

/* In place of a conversation's own pace. */
struct kg_kcp_member {
	struct kg_kcp_share *share;
	void *user;
	TAILQ_ENTRY(kg_kcp) wait_link;
};

/* What a conversation has told of itself, before something happens to it. */
struct kg_kcp_account {
	uint32_t under_way, delivered, lost;
};
void kg_kcp_share_account(struct kg_kcp_share *share, const struct kg_kcp_account *before,
			  const struct kg_kcp_account *now);
/* What has changed since is the share's, too. */
void kg_kcp_share_note(struct kg_kcp *kcp, const struct kg_kcp_account *before);
/* It is no member any more; harmless when it was none. */
void kg_kcp_leave(struct kg_kcp *kcp);
/* Where it stands; it waits. */
struct kg_kcp_waiting *kg_kcp_waiting_of(struct kg_kcp *kcp);
/* Whether who has just sent may send more before the others; and whether he does. */
bool kg_kcp_share_has_row(const struct kg_kcp_share *share);
void kg_kcp_share_count(struct kg_kcp_share *share, bool on);
/* Segments that one of the busy may have under way: a share of the window. */
uint32_t kg_kcp_share_window(const struct kg_kcp_share *share);
