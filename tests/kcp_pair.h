/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two engines and a link between them in virtual time: same seed, same run. The link delays,
 * jitters, loses, doubles and reorders; an engine may be polled only every so often, as a peer
 * that sits on its ACKs is. Everything read is checked against the pattern that was sent.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "kcp/internal.h"

/* The numbers of KCPTube's presets. */
struct preset {
	const char *name;
	uint8_t nodelay;
	uint16_t interval_ms;
	uint8_t resend;
	uint16_t window;
};

static const struct preset presets[] __attribute__((unused)) = {
	{ "fast1", 1, 0, 2, 2048 },     { "fast2", 2, 0, 2, 2048 },
	{ "fast3", 1, 1, 3, 2048 },     { "fast4", 2, 1, 3, 2048 },
	{ "fast5", 1, 1, 4, 2048 },     { "fast6", 2, 1, 4, 2048 },
	{ "regular1", 1, 1, 5, 1024 },  { "regular2", 2, 1, 5, 1024 },
	{ "regular3", 0, 1, 2, 1024 },  { "regular4", 0, 15, 2, 1024 },
	{ "regular5", 0, 30, 2, 1024 },
};

struct packet {
	uint64_t due_us, order;
	int to;
	uint16_t len;
	uint8_t data[KG_KCP_MTU_MAX];
};

struct link {
	uint64_t delay_us, jitter_us;
	uint32_t loss_permille, twice_permille;
	bool overtake;          /* jitter may change the order */
	uint32_t rate_bytes_ms; /* 0: no limit */
	uint64_t free_ns;       /* when the sender's line is free again */
	uint64_t last_due_us;
};

struct pair {
	struct kg_mem mem;
	struct kg_buf_malloc_pool pool;
	struct kg_rng rng;
	struct kg_kcp *kcp[2];
	struct link link[2]; /* from each */
	uint64_t poll_us[2]; /* output only at multiples of this; 0: when due */
	bool reads[2];
	uint64_t now_us, datagrams, wire_bytes;
	struct packet **heap; /* datagrams under way, earliest first */
	size_t heap_count, heap_room;
	uint32_t sent[2], got[2]; /* messages by sender; by receiver */
	/* May be NULL; true: this datagram is lost. */
	bool (*lose)(struct pair *p, int from, const uint8_t *data, uint16_t len);
};

static inline struct kg_kcp_params preset_params(const struct preset *preset)
{
	return (struct kg_kcp_params){
		.conv = 0x11223344,
		.mtu = 1400,
		.snd_wnd = preset->window,
		.rcv_wnd = preset->window,
		.nodelay = preset->nodelay,
		.interval_ms = preset->interval_ms,
		.resend = preset->resend,
		.nc = true,
		.blast = true,
		.pace = true,
	};
}

static inline void pair_init(struct pair *p, const struct kg_kcp_params *a,
			     const struct kg_kcp_params *b, uint64_t seed)
{
	memset(p, 0, sizeof(*p));
	kg_mem_malloc_init(&p->mem);
	kg_buf_malloc_pool_init(&p->pool, SIZE_MAX);
	kg_rng_init(&p->rng, seed);
	p->now_us = 1000000;
	p->kcp[0] = kg_kcp_create(a, &p->mem, &p->pool.pool, p->now_us);
	p->kcp[1] = kg_kcp_create(b, &p->mem, &p->pool.pool, p->now_us);
	assert_non_null(p->kcp[0]);
	assert_non_null(p->kcp[1]);
	p->reads[0] = p->reads[1] = true;
}

/* Ends the pair; nothing may be left behind. */
static inline void pair_fini(struct pair *p)
{
	for (size_t i = 0; i < p->heap_count; i++)
		free(p->heap[i]);
	free(p->heap);
	kg_kcp_destroy(p->kcp[0]);
	kg_kcp_destroy(p->kcp[1]);
	assert_int_equal(p->mem.in_use_bytes, 0);
	assert_int_equal(p->pool.in_use, 0);
}

static inline bool earlier(const struct packet *a, const struct packet *b)
{
	return a->due_us != b->due_us ? a->due_us < b->due_us : a->order < b->order;
}

static inline void heap_swap(struct pair *p, size_t i, size_t k)
{
	struct packet *held = p->heap[i];

	p->heap[i] = p->heap[k];
	p->heap[k] = held;
}

static inline void heap_push(struct pair *p, struct packet *pkt)
{
	size_t i = p->heap_count++;

	if (p->heap_count > p->heap_room) {
		p->heap_room = p->heap_count * 2;
		p->heap = realloc(p->heap, p->heap_room * sizeof(struct packet *));
	}
	p->heap[i] = pkt;
	for (; i > 0 && earlier(p->heap[i], p->heap[(i - 1) / 2]); i = (i - 1) / 2)
		heap_swap(p, i, (i - 1) / 2);
}

static inline struct packet *heap_pop(struct pair *p)
{
	struct packet *top = p->heap[0];
	size_t i = 0, k;

	p->heap[0] = p->heap[--p->heap_count];
	while ((k = 2 * i + 1) < p->heap_count) {
		if (k + 1 < p->heap_count && earlier(p->heap[k + 1], p->heap[k]))
			k++;
		if (!earlier(p->heap[k], p->heap[i]))
			break;
		heap_swap(p, i, k);
		i = k;
	}
	return top;
}

