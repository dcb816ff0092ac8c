/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The receive side: segments out of order in a ring by sn, segments in order in one list, cut into
 * messages by their frg count-down.
 *
 *   list    [m1][m1][m1] [m2] [m3][m3]          ring   [m3][m4] rcv_nxt: gap, +1 held, +2 gap
 *                             partial   linked
 *
 * Window (docs/kcp.md §8.1): what may still come, counted from rcv_nxt, is rcv_wnd less the list.
 * Under memory pressure the pool's fair share takes the place of rcv_wnd, and the window is told as
 * it is then, though the peer has heard of a larger one. A message of more fragments than that is
 * let in whole, else it would never complete.
 *
 * A segment that was acknowledged is kept, and one beyond a hole is of no use until the hole is
 * filled. So under pressure what lies beyond holes is taken only while there is plenty, and never
 * more of it than twice the share; what comes in order always has a place (docs/decisions/0021).
 *
 * Messages of the early kind overtake: kcp_early.c takes them out of the ring and puts them into
 * the list, before the message that is not complete there.
 */
#pragma once

#include "base/buf.h"
#include "kcp/kcp_ring.h"

struct kg_kcp_segment;

/* A segment in the ring. All that has to be known of it is here: its buffer is not touched again
 * until it is linked. */
struct kg_kcp_held {
	struct kg_buf *buf; /* NULL: not held */
	uint16_t len;
	uint8_t frg;
	bool cold : 1; /* buf is a cold one */
	bool tail : 1; /* not its message's first, as far as the peer says so */
};

struct kg_kcp_recv {
	struct kg_kcp_ring ring;      /* of struct kg_kcp_held */
	uint32_t nxt;                 /* next sn in order */
	uint32_t linked;              /* the list goes up to here, then the ring up to nxt */
	uint32_t held;                /* segments from nxt on, in the ring */
	uint32_t listed;              /* segments before nxt, in list and ring */
	uint32_t messages;            /* whole ones in the list */
	uint32_t advertised;          /* the furthest right edge the peer was told */
	bool told_shut : 1;           /* the last word was a window of 0 */
	bool put_off : 1;             /* what came in order found no buffer beside what is unread */
	bool of_crowd : 1;            /* others of its origin hold nearly all buffers */
	bool unfenced : 1;            /* payload may be on its way to memory */
	bool fragmented : 1;          /* early_kind: some message came in several segments */
	bool tails : 1;               /* both say what is not its message's first */
	bool pulled : 1;              /* in a share: the peer is told no more than it is granted */
	bool asked : 1;               /* the peer has asked where we are: it is no original */
	uint8_t mix;                  /* kg_buf_mix_note */
	uint16_t wnd;                 /* configured */
	uint8_t partial;              /* segments of the unfinished message at the tail */
	uint8_t partial_left;         /* how many it still needs */
	uint8_t early_kind;           /* 0: no message is given early */
	struct kg_buf *head;          /* list of segments over next; mark is frg */
	struct kg_buf **tail_link;    /* where the next segment goes */
	struct kg_buf **partial_link; /* where the unfinished message begins */
};

/* In the ring: the segment has been given early. */
extern struct kg_buf kg_kcp_recv_given;

static inline struct kg_kcp_held *kg_kcp_recv_slot(const struct kg_kcp_recv *recv, uint32_t sn)
{
	return (struct kg_kcp_held *)recv->ring.slots + (sn & (recv->ring.capacity - 1));
}

static inline bool kg_kcp_recv_in_ring(const struct kg_kcp_recv *recv, uint32_t sn)
{
	return sn - recv->linked < recv->ring.capacity && kg_kcp_recv_slot(recv, sn)->buf != NULL;
}

enum kg_kcp_stored {
	KG_KCP_STORED_NEW,       /* taken */
	KG_KCP_STORED_DUPLICATE, /* had it before */
	KG_KCP_STORED_OUTSIDE,   /* beyond the window */
	KG_KCP_STORED_NO_ROOM,   /* no buffer, no memory, or more than its share */
};

void kg_kcp_recv_init(struct kg_kcp_recv *recv, uint32_t first_sn, uint16_t wnd);
void kg_kcp_recv_fini(struct kg_kcp_recv *recv, struct kg_mem *mem, struct kg_buf_pool *pool);
void kg_kcp_recv_set_window(struct kg_kcp_recv *recv, uint16_t wnd);

/* Takes in one PUSH segment: copies its payload into a buffer of its size. */
enum kg_kcp_stored kg_kcp_recv_store(struct kg_kcp_recv *recv, struct kg_mem *mem,
				     struct kg_buf_pool *pool, const struct kg_kcp_segment *seg);

/* The held segment's buffer, ready for whoever gets it. */
struct kg_buf *kg_kcp_recv_thaw(struct kg_kcp_recv *recv, const struct kg_kcp_held *held);

/* Nothing is held out of order: gives back what memory the ring has. */
void kg_kcp_recv_trim(struct kg_kcp_recv *recv, struct kg_mem *mem);

/* Next whole message, or NULL. */
struct kg_buf *kg_kcp_recv_take(struct kg_kcp_recv *recv);

/* Segments that it may hold while memory is as tight as it is now. */
uint32_t kg_kcp_recv_share(const struct kg_kcp_recv *recv, const struct kg_buf_pool *pool);
/* Segments that may come now, counted from nxt; at most KG_KCP_WINDOW_MAX. */
uint32_t kg_kcp_recv_window(const struct kg_kcp_recv *recv, const struct kg_buf_pool *pool);
/* From now on the peer knows of it. */
void kg_kcp_recv_told(struct kg_kcp_recv *recv, uint32_t window);
/* True when the peer was told of no window but now there is one worth telling: a good part of it,
 * or all that can be had until more data comes. */
bool kg_kcp_recv_reopened(const struct kg_kcp_recv *recv, const struct kg_buf_pool *pool);
