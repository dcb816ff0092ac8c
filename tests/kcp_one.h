/* SPDX-License-Identifier: BSD-3-Clause */
/* One engine whose peer is the test: segments are written and read by hand. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kcp/kcp.h"
#include "kcp/kcp_segment.h"

#define CONV  0x11223344u
#define MS    ((uint64_t)KG_US_PER_MS)
#define T0_MS 1000u /* the clock when an engine is created */

struct one {
	struct kg_mem mem;
	struct kg_buf_malloc_pool pool;
	struct kg_kcp *kcp;
	uint64_t now_us;
	unsigned int events; /* of the last input */
	uint32_t una;        /* of the peer's PUSHes */
	uint8_t in[KG_KCP_MTU_MAX];
	uint16_t in_len;
	/* the last datagram taken, and its segments */
	uint8_t out[KG_KCP_MTU_MAX];
	uint16_t out_len;
	struct kg_kcp_segment seg[KG_KCP_MTU_MAX / KG_KCP_HEADER_BYTES];
	unsigned int segs;
};

static inline struct kg_kcp_params one_params(void)
{
	return (struct kg_kcp_params){
		.conv = CONV,
		.mtu = 1400,
		.snd_wnd = 128,
		.rcv_wnd = 128,
		.nodelay = 1,
		.interval_ms = 10,
		.resend = 2,
		.nc = true,
		.blast = true,
	};
}

static inline void one_init(struct one *o, const struct kg_kcp_params *params)
{
	memset(o, 0, sizeof(*o));
	kg_mem_malloc_init(&o->mem);
	kg_buf_malloc_pool_init(&o->pool, SIZE_MAX);
	o->now_us = T0_MS * MS;
	o->una = params->first_sn;
	o->kcp = kg_kcp_create(params, &o->mem, &o->pool.pool, o->now_us);
	assert_non_null(o->kcp);
}

static inline void one_init_default(struct one *o)
{
	struct kg_kcp_params params = one_params();

	one_init(o, &params);
}

static inline void one_fini(struct one *o)
{
	kg_kcp_destroy(o->kcp);
	assert_int_equal(o->mem.in_use_bytes, 0);
	assert_int_equal(o->pool.in_use, 0);
}

static inline struct kg_kcp_stats one_stats(const struct one *o)
{
	struct kg_kcp_stats stats;

	kg_kcp_get_stats(o->kcp, &stats);
	return stats;
}

/* Adds a segment to the datagram under construction. */
static inline void one_add(struct one *o, struct kg_kcp_segment seg, const char *payload)
{
	seg.len = (uint32_t)strlen(payload);
	kg_kcp_segment_encode(o->in + o->in_len, &seg);
	memcpy(o->in + o->in_len + KG_KCP_HEADER_BYTES, payload, seg.len);
	o->in_len += KG_KCP_HEADER_BYTES + seg.len;
}

static inline enum kg_drop one_input(struct one *o)
{
	enum kg_drop drop = kg_kcp_input(o->kcp, o->in, o->in_len, o->now_us, &o->events);

	o->in_len = 0;
	return drop;
}

/* One segment without payload, in a datagram of its own. */
static inline void one_hear(struct one *o, struct kg_kcp_segment seg)
{
	one_add(o, seg, "");
	assert_int_equal(one_input(o), KG_DROP_NONE);
}

static inline void one_push(struct one *o, uint32_t sn, uint8_t frg, uint32_t ts,
			    const char *payload)
{
	struct kg_kcp_segment seg = {
		.conv = CONV,
		.cmd = KG_KCP_PUSH,
		.frg = frg,
		.wnd = 128,
		.ts = ts,
		.sn = sn,
		.una = o->una,
	};

	one_add(o, seg, payload);
	assert_int_equal(one_input(o), KG_DROP_NONE);
}

static inline struct kg_kcp_segment ack_segment(uint32_t sn, uint32_t ts, uint32_t una)
{
	return (struct kg_kcp_segment){
		.conv = CONV, .cmd = KG_KCP_ACK, .wnd = 128, .ts = ts, .sn = sn, .una = una
	};
}

static inline void one_ack(struct one *o, uint32_t sn, uint32_t ts, uint32_t una)
{
	one_hear(o, ack_segment(sn, ts, una));
}

/* Takes the next datagram apart; false when none is due. */
static inline bool one_output(struct one *o)
{
	size_t at = 0, bytes;

	o->segs = 0;
	o->out_len = kg_kcp_output(o->kcp, o->now_us, o->out);
	if (o->out_len == 0)
		return false;
	for (; at < o->out_len; at += bytes) {
		bytes = kg_kcp_segment_decode(o->out + at, o->out_len - at, &o->seg[o->segs]);
		assert_true(bytes > 0);
		o->segs++;
	}
	return true;
}

/* Lets every datagram out that is due; returns the number of PUSH segments in them. */
static inline unsigned int one_drain(struct one *o)
{
	unsigned int pushes = 0;

	while (one_output(o))
		for (unsigned int i = 0; i < o->segs; i++)
			pushes += o->seg[i].cmd == KG_KCP_PUSH;
	return pushes;
}

static inline bool one_send(struct one *o, const void *bytes, size_t len)
{
	uint16_t mss = kg_kcp_mss(o->kcp);
	struct kg_buf *chain = kg_buf_chain_copy(&o->pool.pool, bytes, len, mss, mss);
	bool sent;

	if (chain == NULL)
		return false;
	sent = kg_kcp_send(o->kcp, chain, o->now_us);
	if (!sent)
		kg_buf_free_chain(chain);
	return sent;
}

/* Sends n one-byte messages. */
static inline void one_send_many(struct one *o, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		assert_true(one_send(o, "x", 1));
}

/* The same, and all of them leave at once. */
static inline void one_send_now(struct one *o, unsigned int n)
{
	one_send_many(o, n);
	assert_int_equal(one_drain(o), n);
}

/* A message, and its ACK a round trip later. */
static inline void one_round_trip(struct one *o, uint32_t sn, uint64_t rtt_us)
{
	uint32_t ts = (uint32_t)(o->now_us / MS);

	one_send_now(o, 1);
	o->now_us += rtt_us;
	one_ack(o, sn, ts, sn + 1);
}

/* The next message must be this text. */
static inline void one_expect(struct one *o, const char *text)
{
	struct kg_buf *chain = kg_kcp_recv(o->kcp);
	char bytes[4096];
	size_t len;

	assert_non_null(chain);
	len = kg_buf_chain_gather(chain, bytes);
	kg_buf_free_chain(chain);
	assert_int_equal(len, strlen(text));
	assert_memory_equal(bytes, text, len);
}