static inline void link_carry(struct pair *p, int from, const uint8_t *data, uint16_t len)
{
	struct link *link = &p->link[from];
	struct packet *pkt = malloc(sizeof(*pkt));
	uint64_t due_us;

	link->free_ns = KG_MAX(link->free_ns, p->now_us * 1000);
	if (link->rate_bytes_ms > 0)
		link->free_ns += len * UINT64_C(1000000) / link->rate_bytes_ms;
	due_us = link->free_ns / 1000 + link->delay_us;
	if (link->jitter_us > 0)
		due_us += kg_rng_below(&p->rng, (uint32_t)link->jitter_us + 1);
	if (!link->overtake)
		due_us = KG_MAX(due_us, link->last_due_us);
	link->last_due_us = due_us;
	pkt->due_us = due_us;
	pkt->order = p->datagrams++;
	pkt->to = !from;
	pkt->len = len;
	memcpy(pkt->data, data, len);
	heap_push(p, pkt);
}

static inline void link_put(struct pair *p, int from, const uint8_t *data, uint16_t len)
{
	p->wire_bytes += len;
	if (p->lose != NULL && p->lose(p, from, data, len))
		return;
	if (kg_rng_below(&p->rng, 1000) < p->link[from].loss_permille)
		return;
	link_carry(p, from, data, len);
	if (kg_rng_below(&p->rng, 1000) < p->link[from].twice_permille)
		link_carry(p, from, data, len);
}

/* Message k: its number, then bytes that follow from it. */
static inline uint8_t pattern(uint32_t message, size_t at)
{
	return at < 4 ? (uint8_t)(message >> (8 * at)) : (uint8_t)(31 * message + 7 * at + 3);
}

/* Queues the next message of `from`; at least 4 bytes. */
static inline bool pair_send(struct pair *p, int from, size_t len)
{
	uint8_t *bytes = malloc(len);
	uint16_t mss = kg_kcp_mss(p->kcp[from]);
	struct kg_buf *chain;

	for (size_t i = 0; i < len; i++)
		bytes[i] = pattern(p->sent[from], i);
	chain = kg_buf_chain_copy(&p->pool.pool, bytes, len, mss, mss);
	free(bytes);
	if (chain == NULL)
		return false;
	if (!kg_kcp_send(p->kcp[from], chain, p->now_us)) {
		kg_buf_free_chain(chain);
		return false;
	}
	p->sent[from]++;
	return true;
}

static inline void pair_read(struct pair *p, int side)
{
	static uint8_t bytes[KG_KCP_FRAGMENTS_MAX * KG_KCP_MTU_MAX];
	struct kg_buf *chain;

	while ((chain = kg_kcp_recv(p->kcp[side])) != NULL) {
		size_t len = kg_buf_chain_gather(chain, bytes);

		for (size_t i = 0; i < len; i++)
			assert_int_equal(bytes[i], pattern(p->got[side], i));
		kg_buf_free_chain(chain);
		p->got[side]++;
	}
	assert_int_equal(p->kcp[side]->recv.messages, 0);
}

static inline void pair_output(struct pair *p, int side)
{
	uint8_t out[KG_KCP_MTU_MAX];
	uint16_t len;

	while ((len = kg_kcp_output(p->kcp[side], p->now_us, out)) > 0)
		link_put(p, side, out, len);
}

static inline uint64_t pair_output_us(const struct pair *p, int side)
{
	uint64_t due_us = kg_kcp_deadline_us(p->kcp[side]), poll_us = p->poll_us[side];

	due_us = KG_MAX(due_us, p->now_us);
	if (due_us != KG_NEVER_US && poll_us > 0)
		due_us = (due_us + poll_us - 1) / poll_us * poll_us;
	return due_us;
}

static inline uint64_t pair_next_us(const struct pair *p)
{
	uint64_t next_us = KG_MIN(pair_output_us(p, 0), pair_output_us(p, 1));

	return p->heap_count > 0 ? KG_MIN(next_us, p->heap[0]->due_us) : next_us;
}

static inline void pair_deliver(struct pair *p)
{
	while (p->heap_count > 0 && p->heap[0]->due_us <= p->now_us) {
		struct packet *pkt = heap_pop(p);
		unsigned int events;

		assert_int_equal(
			kg_kcp_input(p->kcp[pkt->to], pkt->data, pkt->len, p->now_us, &events),
			KG_DROP_NONE);
		free(pkt);
	}
}

/* Runs everything that happens up to and at `until_us`. */
static inline void pair_run(struct pair *p, uint64_t until_us)
{
	uint64_t next_us;

	while ((next_us = pair_next_us(p)) <= until_us) {
		p->now_us = KG_MAX(p->now_us, next_us);
		pair_deliver(p);
		for (int side = 0; side < 2; side++) {
			if (p->reads[side])
				pair_read(p, side);
			if (pair_output_us(p, side) <= p->now_us)
				pair_output(p, side);
		}
	}
	p->now_us = until_us;
}

/* Runs until all messages are read, or `limit_us` more have passed; true when they are. */
static inline bool pair_finish(struct pair *p, uint64_t limit_us)
{
	uint64_t end_us = p->now_us + limit_us;

	while (p->got[1] < p->sent[0] || p->got[0] < p->sent[1] ||
	       kg_kcp_unacked(p->kcp[0]) + kg_kcp_unacked(p->kcp[1]) > 0) {
		uint64_t next_us = pair_next_us(p);

		if (next_us > end_us)
			return false;
		pair_run(p, next_us);
	}
	return true;
}

static inline struct kg_kcp_stats pair_stats(const struct pair *p, int side)
{
	struct kg_kcp_stats stats;

	kg_kcp_get_stats(p->kcp[side], &stats);
	return stats;
}

/* Both directions alike. */
static inline void pair_set_links(struct pair *p, struct link link)
{
	p->link[0] = p->link[1] = link;
}
