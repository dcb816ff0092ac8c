/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Payload buffers.
 *
 * A buffer has one owner at a time. Whoever passes a buffer on gives it away; whoever holds it
 * last frees it, on any thread. A message longer than one buffer is a chain over `next`; each
 * buffer of a chain becomes, or was, one KCP segment. The box backs pools with DPDK mempools in
 * two size classes, so that a 60-byte payload does not pin 2 KiB; tests back them with malloc
 * (kg_buf_malloc_pool).
 */
#pragma once

#include "base/base.h"

struct kg_buf_pool;

/* Room in front of the payload that senders leave for the message header (wire/message.h). */
#define KG_BUF_HEADROOM 16
/* Of the cache; a cold buffer has room for so many bytes in whole lines behind its first one. */
#define KG_BUF_LINE      64u
#define KG_BUF_COLD_ROOM 1984u

struct kg_buf {
	struct kg_buf *next;      /* next fragment of the same message, or next of a list */
	struct kg_buf_pool *pool; /* where it goes back to */
	uint8_t *data;            /* first valid byte */
	uint16_t len;             /* valid bytes from data */
	uint16_t room;            /* payload bytes that fit behind the headroom */
	uint32_t mark;            /* free for the owner */
};

/*
 * What a buffer is for. A part of every pool is kept for what makes conversations go on, and
 * without which buffers that wait would wait for ever.
 */
enum kg_buf_use {
	KG_BUF_MORE,  /* one more of many; leaves what is kept */
	KG_BUF_FEW,   /* in order, for a reader who has few unread; leaves half of what is kept */
	KG_BUF_CROWD, /* one of the next two, of a crowd (session/crowd.c); leaves three eighths */
	KG_BUF_FIRST, /* an application's, of whom nothing waits; leaves a quarter */
	KG_BUF_VITAL, /* in order, for a reader who has nothing; words of the protocol */
};

/* Segments that a conversation may hold in each place, however tight memory is. */
#define KG_BUF_FLOOR 4u
/* Of datagrams that come at once: the longest one is 47 segments. */
#define KG_BUF_BURST 64u
/*
 * Dynamic threshold: one conversation may hold this part of what is free beyond what is kept. With
 * k conversations that all want more, 1/(1 + k/KG_BUF_SHARE_DIVISOR) of it stays free for the
 * others.
 */
#define KG_BUF_SHARE_DIVISOR 8
/* A kind of segments that ends is nearly forgotten after a few times as many. */
#define KG_BUF_MIX_SEGMENTS 32

struct kg_buf_pool {
	/*
	 * A buffer with data = start of room behind KG_BUF_HEADROOM, len 0, next NULL and at least
	 * `room` bytes; NULL when the pool has none for this use. Any thread, as the pool's backing
	 * allows.
	 */
	struct kg_buf *(*alloc)(struct kg_buf_pool *pool, uint16_t room, enum kg_buf_use use);
	/* Takes back exactly one buffer; `next` is ignored. */
	void (*free)(struct kg_buf *buf);
	/* See base/cold.h; leaves what is kept. */
	struct kg_buf *(*alloc_cold)(struct kg_buf_pool *pool);
	void (*free_cold)(struct kg_buf_pool *pool, struct kg_buf *buf);
	/*
	 * How many buffers of a kind one conversation should hold at most while memory is as tight
	 * as it is now (UINT32_MAX: no pressure). Written by the pool's host on any thread, while
	 * others read it.
	 */
	uint32_t fair_share;
	uint32_t left; /* large ones that are free, kept or not; written likewise */
	/* What is no longer takes a small buffer, of which there are as many as of large ones; 0:
	 * there is one kind. */
	uint16_t small_room;
};

/* Another thread may have changed it by the next time. */
static inline uint32_t kg_buf_fair_share(const struct kg_buf_pool *pool)
{
	return __atomic_load_n(&pool->fair_share, __ATOMIC_RELAXED);
}

/* The same: for who has to know how much others have left. */
static inline uint32_t kg_buf_left(const struct kg_buf_pool *pool)
{
	return __atomic_load_n(&pool->left, __ATOMIC_RELAXED);
}

/*
 * Of a conversation's segments, which part was small lately: a `mix` of 255, 0 at first, hears of
 * the next one. Who has some of each kind may hold more of them than of one: up to twice as many.
 * Most conversations have one kind, whose mix stays.
 */
static inline void kg_buf_mix_note(uint8_t *mix, const struct kg_buf_pool *pool, uint16_t len)
{
	uint8_t end = len <= pool->small_room ? UINT8_MAX : 0;
	int step = end - *mix;

	if (step > 0)
		*mix += (uint8_t)((step + KG_BUF_MIX_SEGMENTS - 1) / KG_BUF_MIX_SEGMENTS);
	else if (step < 0)
		*mix -= (uint8_t)((KG_BUF_MIX_SEGMENTS - 1 - step) / KG_BUF_MIX_SEGMENTS);
}

/* Segments in place of buffers of a kind. */
static inline uint32_t kg_buf_share_of_mix(uint32_t share, uint8_t mix)
{
	uint64_t segments = (uint64_t)share * UINT8_MAX / KG_MAX(mix, UINT8_MAX - mix);

	return (uint32_t)KG_MIN(segments, (uint64_t)UINT32_MAX);
}

/* Of `kept` buffers, how many such a use leaves. */
static inline size_t kg_buf_left_by(enum kg_buf_use use, size_t kept)
{
	static const uint8_t eighths[] = {
		[KG_BUF_MORE] = 8,  [KG_BUF_FEW] = 4,   [KG_BUF_CROWD] = 3,
		[KG_BUF_FIRST] = 2, [KG_BUF_VITAL] = 0,
	};

	return kept * eighths[use] / 8;
}

/* The share of one conversation in a pool of which `free` buffers are free. */
static inline uint32_t kg_buf_share(size_t free, size_t kept)
{
	size_t share = free > kept ? (free - kept) / KG_BUF_SHARE_DIVISOR : 0;

	return (uint32_t)KG_MAX(share, (size_t)KG_BUF_FLOOR);
}

/* Segments that an application's conversation may hold on their way out. Datagrams come in bursts,
 * and what finds no room is lost: while there is anything beyond what is kept a burst has room, and
 * a small one always. */
static inline uint32_t kg_buf_share_of_sender(const struct kg_buf_pool *pool, bool datagrams)
{
	uint32_t share = kg_buf_fair_share(pool);
	uint32_t burst = share > KG_BUF_FLOOR ? KG_BUF_BURST : KG_BUF_BURST / 4;

	return datagrams ? KG_MAX(share, burst) : share;
}

static inline struct kg_buf *kg_buf_alloc_for(struct kg_buf_pool *pool, uint16_t room,
					      enum kg_buf_use use)
{
	return pool->alloc(pool, room, use);
}

static inline struct kg_buf *kg_buf_alloc(struct kg_buf_pool *pool, uint16_t room)
{
	return kg_buf_alloc_for(pool, room, KG_BUF_MORE);
}

static inline void kg_buf_free(struct kg_buf *buf)
{
	buf->pool->free(buf);
}

/* Frees a chain; NULL is allowed. */
void kg_buf_free_chain(struct kg_buf *head);

/* Buffers in a chain; 0 for NULL. */
static inline uint32_t kg_buf_chain_count(const struct kg_buf *head)
{
	uint32_t count = 0;

	for (; head != NULL; head = head->next)
		count++;
	return count;
}

/* Bytes in a chain; 0 for NULL. */
static inline size_t kg_buf_chain_len(const struct kg_buf *head)
{
	size_t len = 0;

	for (; head != NULL; head = head->next)
		len += head->len;
	return len;
}

/*
 * Copies `len` bytes into a new chain: `first` bytes at most in the first buffer and `rest` in
 * each later one. An empty message is one empty buffer. NULL when the pool runs dry.
 */
struct kg_buf *kg_buf_chain_copy_for(struct kg_buf_pool *pool, const void *from, size_t len,
				     uint16_t first, uint16_t rest, enum kg_buf_use use);

static inline struct kg_buf *kg_buf_chain_copy(struct kg_buf_pool *pool, const void *from,
					       size_t len, uint16_t first, uint16_t rest)
{
	return kg_buf_chain_copy_for(pool, from, len, first, rest, KG_BUF_MORE);
}

/* Copies a chain's bytes to `to` (at least kg_buf_chain_len bytes); returns their number. */
size_t kg_buf_chain_gather(const struct kg_buf *head, void *to);

/*
 * The same bytes in buffers of at most `part` bytes each, none of them empty, and at most `most` of
 * them: the chain itself where it is so already, else a copy in as few as it takes. NULL, and the
 * chain stays, where they would be more, or the pool runs dry.
 */
struct kg_buf *kg_buf_chain_cut(struct kg_buf_pool *pool, struct kg_buf *chain, uint16_t part,
				uint32_t most, enum kg_buf_use use);

/* Pool over malloc for tests and tools. `in_use` counts buffers that are out; `limit` bounds them,
 * and of these `kept` are not for all uses. */
struct kg_buf_malloc_pool {
	struct kg_buf_pool pool;
	size_t in_use;
	size_t limit, kept;
};
void kg_buf_malloc_pool_init(struct kg_buf_malloc_pool *pool, size_t limit);
